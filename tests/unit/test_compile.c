/* What becomes of a workflow file: the structures that the machine walks, looked into; the standard's own
 * examples; and files that are broken in every way, which must be survived.
 *
 * BATON_SHARED names the folder of the standard's examples (dsl/examples) and features (ctk); without it
 * those tests are skipped.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include "base/value.h"
#include "definition/read.h"
#include "definition/workflow.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "document: {dsl: '1.0.3', namespace: n, name: w, version: '1.0.0'}\n"

static baton_registry *registry;

static baton_workflow *parse_sized(const char *text, size_t size) {
    baton_error *error = NULL;
    baton_workflow *w = baton_workflow_parse(text, size, "t.yaml", registry, &error);
    if (!w) {
        char *told = baton_error_text(error);
        fail_msg("%.500s\n%s", text, told);
    }
    return w;
}

static baton_workflow *parse(const char *text) { return parse_sized(text, strlen(text)); }

static const step *find(const baton_workflow *w, const char *reference) {
    const step *s = workflow_find_step(w, reference);
    if (!s) fail_msg("no step %s", reference);
    return s;
}

static void expect_literal(const template *t, const char *json) {
    assert_non_null(t);
    assert_int_equal(t->kind, TEMPLATE_LITERAL);
    char *text = baton_value_to_json(t->value);
    assert_string_equal(text, json);
    free(text);
}

static void expect_expression(const template *t, const char *text) {
    assert_non_null(t);
    assert_int_equal(t->kind, TEMPLATE_EXPRESSION);
    assert_string_equal(expression_text(t->expression), text);
}

static void expect_data(baton_value value, const char *json) {
    char *text = baton_value_to_json(value);
    assert_string_equal(text, json);
    free(text);
    baton_value_unref(value);
}

static void the_workflow_itself(void **state) {
    (void)state;
    static const char text[] = "document:\n"
                               "  dsl: 1.0.3\n"
                               "  namespace: shop\n"
                               "  name: order\n"
                               "  version: 1.2.3\n"
                               "  metadata: {owner: me, name: hidden}\n"
                               "input:\n"
                               "  schema: {document: {type: object}}\n"
                               "  from: .order\n"
                               "output:\n"
                               "  as: {id: '${ .id }', context: '${ $context }'}\n"
                               "  schema: {document: true}\n"
                               "timeout: {after: PT1M}\n"
                               "do:\n"
                               "  - a: {set: {x: 1}}\n"
                               "  - b: {set: {x: 2}}\n";
    baton_workflow *w = parse(text);
    assert_string_equal(w->namespace, "shop");
    assert_string_equal(w->name, "order");
    assert_string_equal(w->version, "1.2.3");
    assert_string_equal(w->file, "t.yaml");
    assert_int_equal(baton_workflow_step_count(w), 2);
    assert_string_equal(baton_workflow_step_name(w, 1), "b");
    assert_non_null(w->input_schema);
    assert_non_null(w->output_schema);
    expect_expression(w->input_from, ".order");
    assert_int_equal(w->output_as->kind, TEMPLATE_OBJECT);
    assert_int_equal(w->timeout->ms, 60000);
    assert_null(w->timeout->expression);
    assert_false(w->built);
    assert_false(w->has_wait);
    assert_int_equal(baton_workflow_executable(w, NULL), 0);
    expect_data(baton_workflow_metadata(w),
                "{\"name\":\"order\",\"namespace\":\"shop\",\"owner\":\"me\",\"steps\":["
                "\"a\",\"b\"],\"version\":\"1.2.3\"}");
    baton_value document = baton_value_get(w->definition, "document");
    expect_data(baton_value_get(document, "version"), "\"1.2.3\"");
    baton_value_unref(document);
    baton_workflow *again = parse(text), *other = parse(HEAD "do: [{a: {set: x}}]\n");
    assert_int_equal(again->digest, w->digest);
    assert_int_not_equal(other->digest, w->digest);
    assert_null(other->input_from);
    assert_null(other->timeout);
    baton_workflow_free(again);
    baton_workflow_free(other);
    baton_workflow_free(w);
}

static void steps_know_where_they_stand(void **state) {
    (void)state;
    baton_workflow *w = parse(HEAD "use:\n"
                                   "  functions:\n"
                                   "    later/one: {do: [{in: {set: x}}]}\n"
                                   "    f: {set: x}\n"
                                   "do:\n"
                                   "  - a~/b: {do: [{c: {set: x}}, {d: {set: x}}]}\n"
                                   "  - e: {for: {in: .x}, do: [{f: {set: x}}]}\n"
                                   "  - g: {fork: {branches: [{h: {set: x}}, {i: {set: x}}]}}\n"
                                   "  - j: {try: [{k: {set: x}}], catch: {do: [{l: {set: x}}]}}\n");
    static const char *const references[] = {"/do/0/a~0~1b",
                                             "/do/0/a~0~1b/do/0/c",
                                             "/do/0/a~0~1b/do/1/d",
                                             "/do/1/e",
                                             "/do/1/e/do/0/f",
                                             "/do/2/g",
                                             "/do/2/g/fork/branches/0/h",
                                             "/do/2/g/fork/branches/1/i",
                                             "/do/3/j",
                                             "/do/3/j/try/0/k",
                                             "/do/3/j/catch/do/0/l",
                                             "/use/functions/later~1one",
                                             "/use/functions/later~1one/do/0/in",
                                             "/use/functions/f"};
    assert_int_equal(w->step_count, sizeof references / sizeof *references);
    for (uint32_t i = 0; i < w->step_count; i++) {
        assert_string_equal(w->steps[i]->reference, references[i]);
        assert_int_equal(w->steps[i]->ordinal, i);
        assert_ptr_equal(w->steps[i]->siblings->steps[w->steps[i]->index], w->steps[i]);
        assert_string_equal(w->steps[i]->where.file, "t.yaml");
    }
    const step *d = find(w, "/do/0/a~0~1b/do/1/d"), *a = find(w, "a~/b");
    assert_ptr_equal(d->parent, a);
    assert_ptr_equal(d->siblings, &a->u.do_);
    assert_int_equal(d->index, 1);
    assert_int_equal(d->where.line, 7);
    assert_int_equal(d->where.column, 33);
    assert_null(a->parent);
    assert_ptr_equal(a->siblings, &w->body);
    assert_int_equal(w->body.count, 4);
    const step *function = find(w, "/use/functions/f");
    assert_null(function->parent);
    assert_int_equal(function->siblings->count, 1);
    expect_data(baton_value_ref(d->definition), "{\"set\":\"x\"}");
    baton_workflow_free(w);
}

static void properties_of_all_steps(void **state) {
    (void)state;
    baton_workflow *w = parse(HEAD "use: {timeouts: {short: {after: {seconds: 2}}}}\n"
                                   "do:\n"
                                   "  - plain: {set: x}\n"
                                   "  - full:\n"
                                   "      if: ' ${ .go } '\n"
                                   "      input: {from: '.a', schema: {document: {}}}\n"
                                   "      output: {as: [1, '${ .b }'], schema: {document: {}}}\n"
                                   "      export: {as: {c: 1}, schema: {document: {}}}\n"
                                   "      timeout: short\n"
                                   "      then: plain\n"
                                   "      metadata: {baton: {interrupted: fault}}\n"
                                   "      set: x\n"
                                   "  - exits: {set: x, then: exit}\n"
                                   "  - ends: {set: x, then: end}\n"
                                   "  - goes: {set: x, then: continue}\n"
                                   "  - limited: {set: x, timeout: {after: '${ .t }'}}\n");
    assert_true(find(w, "plain")->plain);
    const step *s = find(w, "full");
    assert_false(s->plain);
    assert_string_equal(expression_text(s->if_), " .go ");
    expect_expression(s->input_from, ".a");
    assert_int_equal(s->output_as->kind, TEMPLATE_ARRAY);
    expect_literal(s->output_as->items[0], "1");
    expect_literal(s->export_as, "{\"c\":1}");
    assert_true(s->input_schema && s->output_schema && s->export_schema);
    assert_int_equal(s->timeout->ms, 2000);
    assert_int_equal(s->then.kind, FLOW_STEP);
    assert_int_equal(s->then.target, 0);
    assert_true(s->interrupted_faults);
    assert_int_equal(find(w, "exits")->then.kind, FLOW_EXIT);
    assert_int_equal(find(w, "ends")->then.kind, FLOW_END);
    assert_false(find(w, "ends")->plain);
    assert_int_equal(find(w, "goes")->then.kind, FLOW_CONTINUE);
    assert_true(find(w, "goes")->plain);
    expect_expression(find(w, "limited")->timeout->expression, " .t ");
    baton_workflow_free(w);
}

static void set_and_switch(void **state) {
    (void)state;
    baton_workflow *w = parse(HEAD "do:\n"
                                   "  - literal: {set: {a: [1, {b: null}], c: '$${x}'}}\n"
                                   "  - text: {set: 'hello ${ .name }!'}\n"
                                   "  - whole: {set: '${ .name }'}\n"
                                   "  - choose:\n"
                                   "      switch:\n"
                                   "        - one: {when: .x == 1, then: whole}\n"
                                   "        - other: {then: exit}\n");
    expect_literal(find(w, "literal")->u.set, "{\"a\":[1,{\"b\":null}],\"c\":\"${x}\"}");
    const template *t = find(w, "text")->u.set;
    assert_int_equal(t->kind, TEMPLATE_TEXT);
    assert_int_equal(t->count, 3);
    expect_expression(find(w, "whole")->u.set, " .name ");
    const step_switch *choose = &find(w, "choose")->u.switch_;
    assert_int_equal(choose->count, 2);
    assert_string_equal(choose->cases[0].name, "one");
    assert_string_equal(expression_text(choose->cases[0].when), ".x == 1");
    assert_int_equal(choose->cases[0].then.kind, FLOW_STEP);
    assert_int_equal(choose->cases[0].then.target, 2);
    assert_null(choose->cases[1].when);
    assert_int_equal(choose->cases[1].then.kind, FLOW_EXIT);
    baton_workflow_free(w);
}

static void loops_and_forks(void **state) {
    (void)state;
    baton_workflow *w =
        parse(HEAD "do:\n"
                   "  - simple: {for: {in: .x}, do: [{a: {set: '${ $item }'}}]}\n"
                   "  - named:\n"
                   "      for: {each: pet, at: i, in: [1, '${ .y }']}\n"
                   "      while: $pet != $i\n"
                   "      do: [{b: {set: '${ $pet }'}}, {c: {set: x}}]\n"
                   "  - race: {fork: {compete: true, branches: [{d: {set: x}}, {e: {set: x}}]}}\n"
                   "  - all: {fork: {branches: [{d: {set: x}}]}}\n");
    const step_for *f = &find(w, "simple")->u.for_;
    assert_string_equal(f->each, "item");
    assert_string_equal(f->at, "index");
    expect_expression(f->in, ".x");
    assert_null(f->while_);
    assert_int_equal(f->body.count, 1);
    f = &find(w, "named")->u.for_;
    assert_string_equal(f->each, "pet");
    assert_string_equal(f->at, "i");
    assert_int_equal(f->in->kind, TEMPLATE_ARRAY);
    assert_string_equal(expression_text(f->while_), "$pet != $i");
    assert_int_equal(f->body.count, 2);
    assert_true(find(w, "race")->u.fork.compete);
    assert_int_equal(find(w, "race")->u.fork.branches.count, 2);
    assert_false(find(w, "all")->u.fork.compete);
    baton_workflow_free(w);
}

static void errors_and_retries(void **state) {
    (void)state;
    baton_workflow *w = parse(
        HEAD
        "use:\n"
        "  errors: {mine: {type: 'https://x/y', status: 418, title: T, detail: '${ .d }', instance: /i}}\n"
        "  retries: {often: {delay: {seconds: 3}, backoff: {exponential: {}}, limit: {attempt: {count: "
        "5}}}}\n"
        "do:\n"
        "  - named: {raise: {error: mine}}\n"
        "  - inline: {raise: {error: {type: '${ .t }', status: '${ .s }'}}}\n"
        "  - all: {try: [{a: {set: x}}], catch: {}}\n"
        "  - some:\n"
        "      try: [{b: {set: x}}]\n"
        "      catch:\n"
        "        errors: {with: {status: 503, type: '${ .t }'}}\n"
        "        as: err\n"
        "        when: $err.status > 1\n"
        "        exceptWhen: .x\n"
        "        retry: often\n"
        "        do: [{c: {set: '${ $err }'}}]\n"
        "        then: end\n"
        "  - full:\n"
        "      try: [{d: {set: x}}]\n"
        "      catch:\n"
        "        retry:\n"
        "          when: $error.a\n"
        "          exceptWhen: $error.b\n"
        "          delay: PT1S\n"
        "          backoff: {linear: {}}\n"
        "          limit: {duration: PT1M, attempt: {duration: PT2S}}\n"
        "          jitter: {from: {milliseconds: 1}, to: {milliseconds: 5}}\n");
    const error_definition *e = &find(w, "named")->u.raise;
    expect_literal(e->type, "\"https://x/y\"");
    expect_literal(e->status, "418");
    expect_literal(e->title, "\"T\"");
    expect_expression(e->detail, " .d ");
    expect_literal(e->instance, "\"/i\"");
    e = &find(w, "inline")->u.raise;
    expect_expression(e->type, " .t ");
    expect_expression(e->status, " .s ");
    assert_null(e->title);
    const step_try *t = &find(w, "all")->u.try_;
    assert_null(t->errors_with);
    assert_string_equal(t->as, "error");
    assert_null(t->retry);
    assert_false(t->has_handler || t->has_then);
    t = &find(w, "some")->u.try_;
    assert_int_equal(t->errors_with->kind, TEMPLATE_OBJECT);
    assert_string_equal(t->as, "err");
    assert_string_equal(expression_text(t->when), "$err.status > 1");
    assert_string_equal(expression_text(t->except_when), ".x");
    assert_true(t->has_handler && t->has_then);
    assert_int_equal(t->handler.count, 1);
    assert_int_equal(t->then.kind, FLOW_END);
    assert_int_equal(t->retry->delay->ms, 3000);
    assert_int_equal(t->retry->backoff, BACKOFF_EXPONENTIAL);
    assert_int_equal(t->retry->max_attempts, 5);
    assert_null(t->retry->jitter_from);
    const retry_policy *r = find(w, "full")->u.try_.retry;
    assert_string_equal(expression_text(r->when), "$error.a");
    assert_string_equal(expression_text(r->except_when), "$error.b");
    assert_int_equal(r->backoff, BACKOFF_LINEAR);
    assert_int_equal(r->max_attempts, -1);
    assert_int_equal(r->total_duration->ms, 60000);
    assert_int_equal(r->attempt_duration->ms, 2000);
    assert_int_equal(r->jitter_from->ms, 1);
    assert_int_equal(r->jitter_to->ms, 5);
    baton_workflow_free(w);
}

static void waits(void **state) {
    (void)state;
    baton_workflow *w = parse(
        HEAD
        "do:\n  - a: {wait: PT30S}\n  - b: {wait: {minutes: 1, seconds: 1}}\n  - c: {wait: '${ .w }'}\n");
    assert_true(w->has_wait);
    assert_int_equal(find(w, "a")->u.wait.ms, 30000);
    assert_int_equal(find(w, "b")->u.wait.ms, 61000);
    expect_expression(find(w, "c")->u.wait.expression, " .w ");
    baton_workflow_free(w);
    w = parse(HEAD "do:\n  - a: {listen: {to: {any: []}}}\n");
    assert_true(w->has_wait);
    assert_int_equal(find(w, "a")->kind, STEP_UNSUPPORTED);
    baton_workflow_free(w);
}

static void processes(void **state) {
    (void)state;
    baton_workflow *w = parse(
        HEAD
        "do:\n"
        "  - line: {run: {shell: {command: 'echo ${ .a }', arguments: [x, '${ .b }'], environment: {E: "
        "'${ .c }', N: 1}, stdin: '${ .d }'}, await: false, return: all}}\n"
        "  - node: {run: {script: {language: js, code: 'x = `${y}`'}, return: none}}\n"
        "  - snake: {run: {script: {language: python, code: print(1)}, return: code}}\n"
        "  - other: {run: {container: {image: i}, return: stderr}}\n");
    const step_run *r = &find(w, "line")->u.run;
    assert_null(r->interpreter);
    assert_int_equal(r->command->kind, TEMPLATE_TEXT);
    assert_int_equal(r->arguments->kind, TEMPLATE_ARRAY);
    assert_int_equal(r->environment->kind, TEMPLATE_OBJECT);
    expect_expression(r->input, " .d ");
    assert_false(r->await);
    assert_int_equal(r->result, RETURN_ALL);
    r = &find(w, "node")->u.run;
    assert_string_equal(r->interpreter, "node");
    expect_literal(r->command, "\"x = `${y}`\"");
    assert_null(r->arguments);
    assert_true(r->await);
    assert_int_equal(r->result, RETURN_NONE);
    assert_string_equal(find(w, "snake")->u.run.interpreter, "python3");
    assert_int_equal(find(w, "snake")->u.run.result, RETURN_CODE);
    assert_int_equal(find(w, "other")->kind, STEP_UNSUPPORTED);
    baton_workflow_free(w);
}

static void http_calls(void **state) {
    (void)state;
    baton_workflow *w = parse(
        HEAD
        "use: {authentications: {mine: {digest: {username: u, password: '${ .p }'}}}}\n"
        "do:\n"
        "  - short: {call: http, with: {method: get, endpoint: 'https://x/{id}'}}\n"
        "  - expr: {call: http, with: {method: '${ .m }', endpoint: '${ .u }', headers: '${ .h }', query: "
        "{q: '${ .q }'}, "
        "body: [1], output: response, redirect: true}}\n"
        "  - basic: {call: http, with: {method: get, endpoint: {uri: 'x/${ .i }', authentication: {basic: "
        "{username: u, "
        "password: p}}}, output: raw}}\n"
        "  - bearer: {call: http, with: {method: get, endpoint: {uri: x, authentication: {bearer: {token: "
        "'${ .t }'}}}}}\n"
        "  - named: {call: http, with: {method: get, endpoint: {uri: x, authentication: {use: mine}}}}\n");
    const step_http *h = &find(w, "short")->u.http;
    assert_int_equal(find(w, "short")->kind, STEP_HTTP);
    expect_literal(h->method, "\"get\"");
    expect_literal(h->uri, "\"https://x/{id}\"");
    assert_true(h->uri_is_template);
    assert_null(h->headers);
    assert_null(h->body);
    assert_int_equal(h->authentication.kind, AUTH_NONE);
    assert_int_equal(h->output, HTTP_CONTENT);
    assert_false(h->redirect);
    h = &find(w, "expr")->u.http;
    expect_expression(h->uri, " .u ");
    assert_false(h->uri_is_template);
    expect_expression(h->headers, " .h ");
    assert_int_equal(h->query->kind, TEMPLATE_OBJECT);
    expect_literal(h->body, "[1]");
    assert_int_equal(h->output, HTTP_RESPONSE);
    assert_true(h->redirect);
    h = &find(w, "basic")->u.http;
    assert_false(h->uri_is_template);
    assert_int_equal(h->authentication.kind, AUTH_BASIC);
    expect_literal(h->authentication.username, "\"u\"");
    assert_int_equal(h->output, HTTP_RAW);
    h = &find(w, "bearer")->u.http;
    assert_int_equal(h->authentication.kind, AUTH_BEARER);
    expect_expression(h->authentication.token, " .t ");
    h = &find(w, "named")->u.http;
    assert_int_equal(h->authentication.kind, AUTH_DIGEST);
    expect_expression(h->authentication.password, " .p ");
    baton_workflow_free(w);
}

static int succeed(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static void calls_of_functions(void **state) {
    (void)state;
    registry = baton_registry_new();
    const baton_step_type greet = {.name = "greet", .execute = succeed},
                          hidden = {.name = "f", .execute = succeed},
                          dotted = {.name = "task.work", .execute = succeed};
    assert_int_equal(baton_registry_add(registry, &greet, NULL), 0);
    assert_int_equal(baton_registry_add(registry, &hidden, NULL), 0);
    assert_int_equal(baton_registry_add(registry, &dotted, NULL), 0);
    baton_workflow *w =
        parse(HEAD "use: {functions: {f: {call: g, with: {a: 1}}, g: {set: x}}}\n"
                   "do:\n"
                   "  - one: {call: f, with: {p: '${ .x }'}}\n"
                   "  - two: {call: f}\n"
                   "  - three: {call: greet, with: {who: me}}\n"
                   "  - four: {call: greet}\n"
                   "  - five: {call: task.work, output: {as: '${ $input + . }'}, then: six}\n"
                   "  - six: {call: task.work, with: {who: me}}\n");
    baton_registry_free(registry); /* the workflow keeps it */
    registry = NULL;
    const step *f = find(w, "/use/functions/f");
    assert_int_equal(find(w, "one")->kind, STEP_CALL);
    assert_ptr_equal(find(w, "one")->u.call.function, f); /* the file's own comes first */
    assert_int_equal(find(w, "one")->u.call.with->kind, TEMPLATE_OBJECT);
    assert_null(find(w, "two")->u.call.with);
    assert_ptr_equal(f->u.call.function, find(w, "/use/functions/g"));
    const step_function *c = &find(w, "three")->u.function;
    assert_int_equal(find(w, "three")->kind, STEP_FUNCTION);
    assert_string_equal(c->type->name, "greet");
    expect_literal(c->with, "{\"who\":\"me\"}");
    assert_null(find(w, "four")->u.function.with);
    expect_data(baton_value_ref(find(w, "four")->u.function.arguments), "null");
    assert_string_equal(find(w, "five")->u.function.type->name, "task.work");
    assert_null(find(w, "five")->u.function.with);
    assert_string_equal(find(w, "six")->u.function.type->name, "task.work");
    baton_workflow_free(w);
}

static void json_files_and_aliases(void **state) {
    (void)state;
    baton_workflow *w = parse("{\"document\": {\"dsl\": \"1.0.3\", \"namespace\": \"n\", \"name\": \"w\", "
                              "\"version\": \"1.0.0\"},\n"
                              " \"do\": [{\"a\": {\"set\": {\"x\": \"${ .y }\"}}}]}");
    assert_int_equal(w->step_count, 1);
    baton_workflow_free(w);
    w = parse(HEAD "do:\n  - a: &step {set: &data {x: '${ .y }'}}\n  - b: *step\n  - c: {do: [{d: *step}], "
                   "then: end}\n  - e: {call: "
                   "http, with: {method: get, endpoint: x, body: *data}}\n");
    assert_int_equal(w->step_count, 5);
    assert_true(find(w, "a")->u.set != find(w, "b")->u.set); /* each its own, to be released once */
    assert_int_equal(find(w, "d")->u.set->kind, TEMPLATE_OBJECT);
    baton_workflow_free(w);
}

static void expressions_can_wait(void **state) {
    (void)state;
    static const char text[] = HEAD "do:\n  - a: {set: '${ nosuch }'}\n";
    baton_error *error = NULL;
    assert_null(baton_workflow_parse(text, sizeof text - 1, NULL, NULL, &error));
    assert_null(baton_error_file(error));
    baton_error_free(error);
    baton_workflow *w =
        workflow_read(text, sizeof text - 1, &(read_options){.lazy_expressions = true}, NULL);
    assert_non_null(w);
    assert_null(w->file);
    baton_workflow_free(w);
}

/* ---- Files ---- */

static void files_are_loaded(void **state) {
    (void)state;
    char path[] = "baton-test-XXXXXX"; /* where the test runs */
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = HEAD "do: [{a: {set: x}}]\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    baton_error *error = NULL;
    baton_workflow *w = baton_workflow_load(path, NULL, &error);
    assert_non_null(w);
    assert_string_equal(w->file, path);
    baton_workflow_free(w);
    static char zeros[1 << 16];
    for (int i = 0; i < 20; i++) assert_int_equal(write(fd, zeros, sizeof zeros), sizeof zeros);
    assert_null(baton_workflow_load(path, NULL, &error));
    assert_int_equal(baton_error_get_code(error), BATON_ERROR_LIMIT);
    baton_error_free(error);
    close(fd);
    unlink(path);
    assert_null(baton_workflow_load(path, NULL, &error));
    assert_int_equal(baton_error_get_code(error), BATON_ERROR_NOT_FOUND);
    assert_non_null(strstr(baton_error_message(error), "cannot open 'baton-test-"));
    baton_error_free(error);
    assert_null(baton_workflow_load(".", NULL, &error));
    assert_int_equal(baton_error_get_code(error), BATON_ERROR_SYSTEM);
    assert_string_equal(baton_error_message(error), "cannot read '.': Is a directory");
    baton_error_free(error);
    assert_null(baton_workflow_load("no such file", NULL, NULL));
}

static char *shared_pattern(const char *tail) {
    const char *folder = getenv("BATON_SHARED");
    if (!folder) skip();
    buffer b = {0};
    buffer_printf(&b, "%s/%s", folder, tail);
    return buffer_take(&b);
}

static void the_examples_of_the_standard(void **state) {
    (void)state;
    char *pattern = shared_pattern("dsl/examples/*.yaml");
    glob_t files;
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        baton_error *error = NULL;
        baton_workflow *w = baton_workflow_load(files.gl_pathv[i], NULL, &error);
        if (!w) fail_msg("%s", baton_error_text(error));
        baton_workflow_free(w);
    }
    globfree(&files);
    free(pattern);
}

static char *read_file(const char *path) {
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    buffer b = {0};
    char part[4096];
    size_t got;
    while ((got = fread(part, 1, sizeof part, f)) > 0) buffer_append(&b, part, got);
    fclose(f);
    return buffer_take(&b);
}

static void the_features_of_the_standard(void **state) {
    (void)state;
    char *pattern = shared_pattern("ctk/*.feature");
    glob_t files;
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    size_t count = 0;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        char *text = read_file(files.gl_pathv[i]);
        for (char *at = text; (at = strstr(at, "definition:\n")); at++) {
            at = strstr(at, "\"\"\"yaml\n") + 8;
            char *end = strstr(at, "\"\"\"");
            baton_workflow_free(parse_sized(at, (size_t)(end - at)));
            count++;
        }
        free(text);
    }
    assert_true(count > 20);
    globfree(&files);
    free(pattern);
}

/* ---- What is broken ---- */

/* Has a bit of everything. */
static const char sample[] =
    "document: {dsl: '1.0.3', namespace: n, name: w, version: '1.0.0', metadata: {a: 1}}\n"
    "input: {schema: {document: {type: object}}, from: .x}\n"
    "output: {as: {y: '${ .y }'}}\n"
    "timeout: t\n"
    "schedule: {every: PT1S, on: {any: [{with: {type: x}, correlate: {k: {from: .x}}}], until: {one: "
    "{with: {type: y}}}}}\n"
    "evaluate: {language: jq, mode: strict}\n"
    "use:\n"
    "  timeouts: {t: {after: {minutes: 1}}}\n"
    "  errors: {e: {type: x, status: 1}}\n"
    "  retries: {r: {delay: PT1S, backoff: {linear: {}}, limit: {attempt: {count: 2}}, jitter: {from: "
    "PT1S, to: PT2S}}}\n"
    "  authentications: {au: {basic: {username: u, password: p}}}\n"
    "  functions: {f: {call: g}, g: {set: x}}\n"
    "do:\n"
    "  - a: {set: {k: '${ .v }'}, if: .c, input: {from: {a: 1}}, then: b, metadata: {baton: {interrupted: "
    "fault}}}\n"
    "  - b: {call: http, with: {method: get, endpoint: {uri: x, authentication: {use: au}}, query: {q: v}, "
    "body: [1]}}\n"
    "  - c: {for: {each: i, in: [1], at: j}, while: $i, do: [{d: {set: '${ $i }'}}]}\n"
    "  - e: {fork: {compete: true, branches: [{g: {wait: PT1S}}]}}\n"
    "  - h: {try: [{i: {raise: {error: e}}}], catch: {errors: {with: {status: 1}}, as: x, retry: r, do: "
    "[{j: {set: '${ $x "
    "}'}}], then: end}}\n"
    "  - k: {switch: [{l: {when: .a, then: end}}, {m: {then: exit}}]}\n"
    "  - n: {run: {shell: {command: ls, arguments: [a], environment: {E: v}}, return: all, await: true}}\n"
    "  - o: {run: {script: {language: python, code: x}}}\n"
    "  - p: {call: f, with: {a: '${ .b }'}, timeout: {after: PT1S}}\n"
    "  - q: {listen: {to: {one: {with: {type: t}}}}, foreach: {item: v, do: [{r: {set: x}}]}}\n"
    "  - s: {do: [{t: {emit: {event: {with: {type: z}}}}}]}\n";

static void survive(const char *text, size_t size) {
    baton_error *error = NULL;
    baton_workflow *w =
        workflow_read(text, size, &(read_options){.name = "t", .lazy_expressions = true}, &error);
    assert_true(!w == !!error);
    if (w) assert_true(w->step_count > 0);
    baton_workflow_free(w);
    baton_error_free(error);
}

static void every_truncation_is_survived(void **state) {
    (void)state;
    baton_workflow_free(parse(sample));
    for (size_t size = 0; size < sizeof sample - 1; size++) survive(sample, size);
}

static void every_byte_may_be_another(void **state) {
    (void)state;
    static const char others[] = "'{}[]:,&*!|$ \n\x80\t0";
    char text[sizeof sample];
    memcpy(text, sample, sizeof sample);
    for (size_t i = 0; i < sizeof sample - 1; i++) {
        text[i] = others[i % (sizeof others - 1)];
        survive(text, sizeof sample - 1);
        text[i] = sample[i];
    }
}

/* Writes the value as JSON, but its node number `*at` as `other`; counts *at down. */
static void write_with(buffer *b, baton_value value, long *at, const char *other) {
    if ((*at)-- == 0) {
        buffer_puts(b, other);
        return;
    }
    if (baton_value_kind(value) == BATON_KIND_ARRAY) {
        for (size_t i = 0; i < baton_value_size(value); i++) {
            buffer_puts(b, i ? ", " : "[");
            baton_value item = baton_value_at(value, i);
            write_with(b, item, at, other);
            baton_value_unref(item);
        }
        buffer_puts(b, baton_value_size(value) ? "]" : "[]");
    } else if (baton_value_kind(value) == BATON_KIND_OBJECT) {
        int cursor = 0;
        const char *key;
        baton_value member;
        bool first = true;
        while (baton_value_next(value, &cursor, &key, &member)) {
            buffer_puts(b, first ? "{" : ", ");
            value_write_text(b, key);
            buffer_puts(b, ": ");
            write_with(b, member, at, other);
            baton_value_unref(member);
            first = false;
        }
        buffer_puts(b, first ? "{}" : "}");
    } else {
        value_write(b, value);
    }
}

static void every_node_may_be_of_every_kind(void **state) {
    (void)state;
    static const char *const others[] = {"null",        "true",        "-1.5",         "\"\"", "\"text\"",
                                         "\"${ .x }\"", "[]",          "{}",           "[1]",  "[{}]",
                                         "{\"a\": 1}",  "{\"a\": {}}", "[{\"a\": {}}]"};
    baton_workflow *w = parse(sample);
    buffer b = {0};
    size_t nodes = 0;
    for (bool more = true; more; nodes++)
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
            long at = (long)nodes;
            buffer_clear(&b);
            write_with(&b, w->definition, &at, others[i]);
            more = at < 0;
            survive(buffer_text(&b), b.size);
        }
    assert_true(nodes > 150);
    buffer_done(&b);
    baton_workflow_free(w);
}

static void long_lists_take_no_quadratic_time(void **state) {
    (void)state;
    buffer b = {0};
    buffer_puts(&b, HEAD "do:\n");
    for (int i = 0; i < 9000; i++)
        buffer_printf(&b, "  - step%d: {set: x, then: step%d}\n", i, (i * 7) % 9000);
    baton_workflow *w = parse(buffer_text(&b));
    assert_int_equal(w->steps[2]->then.target, 14);
    baton_workflow_free(w);
    buffer_clear(&b);
    buffer_puts(&b, HEAD "do:\n  - a:\n      set:\n");
    for (int i = 0; i < 20000; i++) buffer_printf(&b, "        k%d: '${ .a%d }'\n", i, i);
    w = parse(buffer_text(&b));
    assert_int_equal(w->steps[0]->u.set->count, 20000);
    baton_workflow_free(w);
    buffer_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_workflow_itself),
        cmocka_unit_test(steps_know_where_they_stand),
        cmocka_unit_test(properties_of_all_steps),
        cmocka_unit_test(set_and_switch),
        cmocka_unit_test(loops_and_forks),
        cmocka_unit_test(errors_and_retries),
        cmocka_unit_test(waits),
        cmocka_unit_test(processes),
        cmocka_unit_test(http_calls),
        cmocka_unit_test(calls_of_functions),
        cmocka_unit_test(json_files_and_aliases),
        cmocka_unit_test(expressions_can_wait),
        cmocka_unit_test(files_are_loaded),
        cmocka_unit_test(the_examples_of_the_standard),
        cmocka_unit_test(the_features_of_the_standard),
        cmocka_unit_test(every_truncation_is_survived),
        cmocka_unit_test(every_byte_may_be_another),
        cmocka_unit_test(every_node_may_be_of_every_kind),
        cmocka_unit_test(long_lists_take_no_quadratic_time),
    };
    return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
