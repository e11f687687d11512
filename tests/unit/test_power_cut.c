/* A durable engine whose power is cut: at each sync and at random moments, from a printed seed. What it had
 * told is there, and it goes on. BATON_SEED repeats a run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "durable_scene.h"
#include "power_cut.h"

enum { VARIANTS = 3, RANDOM_CUTS = 150 };

static uint64_t seed;

/* Told before the cut. */
static size_t told_until(size_t time) {
    size_t count = 0;
    while (count < told.count && told.list[count].when <= time) count++;
    return count;
}

/* With sync=normal the last moments may be lost, and with them what was told; then all of it begins anew.
 */
static void expect_survival(size_t time, bool sync_normal) {
    static fact before[FACTS_MAX];
    size_t count = told.count;
    memcpy(before, told.list, count * sizeof *before);
    char path[sizeof scene_path + 8];
    snprintf(path, sizeof path, "%s.cut", scene_path);
    cut_at(time, scene_path, path);
    told.count = sync_normal ? 0 : told_until(time);
    go_on(path);
    kit_forget_store(path);
    told.count = count;
    memcpy(told.list, before, count * sizeof *before);
}

static void record_scene(bool sync_normal) {
    baton_error *err = NULL;
    told.count = 0;
    new_store();
    disk_record();
    baton_engine *engine = scene_engine(scene_path, sync_normal, &err);
    expect_code(err, BATON_ERROR_NONE);
    play(engine, &err);
    expect_code(err, BATON_ERROR_NONE);
    baton_engine_free(engine);
    disk.records = false;
    assert_true(disk.trace_count > 300 && disk.trace_count < TRACES_MAX);
}

static bool is_sync(size_t time) {
    return time < disk.trace_count &&
           (disk.traces[time].kind == TRACE_SYNC || disk.traces[time].kind == TRACE_SYNC_FOLDER);
}

static void cut_everywhere(bool sync_normal) {
    record_scene(sync_normal);
    cut_begin(seed);
    size_t cuts = 0;
    for (size_t time = 0; time <= disk.trace_count; time++) {
        bool boundary = is_sync(time) || (time && is_sync(time - 1));
        int count = boundary ? VARIANTS : cut_random((uint32_t)disk.trace_count) < RANDOM_CUTS;
        for (int i = 0; i < count; i++, cuts++) expect_survival(time, sync_normal);
    }
    print_message("%zu cuts in %zu operations\n", cuts, disk.trace_count);
    disk_forget();
}

static void test_what_was_told_survives(void **state) {
    (void)state;
    cut_everywhere(false);
}

static void test_sync_normal_stays_consistent(void **state) {
    (void)state;
    cut_everywhere(true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_told_survives),
        TEST(test_sync_normal_stays_consistent),
    };
    const char *text = getenv("BATON_SEED");
    seed = text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
    printf("BATON_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    faulty_install();
    make_workflows();
    int failed = cmocka_run_group_tests_name("power_cut", tests, NULL, NULL);
    free_workflows();
    cut_begin(0);
    return failed;
}
