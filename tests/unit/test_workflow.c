/* What every compiled workflow has: life, parts by name, validation. The workflows here are put together by
 * hand, so that every field of every kind of step is set; the leak checker tells what was not released.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "definition/workflow.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 32 };

static baton_workflow *new_workflow(void) {
    baton_workflow *w = calloc(1, sizeof *w);
    atomic_init(&w->references, 1);
    w->namespace = "default";
    w->name = "by-hand";
    w->version = "1.0.0";
    w->steps = arena_alloc(&w->arena, MAX_STEPS * sizeof *w->steps);
    w->body.steps = arena_alloc(&w->arena, MAX_STEPS * sizeof *w->body.steps);
    return w;
}

static step *add_step(baton_workflow *w, step_kind kind, const char *name) {
    step *s = arena_alloc(&w->arena, sizeof *s);
    s->name = name;
    s->reference = arena_printf(&w->arena, "/do/%u/%s", (unsigned)w->body.count, name);
    s->kind = kind;
    s->siblings = &w->body;
    s->index = w->body.count;
    s->ordinal = w->step_count;
    w->steps[w->step_count++] = s;
    w->body.steps[w->body.count++] = s;
    return s;
}

static template *literal(baton_workflow *w, const char *text) {
    template *t = arena_alloc(&w->arena, sizeof *t);
    t->kind = TEMPLATE_LITERAL;
    t->value = baton_value_append(baton_value_array(), baton_value_string(text));
    return t;
}

static duration *span(baton_workflow *w) {
    duration *d = arena_alloc(&w->arena, sizeof *d);
    d->expression = literal(w, "PT1S");
    return d;
}

static json_schema *schema(void) {
    baton_value document = value_set_text(baton_value_object(), "pattern", "^a");
    json_schema *made = json_schema_new(document, NULL);
    baton_value_unref(document);
    assert_non_null(made);
    return made;
}

static retry_policy *policy(baton_workflow *w) {
    retry_policy *retry = arena_alloc(&w->arena, sizeof *retry);
    retry->delay = span(w);
    retry->attempt_duration = span(w);
    retry->total_duration = span(w);
    retry->jitter_from = span(w);
    retry->jitter_to = span(w);
    return retry;
}

static int execute(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static const baton_step_type plain_type = {.name = "plain", .execute = execute};

static void fill_calls(baton_workflow *w) {
    step_run *run = &add_step(w, STEP_RUN, "run")->u.run;
    run->command = literal(w, "true");
    run->arguments = literal(w, "a");
    run->environment = literal(w, "e");
    run->input = literal(w, "i");
    step_http *http = &add_step(w, STEP_HTTP, "http")->u.http;
    http->method = literal(w, "get");
    http->uri = literal(w, "http://localhost");
    http->headers = literal(w, "h");
    http->query = literal(w, "q");
    http->body = literal(w, "b");
    http->authentication.username = literal(w, "u");
    http->authentication.password = literal(w, "p");
    http->authentication.token = literal(w, "t");
    add_step(w, STEP_CALL, "call")->u.call.with = literal(w, "with");
    step_function *function = &add_step(w, STEP_FUNCTION, "function")->u.function;
    function->type = &plain_type;
    function->with = literal(w, "with");
    function->arguments = baton_value_append(baton_value_array(), baton_value_null());
}

static void releases_everything(void **state) {
    (void)state;
    baton_workflow *w = new_workflow();
    add_step(w, STEP_SET, "set")->u.set = literal(w, "data");
    add_step(w, STEP_FOR, "for")->u.for_.in = literal(w, "list");
    error_definition *raise = &add_step(w, STEP_RAISE, "raise")->u.raise;
    raise->type = literal(w, "type");
    raise->status = literal(w, "status");
    raise->title = literal(w, "title");
    raise->detail = literal(w, "detail");
    raise->instance = literal(w, "instance");
    step_try *t = &add_step(w, STEP_TRY, "try")->u.try_;
    t->errors_with = literal(w, "errors");
    t->retry = policy(w);
    add_step(w, STEP_TRY, "bare-try");
    add_step(w, STEP_WAIT, "wait")->u.wait.expression = literal(w, "PT1S");
    fill_calls(w);
    step *s = add_step(w, STEP_DO, "do");
    s->input_schema = schema();
    s->output_schema = schema();
    s->export_schema = schema();
    s->input_from = literal(w, "from");
    s->output_as = literal(w, "as");
    s->export_as = literal(w, "export");
    s->timeout = span(w);
    s->definition = value_set_text(baton_value_object(), "do", "x");
    add_step(w, STEP_SWITCH, "switch");
    add_step(w, STEP_FORK, "fork");
    add_step(w, STEP_UNSUPPORTED, "listen");
    w->step_count++; /* a step that could not be made */
    w->input_schema = schema();
    w->output_schema = schema();
    w->input_from = literal(w, "from");
    w->output_as = literal(w, "as");
    w->timeout = span(w);
    w->definition = value_set_text(baton_value_object(), "document", "x");
    w->metadata = value_set_text(baton_value_object(), "name", "x");
    w->registry = baton_registry_new();
    w->unsupported = baton_error_new(BATON_ERROR_UNSUPPORTED, "listen");
    error_append(&w->unsupported, baton_error_new(BATON_ERROR_UNSUPPORTED, "emit"));
    workflow_unref(w);
    workflow_unref(NULL);
    baton_workflow_free(NULL);
}

static void *hold_and_drop(void *workflow) {
    for (int i = 0; i < 10000; i++) workflow_unref(workflow_ref(workflow));
    workflow_unref(workflow);
    return NULL;
}

static void counts_references(void **state) {
    (void)state;
    baton_workflow *w = new_workflow();
    assert_null(workflow_ref(NULL));
    assert_ptr_equal(workflow_ref(w), w);
    baton_workflow_free(w);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, hold_and_drop, workflow_ref(w));
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_string_equal(baton_workflow_name(w), "by-hand");
    baton_workflow_free(w);
}

static void answers(void **state) {
    (void)state;
    baton_workflow *w = new_workflow();
    add_step(w, STEP_DO, "first");
    add_step(w, STEP_DO, "second");
    w->metadata = value_set_text(baton_value_object(), "name", "by-hand");
    assert_string_equal(baton_workflow_namespace(w), "default");
    assert_string_equal(baton_workflow_name(w), "by-hand");
    assert_string_equal(baton_workflow_version(w), "1.0.0");
    assert_int_equal(baton_workflow_step_count(w), 2);
    assert_string_equal(baton_workflow_step_name(w, 0), "first");
    assert_string_equal(baton_workflow_step_name(w, 1), "second");
    assert_null(baton_workflow_step_name(w, 2));
    baton_value metadata = baton_workflow_metadata(w);
    baton_workflow_free(w);
    assert_string_equal(value_get_text(metadata, "name"), "by-hand");
    baton_value_unref(metadata);
}

static void finds_steps(void **state) {
    (void)state;
    baton_workflow *w = new_workflow();
    step *first = add_step(w, STEP_DO, "first");
    step *twin = add_step(w, STEP_DO, "twin");
    step *other = add_step(w, STEP_DO, "twin");
    assert_ptr_equal(workflow_find_step(w, "/do/0/first"), first);
    assert_ptr_equal(workflow_find_step(w, "first"), first);
    assert_ptr_equal(workflow_find_step(w, "/do/1/twin"), twin);
    assert_ptr_equal(workflow_find_step(w, "/do/2/twin"), other);
    assert_null(workflow_find_step(w, "twin"));
    assert_null(workflow_find_step(w, "/do/0"));
    assert_null(workflow_find_step(w, "nothing"));
    /* A reference goes before a name that looks like one. */
    add_step(w, STEP_DO, "/do/0/first");
    assert_ptr_equal(workflow_find_step(w, "/do/0/first"), first);
    baton_workflow_free(w);
}

/* ---- Validation ---- */

static int calls;
static baton_kind seen;

static int count_calls(baton_value arguments, void *data, baton_error **err) {
    (void)data;
    calls++;
    seen = baton_value_kind(arguments);
    /* What is left in *err by a check that succeeds is nobody's problem. */
    baton_error_set(err, BATON_ERROR_INVALID, "a warning");
    return 0;
}

static int refuse(baton_value arguments, void *data, baton_error **err) {
    (void)arguments;
    return baton_error_set(err, BATON_ERROR_USAGE, "%s", (const char *)data);
}

static int refuse_twice(baton_value arguments, void *data, baton_error **err) {
    (void)arguments, (void)data;
    baton_error_set(err, BATON_ERROR_INVALID, "one");
    baton_error_wrap(err, BATON_ERROR_LIMIT, "outer");
    error_append(err, baton_error_new(BATON_ERROR_INVALID, "two"));
    return -1;
}

static int refuse_silently(baton_value arguments, void *data, baton_error **err) {
    (void)arguments, (void)data, (void)err;
    return -1;
}

static step *add_checked(baton_workflow *w, const char *name, const baton_step_type *type) {
    step *s = add_step(w, STEP_FUNCTION, name);
    s->u.function.type = type;
    return s;
}

static void validates_arguments(void **state) {
    (void)state;
    static const baton_step_type counting = {.name = "c", .execute = execute, .validate = count_calls};
    baton_workflow *w = new_workflow();
    add_checked(w, "none", &plain_type);
    step *s = add_checked(w, "some", &counting);
    calls = 0;
    assert_int_equal(baton_workflow_validate(w, NULL), 0);
    assert_int_equal(calls, 1);
    assert_int_equal(seen, BATON_KIND_NULL);
    s->u.function.arguments = value_set_text(baton_value_object(), "a", "b");
    baton_error *err = NULL;
    assert_int_equal(baton_workflow_validate(w, &err), 0);
    assert_null(err);
    assert_int_equal(seen, BATON_KIND_OBJECT);
    s->u.function.with = literal(w, "with");
    assert_int_equal(baton_workflow_validate(w, NULL), 0);
    assert_int_equal(seen, BATON_KIND_ARRAY);
    /* What an expression will yield cannot be checked before. */
    calls = 0;
    template *expression = arena_alloc(&w->arena, sizeof *expression);
    expression->kind = TEMPLATE_EXPRESSION;
    baton_value_unref(s->u.function.with->value);
    s->u.function.with = expression;
    assert_int_equal(baton_workflow_validate(w, NULL), 0);
    assert_int_equal(calls, 0);
    baton_workflow_free(w);
}

static int broken_rule(const baton_workflow *workflow, void *data, baton_error **err) {
    return baton_error_set(err, BATON_ERROR_NOT_ALLOWED, "%s %s", baton_workflow_name(workflow),
                           (const char *)data);
}

static int silent_rule(const baton_workflow *workflow, void *data, baton_error **err) {
    (void)workflow, (void)data, (void)err;
    return -1;
}

static int kept_rule(const baton_workflow *workflow, void *data, baton_error **err) {
    (void)workflow;
    ++*(int *)data;
    baton_error_set(err, BATON_ERROR_INVALID, "a warning");
    return 0;
}

static void reports_all_problems(void **state) {
    (void)state;
    static char reason[] = "needs a name", breach[] = "is forbidden";
    static const baton_step_type types[] = {
        {.name = "a", .execute = execute, .validate = refuse, .data = reason},
        {.name = "b", .execute = execute, .validate = refuse_twice},
        {.name = "c", .execute = execute, .validate = refuse_silently}};
    baton_workflow *w = new_workflow();
    step *s = add_checked(w, "x", &types[0]);
    s->where = (place){"order.yaml", 12, 7};
    add_checked(w, "y", &types[1]);
    add_checked(w, "z", &types[2]);
    int kept = 0;
    struct workflow_rule rules[] = {{broken_rule, breach}, {kept_rule, &kept}, {silent_rule, NULL}};
    w->rules = rules;
    w->rule_count = 3;
    baton_error *err = NULL;
    assert_int_equal(baton_workflow_validate(w, &err), -1);
    assert_int_equal(kept, 1);
    static const struct {
        baton_error_code code;
        const char *message;
    } expected[] = {{BATON_ERROR_USAGE, "step 'x': needs a name"},
                    {BATON_ERROR_LIMIT, "step 'y': outer: one"},
                    {BATON_ERROR_INVALID, "step 'y': two"},
                    {BATON_ERROR_INVALID, "step 'z': its arguments are not valid"},
                    {BATON_ERROR_NOT_ALLOWED, "by-hand is forbidden"},
                    {BATON_ERROR_INVALID, "workflow 'by-hand' breaks one of its rules"}};
    assert_int_equal(error_count(err), 6);
    const baton_error *one = err;
    for (size_t i = 0; i < 6; i++, one = baton_error_next(one)) {
        assert_int_equal(baton_error_get_code(one), expected[i].code);
        assert_string_equal(baton_error_message(one), expected[i].message);
    }
    assert_string_equal(baton_error_file(err), "order.yaml");
    assert_int_equal(baton_error_line(err), 12);
    assert_int_equal(baton_error_column(err), 7);
    baton_error_free(err);
    assert_int_equal(baton_workflow_validate(w, NULL), -1);
    baton_workflow_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(releases_everything),
        cmocka_unit_test(counts_references),
        cmocka_unit_test(answers),
        cmocka_unit_test(finds_steps),
        cmocka_unit_test(validates_arguments),
        cmocka_unit_test(reports_all_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
