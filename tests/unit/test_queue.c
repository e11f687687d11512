/* The queue. The tests named "ExecutionQueue.x" hold what the seed's method x promises; the others hold
 * what Baton adds: priorities, aging, search by id, and that nothing is lost.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool put(baton_queue *queue, const char *id, int priority, int64_t queued_at_ms) {
    return baton_queue_enqueue(
        queue, &(baton_queue_entry){.id = id, .priority = priority, .queued_at_ms = queued_at_ms}, NULL);
}

static void check_refused(baton_queue *queue, const char *id, int priority, baton_error_code code) {
    baton_error *err = NULL;
    size_t length = baton_queue_length(queue);
    assert_false(baton_queue_enqueue(queue, &(baton_queue_entry){.id = id, .priority = priority}, &err));
    assert_int_equal(baton_error_get_code(err), code);
    assert_int_equal(baton_queue_length(queue), length);
    baton_error_free(err);
    assert_false(put(queue, id, priority, 0));
}

static void check_next(baton_queue *queue, int64_t now_ms, const char *id) {
    baton_queue_entry entry = {.id = "none"};
    assert_true(baton_queue_dequeue(queue, now_ms, &entry));
    assert_string_equal(entry.id, id);
}

static baton_queue *make(size_t max_size, int64_t aging_ms) {
    baton_queue *queue =
        baton_queue_new(&(baton_queue_options){.max_size = max_size, .aging_ms = aging_ms});
    assert_non_null(queue);
    return queue;
}

static void test_enqueue_keeps_the_entry_with_its_time(void **state) {
    (void)state;
    baton_queue *queue = make(0, 0);
    int data;
    baton_queue_entry in = {.id = "a", .priority = 6, .data = &data, .queued_at_ms = 1234}, out;
    assert_true(baton_queue_enqueue(queue, &in, NULL));
    assert_true(baton_queue_dequeue(queue, 2000, &out));
    assert_ptr_equal(out.id, in.id);
    assert_int_equal(out.priority, 6);
    assert_ptr_equal(out.data, &data);
    assert_int_equal(out.queued_at_ms, 1234);
    baton_queue_free(queue);
    baton_queue_free(NULL);
}

static void test_enqueue_is_false_when_full(void **state) {
    (void)state;
    baton_queue *queue = make(2, 0);
    assert_true(put(queue, "a", 1, 0));
    assert_true(put(queue, "b", 1, 0));
    check_refused(queue, "c", 1, BATON_ERROR_QUEUE_FULL);
    check_next(queue, 0, "a");
    assert_true(put(queue, "c", 1, 0));
    check_next(queue, 0, "b");
    check_next(queue, 0, "c");
    baton_queue_free(queue);
}

static void test_enqueue_holds_a_hundred_by_default(void **state) {
    (void)state;
    baton_queue *queue = baton_queue_new(NULL);
    char ids[101][8];
    for (int i = 0; i <= 100; i++) {
        snprintf(ids[i], sizeof ids[i], "e%d", i);
        assert_int_equal(put(queue, ids[i], 1, i), i < 100);
    }
    assert_int_equal(baton_queue_get_statistics(queue).max_size, 100);
    baton_queue_free(queue);
}

static void test_enqueue_refuses_an_id_twice(void **state) {
    (void)state;
    baton_queue *queue = make(0, 0);
    char again[] = "a";
    assert_true(put(queue, "a", 1, 0));
    check_refused(queue, again, 6, BATON_ERROR_CONFLICT);
    check_next(queue, 0, "a");
    assert_true(put(queue, again, 6, 0));
    baton_queue_free(queue);
}

static void test_enqueue_refuses_priorities_beyond_the_limits(void **state) {
    (void)state;
    baton_queue *queue = make(1000, 0);
    check_refused(queue, "a", 1001, BATON_ERROR_USAGE);
    check_refused(queue, "a", -1001, BATON_ERROR_USAGE);
    static char ids[LIMIT_QUEUE_PRIORITIES][8];
    for (int i = 0; i < LIMIT_QUEUE_PRIORITIES; i++) {
        snprintf(ids[i], sizeof ids[i], "p%d", i);
        assert_true(put(queue, ids[i], i * 31 - 1000, 0));
    }
    check_refused(queue, "a", 1000, BATON_ERROR_LIMIT);
    check_refused(queue, "a", 5000, BATON_ERROR_USAGE);
    assert_true(put(queue, "a", -1000, 0));
    assert_true(baton_queue_remove(queue, "p7", NULL));
    assert_true(put(queue, "b", 1000, 0)); /* an empty priority makes room for another */
    check_next(queue, 0, "b");
    for (int i = LIMIT_QUEUE_PRIORITIES - 1; i >= 0; i--)
        if (i != 7) check_next(queue, 0, ids[i]);
    check_next(queue, 0, "a");
    baton_queue_free(queue);
}

static void test_dequeue_is_first_in_first_out(void **state) {
    (void)state;
    baton_queue *queue = make(0, 0);
    put(queue, "a", 1, 5);
    put(queue, "b", 1, 5);
    put(queue, "c", 1, 6);
    check_next(queue, 10, "a");
    put(queue, "a", 1, 7);
    check_next(queue, 10, "b");
    check_next(queue, 10, "c");
    check_next(queue, 10, "a");
    baton_queue_free(queue);
}

static void test_dequeue_is_false_when_empty(void **state) {
    (void)state;
    baton_queue *queue = make(0, 0);
    baton_queue_entry entry = {.id = "untouched"};
    assert_false(baton_queue_dequeue(queue, 0, &entry));
    put(queue, "a", 1, 0);
    check_next(queue, 0, "a");
    baton_queue_entry again = entry;
    assert_false(baton_queue_dequeue(queue, 0, &again));
    assert_string_equal(again.id, "untouched");
    baton_queue_free(queue);
}

static void test_dequeue_takes_the_highest_priority(void **state) {
    (void)state;
    baton_queue *queue = make(0, 0);
    put(queue, "normal", 1, 0);
    put(queue, "low", 0, 0);
    put(queue, "critical", 11, 0);
    put(queue, "high", 6, 0);
    put(queue, "high 2", 6, 0);
    check_next(queue, 0, "critical");
    check_next(queue, 0, "high");
    check_next(queue, 0, "high 2");
    check_next(queue, 0, "normal");
    check_next(queue, 0, "low");
    baton_queue_free(queue);
}

static void test_waiting_ages(void **state) {
    (void)state;
    baton_queue *queue = make(0, 100);
    put(queue, "low", 0, 1000);
    put(queue, "high", 5, 1499); /* low waited 499 ms longer: 4.99 priorities */
    check_next(queue, 1600, "high");
    put(queue, "high", 5, 1500); /* 5 priorities: equal, and the higher goes first */
    check_next(queue, 1600, "high");
    put(queue, "high", 5, 1501);
    check_next(queue, 1600, "low");
    baton_queue_free(queue);

    queue = make(0, 0); /* 10 seconds by default */
    put(queue, "normal", 1, 0);
    put(queue, "high", 6, 50001);
    check_next(queue, 60000, "normal");
    baton_queue_free(queue);
}

static void test_without_aging_only_priority_counts(void **state) {
    (void)state;
    baton_queue *queue = make(0, -1);
    put(queue, "old", 1, INT64_MIN);
    put(queue, "new", 2, INT64_MAX);
    check_next(queue, INT64_MAX, "new");
    check_next(queue, INT64_MAX, "old");
    baton_queue_free(queue);
}

static void test_clocks_at_their_ends_do_no_harm(void **state) {
    (void)state;
    baton_queue *queue = make(0, INT64_MAX);
    put(queue, "future", 0, INT64_MAX);
    put(queue, "past", -1000, INT64_MIN);
    put(queue, "high", 1000, 0);
    check_next(queue, INT64_MIN, "high"); /* what is queued in the future has not waited */
    check_next(queue, INT64_MAX, "past"); /* so long a wait outweighs any priority */
    check_next(queue, INT64_MAX, "future");
    baton_queue_free(queue);
}

static void test_length_and_is_empty(void **state) {
    (void)state;
    baton_queue *queue = make(0, 0);
    assert_int_equal(baton_queue_length(queue), 0);
    assert_true(baton_queue_is_empty(queue));
    put(queue, "a", 1, 0);
    put(queue, "b", 2, 0);
    assert_int_equal(baton_queue_length(queue), 2);
    assert_false(baton_queue_is_empty(queue));
    check_next(queue, 0, "b");
    assert_int_equal(baton_queue_length(queue), 1);
    baton_queue_free(queue);
}

static void test_clear_forgets_everything(void **state) {
    (void)state;
    baton_queue *queue = make(0, 0);
    baton_queue_clear(queue);
    put(queue, "a", 1, 0);
    put(queue, "b", 2, 0);
    baton_queue_clear(queue);
    assert_true(baton_queue_is_empty(queue));
    assert_false(baton_queue_find(queue, "a", NULL));
    baton_queue_entry entry;
    assert_false(baton_queue_dequeue(queue, 0, &entry));
    assert_true(put(queue, "a", 1, 0));
    check_next(queue, 0, "a");
    baton_queue_free(queue);
}

static void check_times(const baton_queue *queue, int64_t oldest, int64_t newest) {
    baton_queue_statistics statistics = baton_queue_get_statistics(queue);
    assert_int_equal(statistics.length, baton_queue_length(queue));
    assert_int_equal(statistics.max_size, 10);
    assert_int_equal(statistics.oldest_ms, oldest);
    assert_int_equal(statistics.newest_ms, newest);
}

static void test_statistics_tell_oldest_and_newest(void **state) {
    (void)state;
    baton_queue *queue = make(10, 0);
    check_times(queue, 0, 0);
    put(queue, "a", 1, 100);
    check_times(queue, 100, 100);
    put(queue, "b", 6, 200);
    put(queue, "c", 1, 300);
    put(queue, "d", 1, 400);
    put(queue, "e", 6, 500);
    check_times(queue, 100, 500);
    baton_queue_remove(queue, "c", NULL); /* from the middle of its FIFO */
    check_times(queue, 100, 500);
    baton_queue_remove(queue, "a", NULL); /* its head */
    check_times(queue, 200, 500);
    baton_queue_remove(queue, "e", NULL); /* the tail of the other */
    check_times(queue, 200, 400);
    check_next(queue, 500, "b");
    check_times(queue, 400, 400);
    baton_queue_remove(queue, "d", NULL);
    check_times(queue, 0, 0);
    baton_queue_free(queue);
}

static void test_find_and_remove_by_id(void **state) {
    (void)state;
    baton_queue *queue = make(0, 0);
    baton_queue_entry entry = {.id = "untouched"};
    assert_false(baton_queue_find(queue, "b", &entry));
    assert_false(baton_queue_remove(queue, "b", &entry));
    put(queue, "a", 1, 1);
    put(queue, "b", 2, 2);
    put(queue, "c", 1, 3);
    assert_false(baton_queue_find(queue, "d", &entry));
    assert_false(baton_queue_remove(queue, "", &entry));
    assert_string_equal(entry.id, "untouched");
    assert_true(baton_queue_find(queue, "b", NULL));
    assert_true(baton_queue_find(queue, "b", &entry));
    assert_int_equal(entry.priority, 2);
    assert_int_equal(entry.queued_at_ms, 2);
    assert_true(baton_queue_remove(queue, "a", &entry));
    assert_string_equal(entry.id, "a");
    assert_false(baton_queue_find(queue, "a", NULL));
    assert_false(baton_queue_remove(queue, "a", NULL));
    check_next(queue, 5, "b");
    check_next(queue, 5, "c");
    baton_queue_free(queue);
}

static void test_a_large_queue_keeps_its_order_and_empties(void **state) {
    (void)state;
    enum { ENTRIES = 50000 };
    char(*ids)[12] = malloc(ENTRIES * sizeof *ids);
    baton_queue *queue = make(SIZE_MAX, 0); /* as much as the limit allows */
    assert_int_equal(baton_queue_get_statistics(queue).max_size, LIMIT_QUEUE_SIZE);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < ENTRIES; i++) {
            snprintf(ids[i], sizeof ids[i], "id %d", i);
            assert_true(put(queue, ids[i], i % 2, 0));
        }
        for (int i = 0; i < ENTRIES; i++) assert_true(baton_queue_find(queue, ids[i], NULL));
        for (int i = 1; i < ENTRIES; i += 2) check_next(queue, 0, ids[i]);
        for (int i = 0; i < ENTRIES; i += 2) check_next(queue, 0, ids[i]);
        assert_true(baton_queue_is_empty(queue));
    }
    baton_queue_free(queue);
    free(ids);
}

/* A queue that is a plain list, to compare with. */
enum { MODEL_IDS = 300, MODEL_SIZE = 200 };

typedef struct model {
    struct {
        int id, priority;
        int64_t at;
    } entries[MODEL_SIZE];
    int length;
} model;

static int model_take(model *m, int index) {
    int id = m->entries[index].id;
    for (int i = index + 1; i < m->length; i++) m->entries[i - 1] = m->entries[i];
    m->length--;
    return id;
}

static int model_find(const model *m, int id) {
    for (int i = 0; i < m->length; i++)
        if (m->entries[i].id == id) return i;
    return -1;
}

static int model_next(const model *m, int64_t aging) {
    int best = 0;
    for (int i = 1; i < m->length; i++) {
        int64_t x = m->entries[i].at - m->entries[i].priority * aging;
        int64_t y = m->entries[best].at - m->entries[best].priority * aging;
        if (x < y || (x == y && m->entries[i].priority > m->entries[best].priority)) best = i;
    }
    return best;
}

static uint64_t next_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void test_it_behaves_as_a_plain_list_does(void **state) {
    (void)state;
    static char ids[MODEL_IDS][12];
    for (int i = 0; i < MODEL_IDS; i++) snprintf(ids[i], sizeof ids[i], "exec_%d", i);
    uint64_t seed = 20240607;
    print_message("seed %llu\n", (unsigned long long)seed);
    baton_queue *queue = make(MODEL_SIZE, 7);
    model m = {.length = 0};
    int64_t now = 1000;
    for (int i = 0; i < 200000; i++) {
        /* Phases of growing and of shrinking, so that full and empty are both met. */
        bool growing = i / 1000 % 2 == 0;
        int choice = (int)(next_random(&seed) % 10), id = (int)(next_random(&seed) % MODEL_IDS);
        int index = model_find(&m, id);
        now += (int64_t)(next_random(&seed) % 3);
        baton_queue_entry entry;
        if (choice < (growing ? 6 : 2)) {
            int priority = (int)(next_random(&seed) % 12);
            bool fits = index < 0 && m.length < MODEL_SIZE;
            assert_int_equal(put(queue, ids[id], priority, now), fits);
            if (fits) {
                m.entries[m.length].id = id;
                m.entries[m.length].priority = priority;
                m.entries[m.length++].at = now;
            }
        } else if (choice < 8) {
            bool any = m.length > 0;
            assert_int_equal(baton_queue_dequeue(queue, now, &entry), any);
            if (any) assert_ptr_equal(entry.id, ids[model_take(&m, model_next(&m, 7))]);
        } else if (choice == 8) {
            assert_int_equal(baton_queue_remove(queue, ids[id], &entry), index >= 0);
            if (index >= 0) assert_ptr_equal(entry.id, ids[model_take(&m, index)]);
        } else {
            assert_int_equal(baton_queue_find(queue, ids[id], &entry), index >= 0);
            if (index >= 0) assert_int_equal(entry.queued_at_ms, m.entries[index].at);
        }
        baton_queue_statistics statistics = baton_queue_get_statistics(queue);
        assert_int_equal(statistics.length, m.length);
        assert_int_equal(statistics.oldest_ms, m.length ? m.entries[0].at : 0);
        assert_int_equal(statistics.newest_ms, m.length ? m.entries[m.length - 1].at : 0);
    }
    baton_queue_free(queue);
}

#define ROW(name, function) \
    { name, function, NULL, NULL, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        ROW("ExecutionQueue.enqueue keeps the entry and when it came",
            test_enqueue_keeps_the_entry_with_its_time),
        ROW("ExecutionQueue.enqueue is false when full", test_enqueue_is_false_when_full),
        ROW("ExecutionQueue.maxSize is 100", test_enqueue_holds_a_hundred_by_default),
        ROW("enqueue refuses an id twice", test_enqueue_refuses_an_id_twice),
        ROW("enqueue refuses priorities beyond the limits",
            test_enqueue_refuses_priorities_beyond_the_limits),
        ROW("ExecutionQueue.dequeue is first in, first out", test_dequeue_is_first_in_first_out),
        ROW("ExecutionQueue.dequeue is null when empty", test_dequeue_is_false_when_empty),
        ROW("dequeue takes the highest priority", test_dequeue_takes_the_highest_priority),
        ROW("waiting ages", test_waiting_ages),
        ROW("without aging only priority counts", test_without_aging_only_priority_counts),
        ROW("clocks at their ends do no harm", test_clocks_at_their_ends_do_no_harm),
        ROW("ExecutionQueue.getLength and isEmpty", test_length_and_is_empty),
        ROW("ExecutionQueue.clear forgets everything", test_clear_forgets_everything),
        ROW("ExecutionQueue.getStatistics tells oldest and newest", test_statistics_tell_oldest_and_newest),
        ROW("find and remove by id", test_find_and_remove_by_id),
        ROW("a large queue keeps its order and empties", test_a_large_queue_keeps_its_order_and_empties),
        ROW("it behaves as a plain list does", test_it_behaves_as_a_plain_list_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
