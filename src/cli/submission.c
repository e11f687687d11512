/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/submission.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool submission_set(submission *s, int option, const char *value) {
    static const char *const priorities[] = {"high", "normal", "low", NULL};
    static const char *const strategies[] = {"basic", "simple", NULL};
    switch (option) {
    case SUBMISSION_INPUT: s->input = value; return true;
    case SUBMISSION_SET:
        if (s->set_count == 64) return cli_fail(EXIT_USAGE, "too many --set") == 0;
        s->set[s->set_count++] = value;
        return true;
    case SUBMISSION_STRATEGY:
        s->execution.strategy = value;
        return cli_one_of("strategy", value, strategies) >= 0;
    case SUBMISSION_TIMEOUT:
        if (cli_parse_duration(value, &s->execution.timeout_ms)) return true;
        return cli_fail(EXIT_USAGE, "'%s' is no duration; write 90s, 5m, 2h or PT1H30M", value) == 0;
    case SUBMISSION_PRIORITY:
        s->execution.priority = value;
        return cli_one_of("priority", value, priorities) >= 0;
    case SUBMISSION_CRITICAL: return s->execution.critical = true;
    case SUBMISSION_ID: s->execution.id = value; return true;
    default: return false;
    }
}

void submission_done(submission *s) { baton_value_unref(s->execution.input); }

/* Sets a.b.c of the object; takes it. */
static baton_value set_path(baton_value object, const char *path, baton_value member) {
    const char *dot = strchr(path, '.');
    if (!dot) return baton_value_set(object, path, member);
    char *key = strndup(path, (size_t)(dot - path));
    if (!key) {
        baton_value_unref(member);
        return object;
    }
    baton_value inner = baton_value_get(object, key);
    if (baton_value_kind(inner) != BATON_KIND_OBJECT) value_assign(&inner, baton_value_object());
    object = baton_value_set(object, key, set_path(inner, dot + 1, member));
    free(key);
    return object;
}

int submission_read_input(submission *s, baton_error **err) {
    baton_value *input = &s->execution.input;
    if (s->input) {
        const char *path = s->input[0] == '@' ? s->input + 1 : strcmp(s->input, "-") == 0 ? "-" : NULL;
        size_t size = strlen(s->input);
        char *text = path ? cli_read_file(path, LIMIT_INPUT_BYTES, &size, err) : strdup(s->input);
        if (!text) return -1;
        *input = value_parse(text, size, !path ? "--input" : strcmp(path, "-") == 0 ? "stdin" : path, err);
        free(text);
        if (!baton_value_is_valid(*input)) {
            bool is_file = !path && access(s->input, F_OK) == 0;
            if (is_file) error_clear(err);
            if (is_file)
                return baton_error_set(err, BATON_ERROR_USAGE,
                                       "--input is JSON; for the file write --input @%s", s->input);
            return -1;
        }
    }
    for (int i = 0; i < s->set_count; i++) {
        const char *equals = strchr(s->set[i], '=');
        if (!equals || equals == s->set[i])
            return baton_error_set(err, BATON_ERROR_USAGE, "--set needs KEY=VALUE, not '%s'", s->set[i]);
        if (!baton_value_is_valid(*input)) *input = baton_value_object();
        if (baton_value_kind(*input) != BATON_KIND_OBJECT)
            return baton_error_set(err, BATON_ERROR_USAGE, "--set needs an input that is an object");
        char *key = strndup(s->set[i], (size_t)(equals - s->set[i]));
        if (!key) return error_memory(err);
        baton_value value = baton_value_parse(equals + 1, strlen(equals + 1), NULL);
        if (!baton_value_is_valid(value)) value = baton_value_string(equals + 1);
        *input = set_path(*input, key, value);
        free(key);
    }
    return 0;
}
