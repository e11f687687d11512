/* run: shell and script (DSL, "Run").
 *
 * The action's request is {argv, stdin?, environment?, await, return}: see engine/process.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/value.h"
#include "machine/fault.h"
#include "machine/step.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *const return_names[] = {"stdout", "stderr", "code", "all", "none"};

/* Strings as they are, everything else as JSON. Takes the value. */
static baton_value as_text(baton_value value) {
    if (baton_value_kind(value) == BATON_KIND_STRING) return value;
    char *json = baton_value_to_json(value);
    value_unref(value);
    baton_value text = baton_value_string(json ? json : "");
    free(json);
    return text;
}

/* JavaScript that imports or exports is a module; everything else may `require`. */
static bool is_module(const char *code) {
    for (const char *line = code; line; line = strchr(line, '\n')) {
        while (isspace((unsigned char)*line)) line++;
        size_t n = strcspn(line, " \t{*'\"(");
        if ((n == 6 && strncmp(line, "import", 6) == 0 && line[n] != '(') ||
            (n == 6 && strncmp(line, "export", 6) == 0))
            return true;
        if (!*line) break;
    }
    return false;
}

static baton_value argv_add(baton_value argv, const char *text) {
    return baton_value_append(argv, baton_value_string(text));
}

/* What stands before the step's own arguments. In each language the first argument is $1, argv[2],
 * sys.argv[1]: where a script file would find it. Takes the command. */
static baton_value command_argv(const step_run *run, baton_value command) {
    baton_value argv = baton_value_array();
    const char *code = baton_value_as_text(command);
    if (!run->interpreter) {
        argv = argv_add(argv_add(argv, "/bin/sh"), "-c");
        return argv_add(baton_value_append(argv, command), "sh");
    }
    argv = argv_add(argv, run->interpreter);
    if (strcmp(run->interpreter, "node") == 0) {
        if (is_module(code)) argv = argv_add(argv, "--input-type=module");
        argv = argv_add(baton_value_append(argv_add(argv, "-e"), command), "--");
        return argv_add(argv, "script");
    }
    return baton_value_append(argv_add(argv, "-c"), command);
}

static baton_value append_texts(baton_value argv, baton_value list) {
    for (size_t i = 0; i < baton_value_size(list); i++)
        argv = baton_value_append(argv, as_text(baton_value_at(list, i)));
    return argv;
}

static baton_value environment_of(baton_value given) {
    baton_value environment = baton_value_object(), member;
    int cursor = 0;
    const char *name;
    while (baton_value_next(given, &cursor, &name, &member))
        environment = baton_value_set(environment, name, as_text(member));
    return environment;
}

/* Evaluates a part of the request; true when it is there or absent, false when the step has faulted. */
static bool part(machine *m, frame *f, const template *t, baton_value *value) {
    if (t) *value = machine_expand(m, f, t, f->input);
    return !t || value_is_valid(*value);
}

/* The command, which an expression may have made something else; false when the step has faulted. */
static bool command_part(machine *m, frame *f, baton_value *command) {
    if (!part(m, f, f->step->u.run.command, command)) return false;
    if (baton_value_kind(*command) == BATON_KIND_STRING) return true;
    value_assign(command, VALUE_INVALID);
    machine_fault(m, f, fault_new("expression", 400, "Expression failed", "the command must be a string"));
    return false;
}

static void enter_run(machine *m, frame *f) {
    const step_run *run = &f->step->u.run;
    baton_value command = VALUE_INVALID, arguments = VALUE_INVALID, environment = VALUE_INVALID,
                input = VALUE_INVALID;
    if (!command_part(m, f, &command) || !part(m, f, run->arguments, &arguments) ||
        !part(m, f, run->environment, &environment) || !part(m, f, run->input, &input)) {
        value_unref(command);
        value_unref(arguments);
        value_unref(environment);
        return;
    }
    baton_value request = baton_value_object();
    baton_value argv = append_texts(command_argv(run, command), arguments);
    request = baton_value_set(request, "argv", argv);
    if (value_is_valid(input)) request = baton_value_set(request, "stdin", as_text(input));
    if (value_is_valid(environment))
        request = baton_value_set(request, "environment", environment_of(environment));
    request = baton_value_set(request, "await", baton_value_boolean(run->await));
    request = value_set_text(request, "return", return_names[run->result]);
    value_unref(arguments);
    value_unref(environment);
    machine_start_effect(m, f, ACTION_PROCESS, request);
}

const step_behavior step_run_behavior = {.enter = enter_run};
