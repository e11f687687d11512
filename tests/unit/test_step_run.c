/* run: the request that a process is started by, and what becomes of its outcome.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine_world.h"

static void requests(const char *run, const char *input, const char *expected) {
    buffer yaml = {0}, wanted = {0};
    buffer_printf(&yaml, "do: [{a: {run: %s}}]", run);
    buffer_printf(&wanted, "process /do/0/a key=2 %s\n", expected);
    world *w = world_run(yaml.data, NULL, input);
    world_completes(w, "\"a\"");
    world_performed_is(w, wanted.data);
    world_free(w);
    buffer_done(&yaml);
    buffer_done(&wanted);
}

static void shell(void **state) {
    (void)state;
    requests("{shell: {command: 'echo hi'}}", NULL,
             "{\"argv\":[\"/bin/sh\",\"-c\",\"echo hi\",\"sh\"],\"await\":true,\"return\":\"stdout\"}");
    requests("{shell: {command: 'echo ${ .who }', arguments: [x, '${ .n }', '${ [1] }']}}",
             "{\"who\":\"me\",\"n\":2}",
             "{\"argv\":[\"/bin/sh\",\"-c\",\"echo "
             "me\",\"sh\",\"x\",\"2\",\"[1]\"],\"await\":true,\"return\":\"stdout\"}");
    requests("{shell: {command: env, environment: {A: 1, B: '${ .b }', C: x}}}", "{\"b\":{\"c\":null}}",
             "{\"argv\":[\"/bin/sh\",\"-c\",\"env\",\"sh\"],\"await\":true,"
             "\"environment\":{\"A\":\"1\",\"B\":\"{\\\"c\\\":null}\",\"C\":\"x\"},\"return\":\"stdout\"}");
}

static void standard_input(void **state) {
    (void)state;
    requests("{shell: {command: cat, stdin: '${ .t }'}}", "{\"t\":\"text\"}",
             "{\"argv\":[\"/bin/"
             "sh\",\"-c\",\"cat\",\"sh\"],\"await\":true,\"return\":\"stdout\",\"stdin\":\"text\"}");
    requests(
        "{shell: {command: cat, stdin: '${ . }'}}", "{\"t\":1}",
        "{\"argv\":[\"/bin/"
        "sh\",\"-c\",\"cat\",\"sh\"],\"await\":true,\"return\":\"stdout\",\"stdin\":\"{\\\"t\\\":1}\"}");
}

static void what_is_returned(void **state) {
    (void)state;
    static const char *const names[] = {"stdout", "stderr", "code", "all", "none"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        buffer run = {0}, wanted = {0};
        buffer_printf(&run, "{shell: {command: x}, return: %s, await: %s}", names[i],
                      i % 2 ? "false" : "true");
        buffer_printf(&wanted,
                      "{\"argv\":[\"/bin/sh\",\"-c\",\"x\",\"sh\"],\"await\":%s,\"return\":\"%s\"}",
                      i % 2 ? "false" : "true", names[i]);
        requests(run.data, NULL, wanted.data);
        buffer_done(&run);
        buffer_done(&wanted);
    }
}

static void scripts(void **state) {
    (void)state;
    requests("{script: {language: python, code: 'print(\"${ .x }\")', arguments: [a]}}", NULL,
             "{\"argv\":[\"python3\",\"-c\",\"print(\\\"${ .x "
             "}\\\")\",\"a\"],\"await\":true,\"return\":\"stdout\"}");
    static const char *const languages[] = {"js", "javascript"};
    for (size_t i = 0; i < 2; i++) {
        buffer run = {0};
        buffer_printf(&run, "{script: {language: %s, code: 'console.log(1)', arguments: [a]}}",
                      languages[i]);
        requests(run.data, NULL,
                 "{\"argv\":[\"node\",\"-e\",\"console.log(1)\",\"--\",\"script\",\"a\"],\"await\":true,"
                 "\"return\":\"stdout\"}");
        buffer_done(&run);
    }
}

static void modules_are_known_by_import_and_export(void **state) {
    (void)state;
    static const struct {
        const char *code;
        bool module;
    } cases[] = {
        {"import fs from \"fs\"", true},
        {"\\n\\n  import{a} from \"b\"", true},
        {"import\\t* as a from \"b\"", true},
        {"import \"a\"", true},
        {"const a = 1\\nexport const b = a", true},
        {"export default 1\\n", true},
        {"import(\"a\").then(console.log)", false},
        {"const a = require(\"a\")\\n", false},
        {"importer()\\nexports.a = 1", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buffer yaml = {0};
        buffer_puts(&yaml, "do: [{a: {run: {script: {language: js, code: \"");
        for (const char *c = cases[i].code; *c; c++) buffer_printf(&yaml, *c == '"' ? "\\%c" : "%c", *c);
        buffer_puts(&yaml, "\"}}}}]");
        world *w = world_run(yaml.data, NULL, NULL);
        bool module = strstr(buffer_text(&w->performed), "--input-type=module") != NULL;
        if (module != cases[i].module) fail_msg("%s", cases[i].code);
        world_free(w);
        buffer_done(&yaml);
    }
}

static void parts_of_the_wrong_kind(void **state) {
    (void)state;
    faults("do: [{a: {run: {shell: {command: '${ .n }'}}}}]", "{\"n\":1}",
           "expression 400 /do/0/a Expression failed: the command must be a string");
    static const char *const parts[] = {"command: '${ error(1) }'",
                                        "command: x, arguments: ['${ error(1) }']",
                                        "command: x, arguments: [a], environment: {A: '${ error(1) }'}",
                                        "command: x, environment: {A: a}, stdin: '${ error(1) }'"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buffer yaml = {0};
        buffer_printf(&yaml, "do: [{a: {run: {shell: {%s}}}}]", parts[i]);
        faults(yaml.data, NULL, "expression 400 /do/0/a Expression failed");
        buffer_done(&yaml);
    }
}

static void outcomes(void **state) {
    (void)state;
    static const char yaml[] = "do: [{a: {run: {shell: {command: x}, await: false}}}]";
    world *w =
        world_run(yaml, "{\"a\":[{\"empty\":true}]}", "{\"in\":1}"); /* not awaited: the input goes on */
    world_completes(w, "{\"in\":1}");
    world_free(w);
    w = world_run("do: [{a: {run: {shell: {command: x}}, timeout: {after: PT5S}}}]",
                  "{\"a\":[{\"hang\":true}]}", NULL);
    world_faults(w, "timeout 408 /do/0/a Step timed out");
    world_journal_is(w, "1 started = {}\n"
                        "2 step_started /do/0/a key=2\n"
                        "@5000\n"
                        "3 step_faulted /do/0/a key=2 ! timeout 408 /do/0/a Step timed out\n"
                        "4 faulted ! timeout 408 /do/0/a Step timed out\n");
    world_performed_is(w,
                       "process /do/0/a key=2 deadline=5000 "
                       "{\"argv\":[\"/bin/sh\",\"-c\",\"x\",\"sh\"],\"await\":true,\"return\":\"stdout\"}\n"
                       "abort /do/0/a\n");
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shell),
        cmocka_unit_test(standard_input),
        cmocka_unit_test(what_is_returned),
        cmocka_unit_test(scripts),
        cmocka_unit_test(modules_are_known_by_import_and_export),
        cmocka_unit_test(parts_of_the_wrong_kind),
        cmocka_unit_test(outcomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
