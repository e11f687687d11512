/* A workflow in C that is rolled back: two steps that succeed, one that fails, and so the two are undone,
 * the last first. Run again, it goes on where it was. Each step writes a line to the ledger, as 'note'
 * does.
 *
 * usage: rollback STORE ID LEDGER     exits with 0 completed, 1 faulted, 7 ended already
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <baton/baton.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FAULTED = 1, FAILED = 9, CONFLICT = 7 };

static int ledger;

static void note(baton_step_call *call, const char *prefix) {
    char line[512];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int size = snprintf(line, sizeof line, "%s %d %s%s %lld%09ld\n", baton_step_call_key(call),
                        baton_step_call_attempt(call), prefix, baton_step_call_name(call),
                        (long long)now.tv_sec, now.tv_nsec);
    if (write(ledger, line, (size_t)size) != size) abort();
}

static int succeed(baton_step_call *call, baton_error **err) {
    (void)err;
    note(call, "");
    baton_step_call_output(call, baton_value_string(baton_step_call_name(call)));
    return 0;
}

static int undo(baton_step_call *call, baton_error **err) {
    (void)err;
    note(call, "undo-");
    return 0;
}

static int fail(baton_step_call *call, baton_error **err) {
    note(call, "");
    return baton_error_set(err, BATON_ERROR_STEP, "as it must");
}

static baton_workflow *build(baton_error **err) {
    baton_builder *b = baton_builder_new("undone", NULL);
    baton_builder_rollback(b, true);
    baton_builder_step(b, &(baton_step){.name = "one", .execute = succeed, .rollback = undo});
    baton_builder_step(b, &(baton_step){.name = "two", .execute = succeed, .rollback = undo});
    baton_builder_step(b, &(baton_step){.name = "three", .execute = fail});
    baton_workflow *workflow = baton_builder_build(b, err);
    baton_builder_free(b);
    return workflow;
}

static int complain(baton_error *err) {
    int code = baton_error_get_code(err) == BATON_ERROR_CONFLICT ? CONFLICT : FAILED;
    char *text = baton_error_text(err);
    fprintf(stderr, "rollback: %s\n", text);
    free(text);
    baton_error_free(err);
    return code;
}

/* Takes the execution up when there is one, else begins it. */
static int run(baton_engine *engine, baton_workflow *workflow, const char *id) {
    baton_error *err = NULL;
    if (baton_engine_provide(engine, workflow, &err) != 0) return complain(err);
    if (baton_engine_recover(engine, id, NULL, &err) == 0) {
        if (baton_engine_run(engine, &err) != 0) return complain(err);
        return FAULTED; /* the store tells more */
    }
    if (baton_error_get_code(err) != BATON_ERROR_NOT_FOUND) return complain(err);
    baton_error_free(err);
    err = NULL;
    const baton_execution_options options = {.id = id};
    baton_result *result;
    if (baton_engine_execute(engine, workflow, NULL, &options, &result, &err) != 0) return complain(err);
    bool success = baton_result_success(result);
    baton_result_free(result);
    return success ? 0 : FAULTED;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    ledger = open(argv[3], O_WRONLY | O_APPEND | O_CLOEXEC);
    if (ledger < 0) return 2;
    baton_error *err = NULL;
    baton_engine *engine = baton_engine_new(
        &(baton_engine_options){.store = argv[1], .retry_attempts = -1, .attended = true}, &err);
    baton_workflow *workflow = engine ? build(&err) : NULL;
    int code = workflow ? run(engine, workflow, argv[2]) : complain(err);
    baton_workflow_free(workflow);
    baton_engine_free(engine);
    return code;
}
