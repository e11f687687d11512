/* What is wrong with workflow files, with its exact words and place: tables, names, targets, expressions.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include "base/error.h"
#include "base/limits.h"
#include "definition/read.h"
#include "definition/workflow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Line 1 of most documents below. */
#define HEAD "document: {dsl: '1.0.3', namespace: n, name: w, version: '1.0.0'}\n"

static int succeed(baton_step_call *call, baton_error **err) {
    (void)call, (void)err;
    return 0;
}

static int check_arguments(baton_value arguments, void *data, baton_error **err) {
    (void)data;
    if (baton_value_has(arguments, "who")) return 0;
    return baton_error_set(err, BATON_ERROR_INVALID, "who is missing");
}

static baton_registry *registry;

static int make_registry(void **state) {
    (void)state;
    registry = baton_registry_new();
    baton_error *error = NULL;
    const baton_step_type greet = {.name = "greet", .execute = succeed, .validate = check_arguments};
    return registry ? baton_registry_add(registry, &greet, &error) : -1;
}

static int drop_registry(void **state) {
    (void)state;
    baton_registry_free(registry);
    return 0;
}

/* One line an error: "LINE:COLUMN: message". */
static void write_errors(buffer *out, const baton_error *list) {
    for (const baton_error *e = list; e; e = baton_error_next(e))
        buffer_printf(out, "%d:%d: %s\n", baton_error_line(e), baton_error_column(e),
                      baton_error_message(e));
}

static void expect_problems(const char *text, const char *wanted) {
    baton_error *error = NULL;
    baton_workflow *w = baton_workflow_parse(text, strlen(text), "t.yaml", registry, &error);
    if (w) fail_msg("no problem found in: %s", text);
    buffer told = {0};
    write_errors(&told, error);
    assert_string_equal(buffer_text(&told), wanted);
    for (const baton_error *e = error; e; e = baton_error_next(e)) {
        assert_int_equal(baton_error_get_code(e), BATON_ERROR_INVALID);
        assert_string_equal(baton_error_file(e), "t.yaml");
    }
    buffer_done(&told);
    baton_error_free(error);
    assert_null(baton_workflow_parse(text, strlen(text), NULL, registry, NULL));
}

static void expect_unsupported(const char *text, const char *wanted) {
    baton_error *error = NULL;
    baton_workflow *w = baton_workflow_parse(text, strlen(text), "t.yaml", registry, &error);
    if (!w) fail_msg("%s: %s", text, baton_error_message(error));
    assert_int_equal(baton_workflow_executable(w, NULL), -1);
    assert_int_equal(baton_workflow_executable(w, &error), -1);
    buffer told = {0};
    write_errors(&told, error);
    assert_string_equal(buffer_text(&told), wanted);
    assert_int_equal(baton_error_get_code(error), BATON_ERROR_UNSUPPORTED);
    buffer_done(&told);
    baton_error_free(error);
    baton_workflow_free(w);
}

static void expect_valid(const char *text) {
    baton_error *error = NULL;
    baton_workflow *w = baton_workflow_parse(text, strlen(text), "t.yaml", registry, &error);
    if (!w) {
        buffer told = {0};
        write_errors(&told, error);
        fail_msg("%s: %s", text, buffer_text(&told));
    }
    assert_int_equal(baton_workflow_executable(w, &error), 0);
    assert_null(error);
    baton_workflow_free(w);
}

static void documents_need_their_parts(void **state) {
    (void)state;
    expect_problems("just text", "1:1: the workflow must be an object, not a string\n");
    expect_problems("{}", "1:1: the workflow must have the property 'document'\n"
                          "1:1: the workflow must have the property 'do'\n");
    expect_problems("document: {dsl: 1.0, namespace: n, name: w, version: 1.0.0}\ndo: []\n",
                    "1:17: 'dsl' must be a string (quote it: '1.0')\n2:5: 'do' must not be empty\n");
    expect_problems(
        "document: {dsl: '1.0.0', namespace: -n, name: 'a b', version: '1.0'}\ndo: [{a: {set: x}}]\n",
        "1:37: 'namespace' must be at most 63 letters, digits and inner dashes, not '-n'\n"
        "1:47: 'name' must be at most 63 letters, digits and inner dashes, not 'a b'\n"
        "1:63: 'version' must be a semantic version like '1.0.0', not '1.0'\n");
    expect_problems(
        "document: {dsl: '1.0.0', naem: w, namespace: n, version: '1.0.0', tags: 1}\ndo: [{a: {set: x}}]\n",
        "1:26: unknown property 'naem' (did you mean 'name'?)\n"
        "1:73: 'tags' must be an object, not a number\n");
    expect_problems(HEAD "dos:\n  - a: {set: x}\n", "2:1: unknown property 'dos' (did you mean 'do'?)\n");
    expect_problems(HEAD "do: {a: {set: x}}\n", "2:5: 'do' must be a list, not an object\n");
}

static void versions_are_semantic(void **state) {
    (void)state;
    static const char *const good[] = {"1.0.0", "0.0.0", "1.2.3-alpha.1", "1.2.3-0a.x-y+build.01",
                                       "10.20.30+a-b"};
    static const char *const bad[] = {"1",       "1.0",      "01.0.0", "1.0.0-",    "1.0.0-01", "1.0.0+",
                                      "1.0.0.0", "1.0.0-a.", "v1.0.0", "1.0.0-a_b", "1.0.0+a+b"};
    char text[300];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(text, sizeof text,
                 "document: {dsl: '1.0.3', namespace: n, name: w, version: '%s'}\ndo: [{a: {set: x}}]\n",
                 good[i]);
        expect_valid(text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text,
                 "document: {dsl: '1.0.3', namespace: n, name: w, version: '%s'}\ndo: [{a: {set: x}}]\n",
                 bad[i]);
        char wanted[200];
        snprintf(wanted, sizeof wanted,
                 "1:58: 'version' must be a semantic version like '1.0.0', not '%s'\n", bad[i]);
        expect_problems(text, wanted);
    }
}

static void steps_have_one_type(void **state) {
    (void)state;
    expect_problems(HEAD "do:\n  - a:\n      sett: {x: 1}\n",
                    "4:7: unknown step type 'sett' (did you mean 'set'?)\n");
    expect_problems(HEAD "do:\n  - a:\n      frobnicate: 1\n", "4:7: unknown step type 'frobnicate'\n");
    expect_problems(HEAD "do:\n  - a:\n      if: .x\n",
                    "3:5: the step 'a' has no type, like 'set' or 'call'\n");
    expect_problems(HEAD "do:\n  - a:\n      wait: PT1S\n      set: {x: 1}\n",
                    "5:7: a step has one type, not both 'wait' and 'set'\n");
    expect_problems(
        HEAD "do:\n  - a: {set: x, retrys: 1, tiemout: PT1S}\n",
        "3:17: unknown property 'retrys'\n3:28: unknown property 'tiemout' (did you mean 'timeout'?)\n");
    expect_problems(HEAD "do:\n  - a: {set: x, with: {}}\n", "3:17: unknown property 'with'\n");
    expect_problems(
        HEAD "do:\n  - a: 1\n  - b: {set: x}\n    c: {set: y}\n  - {}\n  - x\n",
        "3:8: 'a' must be an object, not a number\n"
        "5:5: each item of 'do' must have exactly one key, its name (further lines may need more "
        "indentation)\n"
        "6:5: each item of 'do' must have exactly one key, its name (further lines may need more "
        "indentation)\n"
        "7:5: each item of 'do' must be an object, not a string\n");
    expect_problems(HEAD "do:\n  - '': {set: x}\n", "3:5: a step's name must not be empty\n");
}

static void kinds_are_checked(void **state) {
    (void)state;
    expect_problems(HEAD "do:\n  - a: {set: {}}\n", "3:14: 'set' must not be empty\n");
    expect_problems(HEAD "do:\n  - a: {set: ''}\n", "3:14: 'set' must not be empty\n");
    expect_problems(HEAD "do:\n  - a: {set: [1]}\n",
                    "3:14: 'set' must be an object or a string, not a list\n");
    expect_problems(HEAD "do:\n  - a: {set: x, if: true}\n",
                    "3:21: 'if' must be a string (quote it: 'true')\n");
    expect_problems(HEAD "do:\n  - a: {set: x, if: }\n", "3:17: 'if' must be a string, not null\n");
    expect_problems(HEAD "do:\n  - a: {set: x, then: [end]}\n",
                    "3:23: 'then' must be a string, not a list\n");
    expect_problems(
        HEAD "do:\n  - a: {fork: {branches: [], compete: yes}}\n",
        "3:26: 'branches' must not be empty\n3:39: 'compete' must be a boolean, not a string\n");
    expect_problems(
        HEAD "do:\n  - a: {call: http, with: {method: get, endpoint: 'x', query: {a: 1}, headers: x, "
             "output: row}}\n",
        "3:67: 'a' must be a string (quote it: '1')\n"
        "3:80: 'headers' must be an object or an expression, not a string\n"
        "3:91: 'output' must be raw, content or response, not 'row'\n");
    expect_problems(HEAD "do:\n  - a: {run: {shell: {command: ls, arguments: [1, {}]}}}\n",
                    "3:48: each item of 'arguments' must be a string (quote it: '1')\n"
                    "3:51: each item of 'arguments' must be a string, not an object\n");
    expect_problems(HEAD "do:\n  - a: {raise: {error: {type: x, status: 1.5}}}\n",
                    "3:42: 'status' must be a whole number, 0 or more\n");
    expect_problems(HEAD "do:\n  - a: {raise: {error: {type: 'a b', status: x}}}\n",
                    "3:31: 'type' must be a URI without blanks, not 'a b'\n"
                    "3:46: 'status' must be a number or an expression, not a string\n");
}

static void groups_have_one_of_them(void **state) {
    (void)state;
    expect_problems(HEAD "do:\n  - a: {run: {}}\n",
                    "3:9: 'run' must have one of container, script, shell, workflow\n");
    expect_problems(HEAD "do:\n  - a: {run: {shel: {command: x}}}\n",
                    "3:15: unknown property 'shel' (did you mean 'shell'?)\n");
    expect_problems(
        HEAD
        "do:\n  - a:\n      run:\n        shell: {command: x}\n        script: {language: js, code: x}\n",
        "6:9: 'run' must have only one of container, script, shell, workflow\n");
    expect_problems(HEAD "do:\n  - a: {run: {script: {language: ruby, code: x}}}\n",
                    "3:34: 'language' must be javascript, js or python, not 'ruby'\n");
    expect_problems(HEAD "do:\n  - a: {run: {script: {language: js}}}\n",
                    "3:15: 'script' must have one of code, source\n");
    expect_problems(HEAD "do:\n  - a: {set: x, input: {schema: {}}}\n",
                    "3:25: 'schema' must have one of document, resource\n");
    expect_problems(HEAD "do:\n  - a: {try: [{b: {set: x}}], catch: {retry: {backoff: {}}}}\n",
                    "3:47: 'backoff' must have one of constant, exponential, linear\n");
}

static void required_properties(void **state) {
    (void)state;
    expect_problems(HEAD "do:\n  - a: {for: {each: x}, do: [{b: {set: x}}]}\n",
                    "3:9: 'for' must have the property 'in'\n");
    expect_problems(HEAD "do:\n  - a: {for: {in: .x}}\n", "3:5: 'a' must have the property 'do'\n");
    expect_problems(HEAD "do:\n  - a: {try: [{b: {set: x}}]}\n",
                    "3:5: 'a' must have the property 'catch'\n");
    expect_problems(HEAD "do:\n  - a: {call: http}\n", "3:5: 'a' must have the property 'with'\n");
    expect_problems(HEAD "do:\n  - a: {call: http, with: {method: get, endpont: x}}\n",
                    "3:41: unknown property 'endpont' (did you mean 'endpoint'?)\n");
    expect_problems(
        HEAD "do:\n  - a: {raise: {error: {}}}\n",
        "3:17: 'error' must have the property 'type'\n3:17: 'error' must have the property 'status'\n");
    expect_problems(HEAD "do:\n  - a: {switch: [{b: {when: .x}}]}\n",
                    "3:19: 'b' must have the property 'then'\n");
    expect_problems(
        HEAD "do:\n  - a: {call: http, with: {method: get, endpoint: {uri: x, authentication: {basic: "
             "{username: u}}}}}\n",
        "3:77: 'basic' must have the property 'password'\n");
}

static void names_and_targets(void **state) {
    (void)state;
    expect_problems(HEAD "do:\n  - a: {set: x}\n  - b: {set: x}\n  - a: {set: x}\n",
                    "5:5: two steps of this list are called 'a'\n");
    expect_valid(HEAD "do:\n  - a: {do: [{a: {set: x}}]}\n");
    expect_problems(
        HEAD
        "do:\n  - first: {set: x, then: frist}\n  - b: {set: x, then: exti}\n  - c: {set: x, then: q}\n",
        "3:27: 'then' names no step of this list: 'frist' (did you mean 'first'?)\n"
        "4:23: 'then' names no step of this list: 'exti' (did you mean 'exit'?)\n"
        "5:23: 'then' names no step of this list: 'q'\n");
    /* A target at another depth is none. */
    expect_problems(HEAD "do:\n  - outer: {do: [{inner: {set: x, then: outer}}]}\n",
                    "3:41: 'then' names no step of this list: 'outer'\n");
    expect_problems(
        HEAD "do:\n  - f: {fork: {branches: [{b1: {set: x, then: b2}}, {b2: {set: x, then: end}}]}}\n",
        "3:47: a branch of 'fork' cannot lead to another branch\n");
    expect_problems(HEAD "do:\n  - s:\n      switch:\n        - a: {then: end}\n        - b: {then: exit}\n"
                         "        - c: {when: .x, then: nowhere}\n",
                    "6:11: a 'switch' has only one case without 'when'\n"
                    "7:31: 'then' names no step of this list: 'nowhere'\n");
    expect_problems(HEAD "do:\n  - t: {try: [{a: {set: x}}], catch: {then: a}}\n",
                    "3:45: 'then' names no step of this list: 'a'\n");
    expect_problems(HEAD "use: {functions: {f: {set: x, then: g}, g: {set: x}}}\ndo: [{a: {call: f}}]\n",
                    "2:37: 'then' names no step of this list: 'g'\n");
}

static void references_to_use(void **state) {
    (void)state;
    expect_problems(
        HEAD "use:\n  retries: {default: {}}\n  timeouts: {short: {after: PT1S}}\n  errors: {e: {type: x, "
             "status: 1}}\n"
             "do:\n"
             "  - t: {try: [{a: {set: x}}], catch: {retry: defualt}, timeout: shrot}\n"
             "  - r: {raise: {error: f}}\n"
             "  - h: {call: http, with: {method: get, endpoint: {uri: x, authentication: {use: mine}}}}\n",
        "7:46: 'use.retries' has no 'defualt' (did you mean 'default'?)\n"
        "7:65: 'use.timeouts' has no 'shrot' (did you mean 'short'?)\n"
        "8:24: 'use.errors' has no 'f'\n"
        "9:82: 'use.authentications' has no 'mine'\n");
    expect_problems(HEAD "timeout: t\ndo: [{a: {set: x}}]\n", "2:10: 'use.timeouts' has no 't'\n");
}

static void functions_are_found(void **state) {
    (void)state;
    expect_problems(HEAD "use: {functions: {getPet: {set: x}}}\ndo:\n  - a: {call: getPte}\n  - b: {call: "
                         "gret, with: {who: me}}\n"
                         "  - c: {call: htp}\n  - d: {call: nothing}\n",
                    "4:15: unknown function 'getPte' (did you mean 'getPet'?)\n"
                    "5:15: unknown function 'gret' (did you mean 'greet'?)\n"
                    "6:15: unknown function 'htp' (did you mean 'http'?)\n"
                    "7:15: unknown function 'nothing'\n");
    expect_problems(HEAD "do:\n  - a: {call: greet, with: [1]}\n",
                    "3:28: 'with' must be an object, not a list\n");
    expect_valid(
        HEAD "do:\n  - a: {call: greet, with: {who: me}}\n  - b: {call: greet, with: {x: '${ .x }'}}\n");
    /* The function's own word comes last. */
    expect_problems(HEAD "do:\n  - a: {call: greet, with: {x: me}}\n", "3:5: step 'a': who is missing\n");
}

static void functions_do_not_call_in_a_circle(void **state) {
    (void)state;
    expect_problems(HEAD "use:\n  functions:\n    a: {call: a}\ndo: [{x: {call: a}}]\n",
                    "4:15: functions call each other in a circle: a, a\n");
    expect_problems(HEAD
                    "use:\n  functions:\n    c: {do: [{x: {call: d}}, {y: {call: a}}]}\n    b: {call: c}\n"
                    "    a: {call: b}\n    d: {set: x}\n    e: {call: a}\ndo: [{x: {call: e}}]\n",
                    "6:15: functions call each other in a circle: a, b, c, a\n");
    buffer text = {0};
    buffer_puts(&text, HEAD "use:\n  functions:\n");
    for (int i = 0; i < 12; i++) buffer_printf(&text, "    f%02d: {call: f%02d}\n", i, (i + 1) % 12);
    buffer_puts(&text, "do: [{x: {call: f00}}]\n");
    expect_problems(buffer_text(&text),
                    "4:17: functions call each other in a circle: f00, f01, f02, f03, f04, f05, "
                    "f06, f07, ..., f00\n");
    buffer_clear(&text);
    buffer_puts(&text, HEAD "use:\n  functions:\n");
    for (int i = 0; i < 2000; i++) buffer_printf(&text, "    f%d: {call: f%d}\n", i, i + 1);
    buffer_puts(&text, "    f2000: {set: x}\ndo: [{x: {call: f0}}]\n");
    expect_valid(buffer_text(&text)); /* a long chain is no circle */
    buffer_done(&text);
}

static void durations(void **state) {
    (void)state;
    expect_problems(HEAD "do:\n  - a: {wait: 5}\n",
                    "3:15: 'wait' must be an object or a string, not a number\n");
    expect_problems(
        HEAD "do:\n  - a: {wait: PT}\n  - b: {wait: {}}\n  - c: {wait: {secnds: 1}}\n"
             "  - d: {set: x, timeout: {after: {seconds: -1}}}\n",
        "3:15: 'wait': not a duration: a duration looks like \"PT1H30M\", \"P2DT0.5S\" or {\"minutes\": "
        "5}\n"
        "4:15: 'wait': an empty duration: a duration looks like \"PT1H30M\", \"P2DT0.5S\" or {\"minutes\": "
        "5}\n"
        "5:15: 'wait': unknown property 'secnds' of a duration (did you mean 'seconds'?)\n"
        "6:34: 'after': 'seconds' of a duration must be a whole number, 0 or more\n");
    expect_valid(
        HEAD "do:\n  - a: {wait: '${ .x }'}\n  - b: {wait: PT1S, timeout: {after: '${ $context.t }'}}\n");
}

static void variables_have_their_names(void **state) {
    (void)state;
    expect_problems(HEAD "do:\n  - a: {for: {each: input, at: 1a, in: .x}, do: [{b: {set: x}}]}\n"
                         "  - c: {for: {each: $x, in: .x}, do: [{b: {set: x}}]}\n"
                         "  - d: {try: [{b: {set: x}}], catch: {as: output}}\n"
                         "  - e: {for: {each: x, at: x, in: .x}, do: [{b: {set: x}}]}\n"
                         "  - f: {for: {each: index, in: .x}, do: [{b: {set: x}}]}\n",
                    "3:21: 'input' cannot name a variable: $input has a meaning of its own\n"
                    "3:32: '1a' cannot name a variable: use letters, digits and '_', no '$'\n"
                    "4:21: '$x' cannot name a variable: use letters, digits and '_', no '$'\n"
                    "5:43: 'output' cannot name a variable: $output has a meaning of its own\n"
                    "6:28: 'each' and 'at' need different names\n"
                    "7:21: 'each' and 'at' need different names\n");
    /* An inner loop may hide the outer one's variables. */
    expect_valid(HEAD "do:\n  - a: {for: {in: .x}, do: [{b: {for: {in: $item}, do: [{c: {set: '${ $item + "
                      "$index }'}}]}}]}\n");
}

static void metadata_of_baton(void **state) {
    (void)state;
    expect_valid(HEAD "do:\n  - a: {set: x, metadata: {any: [1], baton: {interrupted: fault}}}\n");
    expect_problems(HEAD "do:\n  - a: {set: x, metadata: {baton: {interruptd: fault}}}\n  - b: {set: x, "
                         "metadata: {baton: {interrupted: "
                         "retry}}}\n",
                    "3:36: unknown property 'interruptd' (did you mean 'interrupted'?)\n"
                    "4:49: 'interrupted' must be fault, not 'retry'\n");
    expect_problems("document: {dsl: '1.0.3', namespace: n, name: w, version: '1.0.0', metadata: {a: 1, "
                    "baton: {x: 1}}}\n"
                    "do: [{a: {set: x}}]\n",
                    "1:92: unknown property 'x'\n");
}

static void expressions_have_their_places(void **state) {
    (void)state;
    expect_problems(
        HEAD "do:\n  - a:\n      if: .a |\n      set: {b: '${ nosuch }'}\n",
        "4:15: syntax error: the expression ends too early\n5:20: unknown function 'nosuch/0'\n");
    expect_problems(
        HEAD "do:\n  - a:\n      set:\n        b: |\n          one\n            ${ \"ü\" + nosuch } two\n  "
             "      c: \"\\u00e9 "
             "\\\"${ nosuch }\"\n        d: 'it''s ${ 1 } and ${ nosuch }'\n",
        "7:22: unknown function 'nosuch/0'\n8:25: unknown function 'nosuch/0'\n9:33: unknown function "
        "'nosuch/0'\n");
    expect_problems(HEAD "do:\n  - a: {run: {shell: {command: 'echo ${HOME}'}}}\n",
                    "3:40: unknown function 'HOME/0' (write $${ for the shell's own ${)\n");
    expect_problems(HEAD "do:\n  - a: {run: {shell: {command: 'echo ${HOME:-x}'}}}\n",
                    "3:44: syntax error: unexpected : (write $${ for the shell's own ${)\n");
    expect_problems(HEAD "do:\n  - a: {set: 'x ${ .y'}\n",
                    "3:17: this ${ has no } (for the text itself write $${)\n");
    expect_valid(HEAD "do:\n  - a: {run: {shell: {command: 'echo $${HOME} $HOME'}}}\n"
                      "  - b: {run: {script: {language: js, code: 'x = `${nosuch}`'}}}\n");
    expect_problems(
        HEAD "do:\n  - a: {set: '${ $other }'}\n",
        "3:18: unknown variable $other (available: $context, $input, $task, $workflow, $runtime)\n");
    /* A policy that two steps name is wrong once. */
    expect_problems(HEAD "use: {errors: {e: {type: x, status: 1, detail: '${ nosuch }'}}}\n"
                         "do:\n  - a: {raise: {error: e}}\n  - b: {raise: {error: e}}\n",
                    "2:52: unknown function 'nosuch/0'\n");
}

static void arguments_have_their_scopes(void **state) {
    (void)state;
    expect_problems(
        "document: {dsl: '1.0.3', namespace: n, name: w, version: '1.0.0'}\n"
        "input: {from: $context}\noutput: {as: $task}\ntimeout: {after: '${ $input }'}\n"
        "do:\n"
        "  - a: {set: x, if: $input, input: {from: $output}}\n"
        "  - b: {set: '${ $output }', output: {as: $output}, export: {as: $output}}\n"
        "  - c: {set: '${ $authorization }', output: {as: '$secrets'}}\n"
        "  - d: {for: {in: $item}, while: $item, do: [{e: {set: $item}}], output: {as: $index}}\n"
        "  - f: {try: [{g: {set: '${ $error }'}}], catch: {when: $error, exceptWhen: $error, "
        "retry: {when: $error, delay: '${ $error }'}, do: [{h: {set: '${ $error }'}}]}}\n",
        "2:15: $context is not available here\n"
        "3:14: $task is not available here\n"
        "4:22: $input is not available here\n"
        "6:21: $input is not available here\n"
        "6:43: $output is not available here\n"
        "7:18: $output is not available here\n"
        "7:43: $output is not available here\n"
        "8:18: $authorization is not available here\n"
        "8:51: $secrets is not available here\n"
        "9:19: unknown variable $item (available: $context, $input, $task, $workflow, $runtime)\n"
        "9:79: unknown variable $index (available: $context, $input, $task, $workflow, $runtime)\n"
        "10:29: unknown variable $error (available: $context, $input, $task, $workflow, $runtime)\n"
        "10:118: unknown variable $error (available: $context, $input, $task, $workflow, $runtime)\n");
    /* $authorization is of http calls alone; functions do not see their callers' variables. */
    expect_valid(HEAD "do:\n  - a: {call: http, with: {method: get, endpoint: x, body: '${ $authorization "
                      "}'}, export: {as: "
                      "'{a: $authorization, o: $output}'}}\n");
    expect_problems(
        HEAD
        "use: {functions: {f: {set: '${ $item }'}}}\ndo:\n  - a: {for: {in: .x}, do: [{b: {call: f}}]}\n"
        "  - c: {call: http, with: {method: get, endpoint: {uri: x, authentication: {bearer: {token: '${ "
        "$authorization }'}}}}}\n",
        "2:32: unknown variable $item (available: $context, $input, $task, $workflow, $runtime)\n"
        "5:97: $authorization is not available here\n");
}

static void schemas_are_compiled(void **state) {
    (void)state;
    expect_valid(
        HEAD "input: {schema: {format: 'json:draft', document: {type: object}}}\ndo: [{a: {set: x}}]\n");
    baton_error *error = NULL;
    static const char text[] = HEAD "input: {schema: {document: {type: objekt}}}\ndo: [{a: {set: x}}]\n";
    assert_null(baton_workflow_parse(text, sizeof text - 1, "t.yaml", NULL, &error));
    assert_int_equal(baton_error_get_code(error), BATON_ERROR_INVALID);
    assert_int_equal(baton_error_line(error), 2);
    assert_int_equal(baton_error_column(error), 28);
    baton_error_free(error);
}

static void what_is_not_executed_is_named(void **state) {
    (void)state;
    expect_unsupported(
        HEAD "do:\n  - a: {emit: {event: {with: {type: x}}}}\n  - b: {listen: {to: {any: []}}}\n",
        "3:9: 'emit' is not executed by this version\n4:9: 'listen' is not executed by this version\n");
    expect_unsupported(HEAD "do:\n  - a: {call: log:1.0.0@global}\n",
                       "3:15: 'call: log:1.0.0@global' is not executed by this version\n");
    expect_unsupported(HEAD "do:\n  - a: {run: {script: {language: js, source: {endpoint: x}}}}\n",
                       "3:38: 'script.source' is not executed by this version\n");
    expect_unsupported(
        HEAD "do:\n  - a: {set: x, input: {schema: {resource: {endpoint: x}}}, output: {schema: {format: "
             "avro, document: {}}}}\n",
        "3:34: 'schema.resource' is not executed by this version\n"
        "3:87: 'schema.format: avro' is not executed by this version\n");
    expect_unsupported(HEAD "use: {secrets: [s], extensions: [], catalogs: {}}\nschedule: {cron: x}\n"
                            "do:\n  - a: {set: '${ $secrets.s }'}\n",
                       "2:7: 'use.secrets' is not executed by this version\n"
                       "2:21: 'use.extensions' is not executed by this version\n"
                       "2:37: 'use.catalogs' is not executed by this version\n"
                       "3:1: 'schedule' is not executed by this version\n");
    expect_unsupported(HEAD "evaluate: {language: js, mode: loose}\ndo:\n  - a: {set: '${ a => b }', if: "
                            "'(]', output: {as: ')'}}\n"
                            "  - b: {run: {shell: {command: '${ x'}}}\n",
                       "2:22: 'evaluate.language: js' is not executed by this version\n"
                       "2:32: 'evaluate.mode: loose' is not executed by this version\n");
    expect_unsupported(
        "document: {dsl: '2.0.0', namespace: n, name: w, version: '1.0.0'}\ndo: [{a: {set: x}}]\n",
        "1:17: 'dsl: 2.0.0' is not executed by this version\n");
    expect_unsupported(HEAD "do:\n  - a: {call: http, with: {method: get, endpoint: {uri: x, "
                            "authentication: {basic: {use: s}}}}}\n",
                       "3:85: 'authentication by secrets' is not executed by this version\n");
    expect_unsupported(HEAD "do:\n  - a: {try: [{b: {set: x}}], catch: {retry: {backoff: "
                            "{linear: {increment: 1}}}}}\n",
                       "3:66: 'linear.increment' is not executed by this version\n");
    expect_problems(HEAD
                    "do:\n  - a: {try: [{b: {set: x}}], catch: {errors: {with: {statuss: 4}, other: 1}}}\n",
                    "3:55: unknown property 'statuss' (did you mean 'status'?)\n"
                    "3:68: unknown property 'other'\n");
    expect_unsupported(HEAD "do:\n  - a: {set: x, input: {schema: {document: {unevaluatedItems: 1}}}}\n",
                       "3:44: the keyword 'unevaluatedItems' is not supported: write items: false\n");
}

static void what_is_not_executed_is_checked(void **state) {
    (void)state;
    expect_problems(HEAD "do:\n  - a: {call: grpc, with: {proto: {endpoint: x}, service: {name: s, host: "
                         "h, port: x}, methd: m}}\n",
                    "3:84: 'port' must be a number, not a string\n3:88: unknown property 'methd' (did you "
                    "mean 'method'?)\n");
    expect_problems(HEAD "do:\n  - a: {listen: {to: {any: [], one: {with: {type: x}}}}}\n",
                    "3:32: 'to' must have only one of all, any, one\n");
    expect_problems(HEAD "do:\n  - a: {run: {container: {image: i, pullPolicy: x}}}\n",
                    "3:49: 'pullPolicy' must be ifNotPresent, always or never, not 'x'\n");
    expect_problems(HEAD "do:\n  - a: {call: asyncapi, with: {document: {endpoint: x}, subscription: "
                         "{consume: {while: x}}}}\n",
                    "3:89: 'while' must be an expression, '${ ... }', not 'x'\n");
    expect_problems(HEAD "schedule: {every: PT1X}\ndo: [{a: {set: x}}]\n",
                    "2:19: 'every': not a duration: a duration looks like \"PT1H30M\", \"P2DT0.5S\" or "
                    "{\"minutes\": 5}\n");
    expect_problems(
        HEAD "use: {extensions: [{e: {extend: cal, before: [{a: {}}]}}]}\ndo: [{a: {set: x}}]\n",
        "2:33: 'extend' must be call, composite, emit, for, listen, raise, run, set, switch, try, wait or "
        "all, not 'cal'\n"
        "2:48: the step 'a' has no type, like 'set' or 'call'\n");
}

static void many_problems_are_cut(void **state) {
    (void)state;
    buffer text = {0}, wanted = {0};
    buffer_puts(&text, HEAD "do:\n");
    for (int i = 0; i < 1000; i++) buffer_printf(&text, "  - s%d: {st: 1}\n", i);
    for (int i = 0; i < LIMIT_FILE_PROBLEMS; i++)
        buffer_printf(&wanted, "%d:%d: unknown step type 'st' (did you mean 'set'?)\n", i + 3,
                      i < 10    ? 10
                      : i < 100 ? 11
                                : 12);
    buffer_puts(&wanted, "0:0: and 900 more\n");
    expect_problems(buffer_text(&text), buffer_text(&wanted));
    buffer_done(&text);
    buffer_done(&wanted);
}

static void steps_are_limited(void **state) {
    (void)state;
    buffer text = {0};
    buffer_puts(&text, HEAD "do:\n");
    for (int i = 0; i <= LIMIT_STEPS; i++) buffer_printf(&text, "  - s%d: {set: x}\n", i);
    expect_problems(buffer_text(&text), "1:1: the workflow has more than 10000 steps\n");
    buffer_clear(&text);
    buffer_puts(&text, HEAD "do:\n  - f:\n      fork:\n        branches:\n");
    for (int i = 0; i <= LIMIT_BRANCHES; i++) buffer_printf(&text, "          - s%d: {set: x}\n", i);
    expect_problems(buffer_text(&text), "6:11: 'fork' has more than 1000 branches\n");
    buffer_clear(&text);
    buffer_puts(&text, HEAD "do:\n  - ");
    for (int i = 0; i <= LIMIT_NAME_BYTES; i++) buffer_putc(&text, 'n');
    buffer_puts(&text, ": {set: x}\n");
    expect_problems(buffer_text(&text), "3:5: a step's name has at most 256 bytes\n");
    buffer_done(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_need_their_parts),
        cmocka_unit_test(versions_are_semantic),
        cmocka_unit_test(steps_have_one_type),
        cmocka_unit_test(kinds_are_checked),
        cmocka_unit_test(groups_have_one_of_them),
        cmocka_unit_test(required_properties),
        cmocka_unit_test(names_and_targets),
        cmocka_unit_test(references_to_use),
        cmocka_unit_test(functions_are_found),
        cmocka_unit_test(functions_do_not_call_in_a_circle),
        cmocka_unit_test(durations),
        cmocka_unit_test(variables_have_their_names),
        cmocka_unit_test(metadata_of_baton),
        cmocka_unit_test(expressions_have_their_places),
        cmocka_unit_test(arguments_have_their_scopes),
        cmocka_unit_test(schemas_are_compiled),
        cmocka_unit_test(what_is_not_executed_is_named),
        cmocka_unit_test(what_is_not_executed_is_checked),
        cmocka_unit_test(many_problems_are_cut),
        cmocka_unit_test(steps_are_limited),
    };
    return cmocka_run_group_tests_name("check", tests, make_registry, drop_registry);
}
