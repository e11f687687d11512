/* A folder for tests of git: repositories with nothing of the user's configuration, and a shell to prepare
 * them. The branch that a repository begins with is "trunk".
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GIT_KIT_H
#define GIT_KIT_H

#include "base/error.h"
#include "base/value.h"
#include "service/git/git.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIT static __attribute__((unused))

static char folder[32]; /* holds repo/, tmp/ and whatever a test makes */
static char repo[48];

/* Runs a script in the folder; what it writes is given when `output` is wanted. */
KIT void shell(char **output, const char *format, ...) {
    static const char begin[] =
        "set -e; exec 2>&1; cd \"$SCENE\"; "
        "g() { git -c user.name=T -c user.email=t@example.org \"$@\"; }; "
        "make() { git init -q \"$1\"; git -C \"$1\" symbolic-ref HEAD refs/heads/trunk; "
        "git -C \"$1\" config user.name Tester; "
        "git -C \"$1\" config user.email t@example.org; }; ";
    char script[8192];
    size_t size = sizeof begin - 1;
    memcpy(script, begin, size);
    va_list args;
    va_start(args, format);
    vsnprintf(script + size, sizeof script - size, format, args);
    va_end(args);
    FILE *f = popen(script, "r");
    assert_non_null(f);
    buffer b = {0};
    char line[4096];
    for (size_t got; (got = fread(line, 1, sizeof line, f)) > 0;) buffer_append(&b, line, got);
    if (pclose(f) != 0) fail_msg("%s\n%s", format, buffer_text(&b));
    if (output) {
        while (b.size && b.data[b.size - 1] == '\n') b.data[--b.size] = '\0';
        *output = buffer_take(&b);
    }
    buffer_done(&b);
}

/* What a script writes is this. */
KIT void expect_shell(const char *expected, const char *script) {
    char *output;
    shell(&output, "%s", script);
    assert_string_equal(output, expected);
    free(output);
}

/* A repository with one commit: a.txt (three lines) and sub/b.txt (one). */
KIT int scene_begin(void **state) {
    (void)state;
    strcpy(folder, "/tmp/test-git-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(repo, sizeof repo, "%s/repo", folder);
    char path[64];
    snprintf(path, sizeof path, "%s/tmp", folder);
    setenv("SCENE", folder, 1);
    setenv("HOME", folder, 1);
    setenv("TMPDIR", path, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    static const char *const gone[] = {
        "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM",  "XDG_CONFIG_HOME",    "EMAIL",
        "GIT_DIR",           "GIT_WORK_TREE",      "GIT_INDEX_FILE",     "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",  "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) unsetenv(gone[i]);
    shell(NULL,
          "mkdir tmp; make repo; cd repo; mkdir sub; printf '1\\n2\\n3\\n' >a.txt; echo b >sub/b.txt; "
          "git add .; git commit -qm first");
    return 0;
}

/* Nothing temporary was left behind. */
KIT int scene_end(void **state) {
    (void)state;
    expect_shell("", "ls -A tmp");
    shell(NULL, "chmod -R u+rwX .; cd /; rm -rf \"$SCENE\"");
    return 0;
}

KIT char *in_folder(const char *path) {
    static char paths[8][256];
    static unsigned next;
    char *made = paths[next++ % 8];
    snprintf(made, sizeof paths[0], "%s/%s", folder, path);
    return made;
}

/* The error has this code, and its text these parts. Frees it. */
KIT void expect_error(baton_error **err, baton_error_code code, const char *part) {
    assert_non_null(*err);
    char *text = baton_error_text(*err);
    if (!strstr(text, part) || strchr(text, '\n')) fail_msg("'%s' lacks '%s'", text, part);
    if (baton_error_get_code(*err) != code)
        fail_msg("%s: %s", baton_error_code_name(baton_error_get_code(*err)), text);
    free(text);
    error_clear(err);
}

/* The call gives 0. */
#define OK(call)                                                           \
    do {                                                                   \
        baton_error *err = NULL;                                           \
        if ((call) != 0) fail_msg("%s: %s", #call, baton_error_text(err)); \
        assert_null(err);                                                  \
    } while (0)

#endif
