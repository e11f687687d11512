/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/fault.h"

#include "base/error.h"
#include "base/value.h"

#include <string.h>

static const struct {
    const char *name;
    baton_error_code code;
} standard[] = {
    {"configuration", BATON_ERROR_INVALID},     {"validation", BATON_ERROR_INVALID},
    {"expression", BATON_ERROR_EXPRESSION},     {"authentication", BATON_ERROR_NOT_ALLOWED},
    {"authorization", BATON_ERROR_NOT_ALLOWED}, {"timeout", BATON_ERROR_TIMEOUT},
    {"communication", BATON_ERROR_STEP},        {"runtime", BATON_ERROR_STEP},
};

baton_value fault_new(const char *name, int status, const char *title, const char *detail) {
    char type[128] = FAULT_TYPES;
    strncat(type, name, sizeof type - sizeof FAULT_TYPES);
    baton_value fault = value_set_text(baton_value_object(), "type", type);
    fault = value_set_number(fault, "status", status);
    fault = value_set_text(fault, "title", title);
    return detail ? value_set_text(fault, "detail", detail) : fault;
}

/* The part of `text` behind `prefix`, or NULL when it does not begin so. */
static const char *behind(const char *text, const char *prefix) {
    size_t n = strlen(prefix);
    return text && strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

const char *fault_standard_name(const char *type) {
    const char *host = behind(type, "https://");
    if (!host) host = behind(type, "http://");
    const char *path = behind(host, "open-workflow-specification.org/");
    if (!path) path = behind(host, "serverlessworkflow.io/");
    if (!path) return NULL;
    const char *name = behind(path, "dsl/errors/types/");
    if (!name) {
        const char *version = behind(path, "spec/");
        const char *slash = version ? strchr(version, '/') : NULL;
        if (!slash || slash == version) return NULL;
        name = behind(slash, "/errors/");
    }
    for (size_t i = 0; name && i < sizeof standard / sizeof *standard; i++)
        if (strcmp(name, standard[i].name) == 0) return standard[i].name;
    return NULL;
}

static bool same_type(const char *a, const char *b) {
    const char *x = fault_standard_name(a), *y = fault_standard_name(b);
    return x && y ? x == y : a && b && strcmp(a, b) == 0;
}

bool fault_matches(baton_value fault, baton_value with) {
    int cursor = 0;
    const char *key;
    baton_value wanted;
    bool matches = true;
    while (matches && baton_value_next(with, &cursor, &key, &wanted)) {
        baton_value found = baton_value_get(fault, key);
        if (strcmp(key, "type") == 0)
            matches = same_type(baton_value_as_text(found), baton_value_as_text(wanted));
        else
            matches = value_is_valid(found) && baton_value_equal(found, wanted);
        value_unref(found);
        value_unref(wanted);
    }
    return matches;
}

baton_error *fault_error(baton_value fault) {
    const char *type = value_get_text(fault, "type"), *title = value_get_text(fault, "title");
    const char *detail = value_get_text(fault, "detail"), *instance = value_get_text(fault, "instance");
    const char *name = fault_standard_name(type);
    baton_error_code code = BATON_ERROR_STEP;
    for (size_t i = 0; i < sizeof standard / sizeof *standard; i++)
        if (name == standard[i].name) code = standard[i].code;
    const char *what = title ? title : name ? name : type ? type : "error";
    if (instance && detail) return baton_error_new(code, "%s: %s: %s", instance, what, detail);
    if (instance) return baton_error_new(code, "%s: %s", instance, what);
    return detail ? baton_error_new(code, "%s: %s", what, detail) : baton_error_new(code, "%s", what);
}
