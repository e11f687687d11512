/* Workflows built in C. Of the seed's table (design, section 1) this covers the rows
 *   IWorkflow, ComposedWorkflow (_steps, getMetadata)           -> baton_workflow
 *   WorkflowBuilder, StepRegistry, WorkflowValidator            -> baton_builder, baton_registry,
 *                                                                  baton_workflow_validate
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/value.h"
#include "definition/workflow.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int execute(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static int undo(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static int needs_to(baton_value arguments, void *data, baton_error **err) {
    (void)data;
    if (value_get_text(arguments, "to")) return 0;
    return baton_error_set(err, BATON_ERROR_INVALID, "needs 'to'");
}

/* A registry with "greet" (checks its arguments) and "pay" (can be rolled back). */
static baton_registry *new_registry(void) {
    baton_registry *registry = baton_registry_new();
    baton_step_type greet = {.name = "greet", .execute = execute, .validate = needs_to};
    baton_step_type pay = {.name = "pay", .execute = execute, .rollback = undo};
    assert_int_equal(baton_registry_add(registry, &greet, NULL), 0);
    assert_int_equal(baton_registry_add(registry, &pay, NULL), 0);
    return registry;
}

static void add(baton_builder *builder, const char *name) {
    baton_builder_step(builder, &(baton_step){.name = name, .execute = execute});
}

static baton_workflow *build(baton_builder *builder) {
    baton_error *err = NULL;
    baton_workflow *workflow = baton_builder_build(builder, &err);
    if (!workflow) fail_msg("%s", baton_error_message(err));
    assert_null(err);
    return workflow;
}

static baton_workflow *build_free(baton_builder *builder) {
    baton_workflow *workflow = build(builder);
    baton_builder_free(builder);
    return workflow;
}

/* Building fails with exactly these messages, in this order; also when nobody asks why. */
static void refuse(baton_builder *builder, const char *const *messages) {
    baton_error *err = NULL;
    assert_null(baton_builder_build(builder, NULL));
    assert_null(baton_builder_build(builder, &err));
    const baton_error *one = err;
    for (; *messages; messages++, one = baton_error_next(one)) {
        if (!one) fail_msg("not told: %s", *messages);
        assert_string_equal(baton_error_message(one), *messages);
    }
    if (one) fail_msg("told as well: %s", baton_error_message(one));
    baton_error_free(err);
    baton_builder_free(builder);
}

#define refuse(builder, ...) refuse(builder, (const char *const[]){__VA_ARGS__, NULL})

static void assert_json(baton_value value, const char *json) {
    char *text = baton_value_to_json(value);
    assert_string_equal(text, json);
    free(text);
}

static void composes_a_workflow(void **state) {
    (void)state;
    baton_registry *registry = new_registry();
    baton_builder *builder = baton_builder_new("order", registry);
    baton_builder_namespace(builder, "shop");
    baton_builder_version(builder, "1.2.3");
    baton_builder_metadata(builder, "owner", baton_value_string("sales"));
    baton_builder_metadata(builder, "nothing", baton_value_invalid());
    baton_builder_rollback(builder, true);
    char name[] = "say hello", type[] = "greet";
    baton_value arguments = value_set_text(baton_value_object(), "to", "you");
    baton_builder_step(builder, &(baton_step){.name = name, .type = type, .arguments = arguments});
    baton_value_unref(arguments);
    memset(name, 'x', sizeof name - 1); /* all was copied */
    memset(type, 'x', sizeof type - 1);
    baton_builder_step(builder, &(baton_step){.name = "pay", .type = "pay", .timeout_ms = 1500});
    baton_workflow *w = build(builder);
    const baton_step_type *greet = baton_registry_find(registry, "greet");
    baton_builder_free(builder);
    baton_registry_free(registry); /* the workflow keeps it */

    assert_string_equal(baton_workflow_namespace(w), "shop");
    assert_string_equal(baton_workflow_name(w), "order");
    assert_string_equal(baton_workflow_version(w), "1.2.3");
    assert_int_equal(baton_workflow_step_count(w), 2);
    assert_string_equal(baton_workflow_step_name(w, 0), "say hello");
    assert_string_equal(baton_workflow_step_name(w, 1), "pay");
    assert_null(baton_workflow_step_name(w, 2));
    baton_value metadata = baton_workflow_metadata(w);
    assert_json(metadata, "{\"name\":\"order\",\"namespace\":\"shop\",\"nothing\":null,\"owner\":\"sales\","
                          "\"steps\":[\"say hello\",\"pay\"],\"version\":\"1.2.3\"}");
    baton_value_unref(metadata);
    assert_json(w->definition,
                "{\"do\":[\"say hello\",\"pay\"],\"document\":{\"dsl\":\"1.0.3\",\"name\":\"order\","
                "\"namespace\":\"shop\",\"version\":\"1.2.3\"}}");
    assert_true(w->built);
    assert_true(w->rollback);
    assert_true(w->has_rollbacks);
    assert_false(w->has_wait);
    assert_null(w->file);

    const step *first = w->body.steps[0], *second = w->body.steps[1];
    assert_ptr_equal(first->u.function.type, greet);
    assert_int_equal(first->kind, STEP_FUNCTION);
    assert_string_equal(first->reference, "/do/0/say hello");
    assert_null(first->parent);
    assert_ptr_equal(first->siblings, &w->body);
    assert_true(first->plain);
    assert_null(first->timeout);
    assert_json(first->u.function.arguments, "{\"to\":\"you\"}");
    assert_json(first->definition, "null");
    assert_int_equal(second->index, 1);
    assert_int_equal(second->ordinal, 1);
    assert_false(second->plain);
    assert_int_equal(second->timeout->ms, 1500);
    assert_null(second->timeout->expression);
    assert_json(second->u.function.arguments, "null");
    assert_ptr_equal(w->steps[1], second);
    assert_ptr_equal(workflow_find_step(w, "/do/1/pay"), second);
    assert_int_equal(baton_workflow_validate(w, NULL), 0);
    baton_workflow_free(w);
}

static void has_defaults(void **state) {
    (void)state;
    baton_workflow *w = build_free(baton_builder_new("empty", NULL));
    assert_string_equal(baton_workflow_namespace(w), "default");
    assert_string_equal(baton_workflow_version(w), "0.1.0");
    assert_int_equal(baton_workflow_step_count(w), 0);
    assert_null(baton_workflow_step_name(w, 0));
    assert_false(w->rollback);
    assert_false(w->has_rollbacks);
    assert_null(w->registry);
    baton_workflow_free(w);
    baton_builder_free(NULL);
}

static void takes_operations(void **state) {
    (void)state;
    static int data;
    baton_builder *builder = baton_builder_new("own", NULL);
    baton_value arguments = value_set_text(baton_value_object(), "to", "x");
    baton_step own = {.name = "a/b~c",
                      .execute = execute,
                      .rollback = undo,
                      .validate = needs_to,
                      .data = &data,
                      .pure = true,
                      .arguments = arguments};
    baton_builder_step(builder, &own);
    baton_value_unref(arguments);
    baton_workflow *w = build_free(builder);
    const baton_step_type *type = w->body.steps[0]->u.function.type;
    assert_string_equal(w->body.steps[0]->reference, "/do/0/a~1b~0c");
    assert_string_equal(type->name, "a/b~c");
    assert_ptr_equal(type->execute, execute);
    assert_ptr_equal(type->rollback, undo);
    assert_ptr_equal(type->validate, needs_to);
    assert_ptr_equal(type->data, &data);
    assert_true(type->pure);
    assert_true(w->has_rollbacks);
    baton_workflow_free(w);
}

static void can_be_used_again(void **state) {
    (void)state;
    baton_builder *builder = baton_builder_new("again", NULL);
    add(builder, "one");
    baton_workflow *first = build(builder);
    add(builder, "two");
    baton_workflow *second = build_free(builder);
    assert_int_equal(baton_workflow_step_count(first), 1);
    assert_int_equal(baton_workflow_step_count(second), 2);
    baton_workflow_free(first);
    assert_string_equal(baton_workflow_step_name(second, 0), "one");
    baton_workflow_free(second);
}

static void nests_workflows(void **state) {
    (void)state;
    baton_registry *registry = new_registry();
    baton_builder *builder = baton_builder_new("innermost", registry);
    baton_builder_step(builder, &(baton_step){.name = "pay", .type = "pay", .timeout_ms = 7});
    baton_workflow *innermost = build_free(builder);

    builder = baton_builder_new("inner", NULL);
    baton_value arguments = value_set_text(baton_value_object(), "to", "x");
    baton_builder_step(
        builder,
        &(baton_step){.name = "check", .execute = execute, .validate = needs_to, .arguments = arguments});
    baton_value_unref(arguments);
    baton_builder_nested(builder, "deeper", innermost);
    baton_workflow *inner = build_free(builder);
    baton_workflow_free(innermost);
    baton_registry_free(registry);

    builder = baton_builder_new("outer", NULL);
    add(builder, "first");
    baton_builder_nested(builder, "outer", inner);
    add(builder, "last");
    baton_builder_nested(builder, "again", inner);
    baton_workflow *w = build(builder);
    baton_workflow_free(inner);
    baton_builder_free(builder);

    static const struct {
        const char *reference;
        step_kind kind;
        int parent;
    } expected[] = {{"/do/0/first", STEP_FUNCTION, -1},
                    {"/do/1/outer", STEP_DO, -1},
                    {"/do/1/outer/do/0/check", STEP_FUNCTION, 1},
                    {"/do/1/outer/do/1/deeper", STEP_DO, 1},
                    {"/do/1/outer/do/1/deeper/do/0/pay", STEP_FUNCTION, 3},
                    {"/do/2/last", STEP_FUNCTION, -1},
                    {"/do/3/again", STEP_DO, -1},
                    {"/do/3/again/do/0/check", STEP_FUNCTION, 6},
                    {"/do/3/again/do/1/deeper", STEP_DO, 6},
                    {"/do/3/again/do/1/deeper/do/0/pay", STEP_FUNCTION, 8}};
    assert_int_equal(w->step_count, 10);
    assert_int_equal(baton_workflow_step_count(w), 4);
    for (uint32_t i = 0; i < 10; i++) {
        const step *s = w->steps[i];
        assert_string_equal(s->reference, expected[i].reference);
        assert_int_equal(s->kind, expected[i].kind);
        assert_int_equal(s->ordinal, i);
        assert_ptr_equal(s->parent, expected[i].parent < 0 ? NULL : w->steps[expected[i].parent]);
        assert_ptr_equal(s->siblings, s->parent ? &s->parent->u.do_ : &w->body);
        assert_ptr_equal(s->siblings->steps[s->index], s);
    }
    const step *pay = w->steps[4];
    assert_string_equal(pay->u.function.type->name, "pay");
    assert_ptr_equal(pay->u.function.type->rollback, undo);
    assert_int_equal(pay->timeout->ms, 7);
    assert_false(pay->plain);
    assert_true(w->steps[3]->plain);
    assert_true(w->has_rollbacks);
    assert_json(w->steps[2]->u.function.arguments, "{\"to\":\"x\"}");
    assert_null(workflow_find_step(w, "pay"));
    baton_workflow_free(w);
}

static void nests_empty_workflows(void **state) {
    (void)state;
    baton_workflow *empty = build_free(baton_builder_new("empty", NULL));
    baton_builder *builder = baton_builder_new("outer", NULL);
    baton_builder_nested(builder, "nothing", empty);
    baton_workflow_free(empty);
    baton_workflow *w = build_free(builder);
    assert_int_equal(w->step_count, 1);
    assert_int_equal(w->steps[0]->u.do_.count, 0);
    baton_workflow_free(w);
}

static void tells_every_problem(void **state) {
    (void)state;
    baton_registry *registry = new_registry();
    baton_builder *builder = baton_builder_new("-bad", registry);
    baton_builder_namespace(builder, "also bad");
    baton_builder_version(builder, "1.0");
    baton_builder_metadata(builder, "steps", baton_value_null());
    baton_builder_rule(builder, NULL, NULL);
    baton_value number = baton_value_number(5);
    baton_builder_step(builder, &(baton_step){.name = NULL, .execute = execute});
    baton_builder_step(builder, &(baton_step){.name = "neither"});
    baton_builder_step(builder, &(baton_step){.name = "both", .type = "pay", .execute = execute});
    baton_builder_step(builder, &(baton_step){.name = "typo", .type = "gret"});
    baton_builder_step(builder, &(baton_step){.name = "unheard", .type = "somethingelse"});
    baton_builder_step(builder, &(baton_step){.name = "mixed", .type = "pay", .pure = true});
    baton_builder_step(builder, &(baton_step){.name = "number", .type = "pay", .arguments = number});
    baton_builder_step(builder, &(baton_step){.name = "typo", .type = "pay"});
    baton_builder_step(builder, &(baton_step){.name = "past", .type = "pay", .timeout_ms = -1});
    baton_builder_step(builder,
                       &(baton_step){.name = "far", .type = "pay", .timeout_ms = LIMIT_DURATION_MS + 1});
    baton_builder_step(builder, &(baton_step){.name = "hello", .type = "greet"});
    baton_builder_nested(builder, "null", NULL);
    baton_registry_free(registry);
    refuse(
        builder,
        "workflow name '-bad': a name has 1 to 63 letters, digits and dashes, with no dash at either end",
        "namespace 'also bad': a namespace has 1 to 63 letters, digits and dashes, with no dash at either "
        "end",
        "version '1.0': a version looks like \"1.0.0\"", "metadata 'steps' is the workflow's own",
        "rule 1 has no function", "step 1 has no name",
        "step 'neither' needs a type or an execute operation",
        "step 'both' needs a type or an execute operation, not both",
        "step 'typo': unknown step type 'gret' (did you mean 'greet'?)",
        "step 'unheard': unknown step type 'somethingelse'",
        "step 'mixed': rollback, validate, data and pure come from its type",
        "step 'number': arguments must be an object", "step 'typo': the name is taken by a step before it",
        "step 'past': a timeout cannot be negative", "step 'far': a timeout of more than 100 years",
        "step 'null': only a workflow built in C can be nested", "step 'hello': needs 'to'");
}

static void needs_a_registry_for_types(void **state) {
    (void)state;
    baton_builder *builder = baton_builder_new("none", NULL);
    baton_builder_namespace(builder, NULL);
    baton_builder_version(builder, NULL);
    baton_builder_step(builder, &(baton_step){.name = "x", .type = "greet"});
    refuse(builder,
           "namespace '': a namespace has 1 to 63 letters, digits and dashes, with no dash at either end",
           "version '': a version looks like \"1.0.0\"",
           "step 'x': unknown step type 'greet': the builder has no registry");
}

static void nests_only_built_workflows(void **state) {
    (void)state;
    baton_workflow *file = build_free(baton_builder_new("file", NULL));
    file->built = false;
    baton_builder *builder = baton_builder_new("outer", NULL);
    baton_builder_nested(builder, "x", file);
    baton_builder_nested(builder, "x", file);
    baton_workflow_free(file);
    refuse(builder, "step 'x': only a workflow built in C can be nested",
           "step 'x': the name is taken by a step before it",
           "step 'x': only a workflow built in C can be nested");
}

static bool name_fits(const char *name) {
    baton_builder *builder = baton_builder_new(name, NULL);
    baton_workflow *w = baton_builder_build(builder, NULL);
    bool fits = w != NULL;
    baton_workflow_free(w);
    baton_builder_free(builder);
    return fits;
}

static bool version_fits(const char *version) {
    baton_builder *builder = baton_builder_new("x", NULL);
    baton_builder_version(builder, version);
    baton_workflow *w = baton_builder_build(builder, NULL);
    bool fits = w != NULL;
    baton_workflow_free(w);
    baton_builder_free(builder);
    return fits;
}

static void checks_names_and_versions(void **state) {
    (void)state;
    char longest[] = "0123456789012345678901234567890123456789012345678901234567890123";
    assert_false(name_fits(longest));
    longest[63] = '\0';
    assert_true(name_fits(longest));
    static const char *const names[] = {"a", "A", "9", "a-b", "a--b"};
    static const char *const bad_names[] = {"", "-", "a-", "-a", "a_b", "a.b", "a b", "\xc3\xa4"};
    static const char *const versions[] = {"0.0.0",       "10.20.30",     "1.0.0-alpha", "1.0.0-alpha.1",
                                           "1.0.0-0.3.7", "1.0.0--",      "1.0.0-0a",    "1.0.0+001",
                                           "1.0.0+a.b-c", "1.0.0-a.b+c.d"};
    static const char *const bad_versions[] = {
        "",          "1",      "1.0",    "1.0.0.0",    "01.0.0",   "1.00.0",     "1.0.01",
        "v1.0.0",    "1.0.0-", "1.0.0+", "1.0.0-a..b", "1.0.0-01", "1.0.0-a.00", "1.0.0-a_b",
        "1.0.0+a+b", "1.0.0 ", " 1.0.0", "1..0",       "1.0.0-a+"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) assert_true(name_fits(names[i]));
    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++) assert_false(name_fits(bad_names[i]));
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (!version_fits(versions[i])) fail_msg("%s", versions[i]);
    for (size_t i = 0; i < sizeof bad_versions / sizeof *bad_versions; i++)
        if (version_fits(bad_versions[i])) fail_msg("%s", bad_versions[i]);
}

static void checks_step_names(void **state) {
    (void)state;
    char longest[LIMIT_NAME_BYTES + 2] = {0};
    memset(longest, 'a', LIMIT_NAME_BYTES);
    baton_builder *builder = baton_builder_new("x", NULL);
    add(builder, longest);
    add(builder, "\xe2\x82\xac and more");
    baton_workflow_free(build(builder));
    longest[LIMIT_NAME_BYTES] = 'a';
    add(builder, longest);
    add(builder, "");
    add(builder, "\xff");
    refuse(builder, "step 3: a name has at most 256 bytes", "step 4 has no name",
           "step 5: the name is not UTF-8");
}

static void limits_steps(void **state) {
    (void)state;
    baton_builder *builder = baton_builder_new("many", NULL);
    char name[16];
    for (int i = 0; i < LIMIT_STEPS; i++) {
        snprintf(name, sizeof name, "%d", i);
        add(builder, name);
    }
    baton_workflow *w = build(builder);
    assert_int_equal(w->step_count, LIMIT_STEPS);
    add(builder, "one more");
    refuse(builder, "workflow 'many' has 10001 steps; the limit is 10000");
    builder = baton_builder_new("outer", NULL);
    baton_builder_nested(builder, "all", w);
    baton_workflow_free(w);
    refuse(builder, "workflow 'outer' has 10001 steps; the limit is 10000");
}

static void limits_nesting(void **state) {
    (void)state;
    baton_builder *builder = baton_builder_new("x", NULL);
    add(builder, "deepest");
    baton_workflow *w = build_free(builder);
    for (int i = 1; i < LIMIT_NESTING; i++) {
        builder = baton_builder_new("x", NULL);
        baton_builder_nested(builder, "n", w);
        baton_workflow_free(w);
        w = build_free(builder);
    }
    builder = baton_builder_new("x", NULL);
    baton_builder_nested(builder, "n", w);
    baton_workflow_free(w);
    refuse(builder, "step 'n': workflows are nested more than 64 deep");
}

static int at_most_one_step(const baton_workflow *workflow, void *data, baton_error **err) {
    ++*(int *)data;
    if (baton_workflow_step_count(workflow) <= 1) return 0;
    return baton_error_set(err, BATON_ERROR_INVALID, "'%s' has too many steps",
                           baton_workflow_name(workflow));
}

static void asks_rules(void **state) {
    (void)state;
    int asked = 0;
    baton_builder *builder = baton_builder_new("ruled", NULL);
    for (int i = 0; i < 10; i++) baton_builder_rule(builder, at_most_one_step, &asked);
    add(builder, "one");
    baton_workflow *w = build(builder);
    assert_int_equal(asked, 10);
    assert_int_equal(baton_workflow_validate(w, NULL), 0);
    assert_int_equal(asked, 20);
    baton_workflow_free(w);
    add(builder, "two");
    baton_error *err = NULL;
    assert_null(baton_builder_build(builder, &err));
    assert_int_equal(error_count(err), 10);
    assert_string_equal(baton_error_message(err), "'ruled' has too many steps");
    baton_error_free(err);
    /* Nobody asks a rule about a workflow with holes. */
    asked = 0;
    add(builder, "two");
    refuse(builder, "step 'two': the name is taken by a step before it");
    assert_int_equal(asked, 0);
}

typedef struct variant {
    const char *name, *namespace, *version, *step, *type, *to;
} variant;

static uint64_t digest_of(variant v) {
    baton_registry *registry = new_registry();
    baton_builder *builder = baton_builder_new(v.name, registry);
    baton_builder_namespace(builder, v.namespace);
    baton_builder_version(builder, v.version);
    baton_value arguments = value_set_text(baton_value_object(), "to", v.to);
    baton_builder_step(builder, &(baton_step){.name = v.step, .type = v.type, .arguments = arguments});
    baton_value_unref(arguments);
    baton_registry_free(registry);
    baton_workflow *w = build_free(builder);
    uint64_t digest = w->digest;
    baton_workflow_free(w);
    return digest;
}

static void has_a_digest(void **state) {
    (void)state;
    variant same = {"a", "b", "1.0.0", "c", "greet", "d"};
    uint64_t digest = digest_of(same);
    assert_true(digest != 0);
    assert_true(digest == digest_of(same));
    variant others[6] = {same, same, same, same, same, same};
    others[0].name = "x";
    others[1].namespace = "x";
    others[2].version = "1.0.1";
    others[3].step = "x";
    others[4].type = "pay";
    others[5].to = "x";
    for (size_t i = 0; i < 6; i++) assert_true(digest != digest_of(others[i]));
}

static void digests_nesting(void **state) {
    (void)state;
    baton_builder *builder = baton_builder_new("x", NULL);
    add(builder, "a");
    baton_workflow *inner = build(builder);
    baton_builder_nested(builder, "b", inner);
    baton_workflow *nested = build_free(builder);
    builder = baton_builder_new("x", NULL);
    add(builder, "a");
    add(builder, "b");
    baton_workflow *flat = build_free(builder);
    assert_true(nested->digest != flat->digest);
    assert_true(nested->digest != inner->digest);
    baton_workflow_free(inner);
    baton_workflow_free(nested);
    baton_workflow_free(flat);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(composes_a_workflow),
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(takes_operations),
        cmocka_unit_test(can_be_used_again),
        cmocka_unit_test(nests_workflows),
        cmocka_unit_test(nests_empty_workflows),
        cmocka_unit_test(tells_every_problem),
        cmocka_unit_test(needs_a_registry_for_types),
        cmocka_unit_test(nests_only_built_workflows),
        cmocka_unit_test(checks_names_and_versions),
        cmocka_unit_test(checks_step_names),
        cmocka_unit_test(limits_steps),
        cmocka_unit_test(limits_nesting),
        cmocka_unit_test(asks_rules),
        cmocka_unit_test(has_a_digest),
        cmocka_unit_test(digests_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
