/* See git_stage.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/git/git_stage.h"

#include "base/error.h"
#include "service/git/git_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Staging ---- */

/* Appends a pathspec, ended by NUL, for each repository within this one: git lists it as a folder. */
static int find_nested(const char *root, const char *index, buffer *specs, baton_error **err) {
    buffer list = {0};
    const char *const *arguments = GIT("ls-files", "--others", "--exclude-standard", "-z");
    if (git_call(root, index, arguments, &list, err) != 0) return -1;
    size_t at = 0, count = 0;
    for (const char *path; (path = git_next(&list, &at));) {
        if (!*path || path[strlen(path) - 1] != '/') continue;
        count++;
        buffer_printf(specs, ":(top,exclude,literal)%s", path);
        buffer_putc(specs, '\0');
    }
    buffer_done(&list);
    if (buffer_failed(specs)) return error_memory(err);
    if (count > GIT_NESTED_MOST)
        return baton_error_set(err, BATON_ERROR_LIMIT, "'%s' holds more than %d other repositories", root,
                               GIT_NESTED_MOST);
    return 0;
}

int git_stage(const char *root, const char *index, baton_error **err) {
    enum { BEGIN = 5 };
    const char *arguments[BEGIN + GIT_NESTED_MOST + 1] = {"git", "add", "--all", "--", "."};
    buffer specs = {0};
    size_t at = 0, used = BEGIN;
    int failed = find_nested(root, index, &specs, err);
    if (!failed) {
        while ((arguments[used] = git_next(&specs, &at))) used++;
        failed = git_call(root, index, arguments, NULL, err);
    }
    buffer_done(&specs);
    return failed;
}

/* ---- Snapshots ---- */

static int refuse(const char *path, baton_error **err) {
    if (errno == ENOMEM) return error_memory(err);
    return baton_error_set(err, BATON_ERROR_SYSTEM, "cannot copy git's index '%s': %s", path,
                           strerror(errno));
}

/* 0, or -1 with errno. */
static int copy_bytes(int from, int to) {
    char bytes[16 << 10];
    for (;;) {
        ssize_t size = read(from, bytes, sizeof bytes);
        if (size == 0) return 0;
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return -1;
        for (ssize_t at = 0; at < size;) {
            ssize_t written = write(to, bytes + at, (size_t)(size - at));
            if (written < 0 && errno != EINTR) return -1;
            if (written > 0) at += written;
        }
    }
}

/* With its time: git looks again at files that changed in the moment when an index was written, and by a
 * later time it would take them for unchanged. 0, or -1 with errno; no index is an empty one. */
static int copy_index(const char *path, const char *copy) {
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0) return errno == ENOENT ? 0 : -1;
    struct stat status;
    int to = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int result = to < 0 || fstat(from, &status) != 0 ? -1 : copy_bytes(from, to);
    if (result == 0) result = futimens(to, (struct timespec[2]){status.st_mtim, status.st_mtim});
    int code = errno;
    close(from);
    if (to >= 0) close(to);
    errno = code;
    return result;
}

static int make_folder(git_snapshot *s, baton_error **err) {
    const char *temporary = getenv("TMPDIR");
    char *folder;
    if (asprintf(&folder, "%s/baton-git-XXXXXX", temporary && *temporary == '/' ? temporary : "/tmp") < 0)
        return error_memory(err);
    if (!mkdtemp(folder)) {
        baton_error_set(err, BATON_ERROR_SYSTEM, "cannot make the folder '%s': %s", folder,
                        strerror(errno));
        free(folder);
        return -1;
    }
    s->folder = folder;
    if (asprintf(&s->index, "%s/index", folder) >= 0) return 0;
    s->index = NULL;
    return error_memory(err);
}

int git_snapshot_take(git_snapshot *s, const char *root, baton_error **err) {
    *s = (git_snapshot){0};
    if (make_folder(s, err) != 0) return -1;
    char *path =
        git_text(root, NULL, GIT("rev-parse", "--path-format=absolute", "--git-path", "index"), err);
    if (!path) return -1;
    int failed = copy_index(path, s->index) != 0 ? refuse(path, err) : git_stage(root, s->index, err);
    free(path);
    return failed;
}

void git_snapshot_done(git_snapshot *s) {
    if (s->index) {
        char *lock; /* of a git that had to be killed */
        if (asprintf(&lock, "%s.lock", s->index) >= 0) {
            unlink(lock);
            free(lock);
        }
        unlink(s->index);
    }
    if (s->folder) rmdir(s->folder);
    free(s->index);
    free(s->folder);
    *s = (git_snapshot){0};
}
