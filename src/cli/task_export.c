/* baton task export: tasks for other programs, as SQL or JSON. A file gets its name when it is whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/task_look.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPTION_SQL = TASK_FILTER_OPTIONS, OPTION_OUTPUT };

static const cli_option options[] = {
    TASK_FILTERS,
    [TASK_JSON] = {"json", NULL, "a JSON array of objects", 0},
    [OPTION_SQL] = {"sql", NULL, "statements for SQLite and PostgreSQL (the default)", 0},
    [OPTION_OUTPUT] = {"output", "FILE", "into this file", 'o'},
    {NULL, NULL, NULL, 0}};

static bool write_all(int fd, const char *text) {
    for (size_t left = strlen(text); left > 0;) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        text += n;
        left -= (size_t)n;
    }
    return true;
}

/* Writes and closes; false, with errno, after a failure. */
static bool fill(int fd, const char *text, bool flush) {
    bool ok = fd >= 0 && write_all(fd, text) && (!flush || fsync(fd) == 0);
    int error = errno;
    if (fd >= 0 && close(fd) != 0 && ok) return false;
    errno = error;
    return ok;
}

/* Under another name, which it then takes from whatever has it. */
static bool replace(const char *path, const char *text, mode_t mode) {
    char draft[PATH_MAX + 32];
    snprintf(draft, sizeof draft, "%s.%ld.part", path, (long)getpid());
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) return false;
    if (fill(fd, text, true) && rename(draft, path) == 0) return true;
    int error = errno;
    unlink(draft);
    errno = error;
    return false;
}

/* A link stays one to the file that it names; what is no file (a pipe, a device) is written as it is. */
static int write_file(const char *name, const char *text) {
    char path[PATH_MAX];
    struct stat st;
    bool there = stat(name, &st) == 0, ok;
    if (there && !S_ISREG(st.st_mode))
        ok = fill(open(name, O_WRONLY | O_CLOEXEC), text, false);
    else if (there)
        ok = realpath(name, path) && replace(path, text, st.st_mode & 0777);
    else
        ok = replace(name, text, 0666);
    return ok ? EXIT_DONE : cli_fail(EXIT_FAULTED, "cannot write '%s': %s", name, strerror(errno));
}

static int export(task_look *l, const char *output) {
    baton_error *err = NULL;
    char *text = l->json ? baton_task_service_export_json(l->service, &l->filter, &err)
                         : baton_task_service_export_sql(l->service, &l->filter, &err);
    if (!text) return cli_fail_error(err);
    int code = EXIT_DONE;
    if (output && strcmp(output, "-") != 0)
        code = write_file(output, text);
    else
        fputs(text, stdout);
    free(text);
    if (!l->service) task_look_explain(l);
    return code;
}

static int run_export(cli_arguments *args) {
    task_look l = {0};
    const char *output = NULL, *value;
    bool sql = false;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        if (option == OPTION_SQL)
            sql = true;
        else if (option == OPTION_OUTPUT)
            output = value;
        else if (!task_look_set(&l, option, value))
            return EXIT_USAGE;
    }
    if (option < -1) return EXIT_USAGE;
    if (sql && l.json) return cli_fail(EXIT_USAGE, "--sql and --json exclude each other");
    if (l.blocked) return cli_fail(EXIT_USAGE, "blocked tasks are exported as pending: --status pending");
    if (args->rest_count)
        return cli_fail(EXIT_USAGE, "task export takes no '%s'; --output FILE writes into a file",
                        args->rest[0]);
    int code = task_look_open(&l);
    if (code == EXIT_DONE) code = export(&l, output);
    task_look_close(&l);
    return code;
}

const command command_task_export = {
    .name = "task export",
    .arguments = "",
    .summary = "write tasks as SQL or JSON, for other programs",
    .description =
        "Writes tasks, in the order of their import, with the columns id, project_id, title, description,\n"
        "type, category, priority, status, source_type, source_path, source_content, metadata and\n"
        "estimated_hours: as SQL, a table and an INSERT for each, which SQLite and PostgreSQL load; or as\n"
        "JSON.",
    .examples = "  baton task export | sqlite3 tasks.db\n"
                "  baton task export --json --output tasks.json",
    .options = options,
    .run = run_export};
