/* SPDX-License-Identifier: Apache-2.0 */
#include "service/orchestrator/workflows.h"

#include "base/buffer.h"
#include "base/error.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef BATON_WORKFLOWS /* where `make install` puts them */
#define BATON_WORKFLOWS "/usr/local/share/baton/workflows"
#endif

/* Other words for the types that have a file; one that has a file of its own is not looked up here. */
static const char *const aliases[][2] = {
    {"bug", "bugfix"},
    {"fix", "bugfix"},
    {"hotfix", "bugfix"},
    {"refactor", "refactoring"},
    {"test", "testing"},
    {"docs", "documentation"},
    {"doc", "documentation"},
    {"audit", "analysis"},
    {"deploy", "deployment"},
    {"release", "deployment"},
    {"optimize", "optimization"},
    {"performance", "optimization"},
};

/* NULL: none. */
static const char *alias_of(const char *type) {
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcmp(aliases[i][0], type) == 0) return aliases[i][1];
    return NULL;
}

static bool is_word(const char *type) {
    if (!isalnum((unsigned char)*type)) return false;
    for (; *type; type++)
        if (!isalnum((unsigned char)*type) && *type != '-' && *type != '_') return false;
    return true;
}

void user_configuration(const char *name, char path[PATH_MAX]) {
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    *path = '\0';
    if (config && *config == '/')
        snprintf(path, PATH_MAX, "%s/baton/%s", config, name);
    else if (home && *home == '/')
        snprintf(path, PATH_MAX, "%s/.config/baton/%s", home, name);
}

/* PREFIX/share/baton/workflows of PREFIX/bin/baton. */
static void program_folder(char folder[PATH_MAX]) {
    char program[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    *folder = '\0';
    if (size <= 0) return;
    program[size] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(program, '/');
        if (!slash) return;
        *slash = '\0';
    }
    if (snprintf(folder, PATH_MAX, "%.*s/share/baton/workflows", PATH_MAX - 40, program) >= PATH_MAX)
        *folder = '\0';
}

static bool is_there(const char *folder, const char *name, buffer *path) {
    buffer_clear(path);
    buffer_printf(path, "%s/%s.yaml", folder, name);
    return !buffer_failed(path) && access(path->data, F_OK) == 0;
}

/* True when it is there; else the folder is added to those that were searched. */
static bool look_in(const char *folder, const char *type, buffer *path, buffer *searched) {
    const char *alias = alias_of(type);
    if (!folder || !*folder) return false;
    if (is_there(folder, type, path) || (alias && is_there(folder, alias, path))) return true;
    buffer_printf(searched, "%s%s", searched->size ? ", " : "", folder);
    return false;
}

baton_workflow *workflow_of_type(const char *type, const char *const *folders, size_t count,
                                 baton_registry *registry, baton_error **err) {
    char user[PATH_MAX], program[PATH_MAX];
    buffer path = {0}, searched = {0};
    user_configuration("workflows", user);
    program_folder(program);
    const char *name = alias_of(type) ? alias_of(type) : type;
    bool found = false;
    if (!is_word(type)) {
        baton_error_set(err, BATON_ERROR_INVALID, "'%.60s' cannot be a task's type", type);
        return NULL;
    }
    for (size_t i = 0; i < count && !found; i++) found = look_in(folders[i], type, &path, &searched);
    found = found || look_in(user, type, &path, &searched) ||
            look_in(getenv("BATON_WORKFLOWS"), type, &path, &searched) ||
            look_in(program, type, &path, &searched) || look_in(BATON_WORKFLOWS, type, &path, &searched);
    baton_workflow *workflow = NULL;
    if (found)
        workflow = baton_workflow_load(path.data, registry, err);
    else
        baton_error_set(err, BATON_ERROR_NOT_FOUND,
                        "there is no workflow for tasks of type '%.60s': no %s.yaml in %s", type, name,
                        buffer_text(&searched));
    buffer_done(&path);
    buffer_done(&searched);
    return workflow;
}
