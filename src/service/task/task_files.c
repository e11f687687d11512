/* SPDX-License-Identifier: Apache-2.0 */
#include "service/task/task_files.h"

#include "base/error.h"
#include "base/limits.h"
#include "service/git/git.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What all files of one path share. */
typedef struct origin {
    task_files *files;
    const char *root; /* absolute; relative paths start behind it */
    const char *repository, *common, *folder;
} origin;

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static int add(const origin *o, const char *path, bool named, baton_error **err) {
    task_files *f = o->files;
    if (f->count == LIMIT_TASK_FILES)
        return baton_error_set(err, BATON_ERROR_LIMIT, "more than %d documents", LIMIT_TASK_FILES);
    if (f->count == f->capacity) {
        size_t capacity = f->capacity ? 2 * f->capacity : 64;
        task_file *grown = realloc(f->list, capacity * sizeof *grown);
        if (!grown) return error_memory(err);
        f->list = grown;
        f->capacity = capacity;
    }
    char *real = realpath(path, NULL);
    if (!real) return baton_error_set(err, BATON_ERROR_NOT_FOUND, "%s: %s", path, strerror(errno));
    size_t root = strlen(o->root);
    bool inside = strncmp(real, o->root, root) == 0 && real[root] == '/';
    task_file *new = &f->list[f->count];
    *new = (task_file){.path = arena_text(&f->memory, path),
                       .real = arena_text(&f->memory, real),
                       .relative = arena_text(&f->memory, inside ? real + root + 1 : real),
                       .repository = o->repository,
                       .common = o->common,
                       .folder = o->folder,
                       .named = named};
    free(real);
    if (!new->path || !new->real || !new->relative) return error_memory(err);
    f->count++;
    return 0;
}

static int is_visible(const struct dirent *e) {
    return e->d_name[0] != '.' && strcmp(e->d_name, "node_modules") != 0;
}

static bool is_markdown(const char *name) {
    size_t size = strlen(name);
    return size > 3 && strcasecmp(name + size - 3, ".md") == 0;
}

static int walk(const origin *o, const char *folder, int depth, baton_error **err);

static int visit(const origin *o, const char *folder, const char *name, int depth, baton_error **err) {
    char path[PATH_MAX];
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    if (snprintf(path, sizeof path, "%s%s%s", folder, slash, name) >= (int)sizeof path)
        return baton_error_set(err, BATON_ERROR_LIMIT, "%s: the path is too long", folder);
    struct stat st;
    if (lstat(path, &st) != 0) return 0; /* gone meanwhile */
    if (S_ISDIR(st.st_mode)) return walk(o, path, depth + 1, err);
    if (!is_markdown(name)) return 0;
    if (S_ISLNK(st.st_mode) && (stat(path, &st) != 0 || !S_ISREG(st.st_mode))) return 0;
    return add(o, path, false, err);
}

static int walk(const origin *o, const char *folder, int depth, baton_error **err) {
    struct dirent **entries;
    if (depth > LIMIT_FOLDER_DEPTH)
        return baton_error_set(err, BATON_ERROR_LIMIT, "%s: folders are nested deeper than %d", folder,
                               LIMIT_FOLDER_DEPTH);
    int count = scandir(folder, &entries, is_visible, alphasort), result = 0;
    if (count < 0) return baton_error_set(err, BATON_ERROR_SYSTEM, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (result == 0) result = visit(o, folder, entries[i]->d_name, depth, err);
        free(entries[i]);
    }
    free(entries);
    return result;
}

/* The folder that a path names, or that its file is in: absolute; given. */
static char *folder_of(const char *path, bool is_folder) {
    char *real = realpath(path, NULL);
    if (real && !is_folder) {
        char *slash = strrchr(real, '/');
        slash[slash == real] = '\0';
    }
    return real;
}

/* Where relative paths begin: the repository's root, else where this process is, else the folder itself. */
static int fill_origin(origin *o, const char *folder, baton_error **err) {
    arena *memory = &o->files->memory;
    git_repository r = {0};
    baton_error *none = NULL;
    char here[PATH_MAX];
    if (git_find(&r, folder, &none) == 0) {
        o->root = arena_text(memory, r.root);
        o->common = arena_text(memory, r.common);
        o->repository = arena_text(memory, r.name);
    } else {
        size_t size = getcwd(here, sizeof here) ? strlen(here) : 0;
        bool inside = size && strncmp(folder, here, size) == 0 && (!folder[size] || folder[size] == '/');
        o->root = arena_text(memory, inside ? here : folder);
        if (git_find(&r, ".", NULL) == 0) o->repository = arena_text(memory, r.name);
    }
    bool refused = none && baton_error_get_code(none) != BATON_ERROR_NOT_FOUND;
    o->folder = arena_text(memory, name_of(folder));
    git_done(&r);
    error_give(refused ? err : NULL, none);
    if (refused) return -1;
    return o->root && o->folder ? 0 : error_memory(err);
}

/* Files that are named one by one stand, as a rule, in one folder: what git said of it is asked once. */
static int find(task_files *files, const char *path, char **last_folder, origin *last, baton_error **err) {
    struct stat st;
    if (stat(path, &st) != 0)
        return baton_error_set(err, BATON_ERROR_NOT_FOUND, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return baton_error_set(err, BATON_ERROR_INVALID, "%s is neither a file nor a folder", path);
    char *folder = folder_of(path, S_ISDIR(st.st_mode));
    if (!folder) return baton_error_set(err, BATON_ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    if (!*last_folder || strcmp(*last_folder, folder) != 0) {
        *last = (origin){.files = files};
        free(*last_folder);
        *last_folder = folder;
        if (fill_origin(last, folder, err) != 0) return -1;
    } else {
        free(folder);
    }
    return S_ISDIR(st.st_mode) ? walk(last, path, 0, err) : add(last, path, true, err);
}

static int compare(const void *a, const void *b) {
    const task_file *x = a, *y = b;
    int order = strcmp(x->real, y->real);
    return order ? order : y->named - x->named;
}

int task_files_find(task_files *files, const char *const *paths, size_t count, baton_error **err) {
    char *last_folder = NULL;
    origin last;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = find(files, paths[i], &last_folder, &last, err);
    free(last_folder);
    if (result != 0 || !files->count) return result;
    qsort(files->list, files->count, sizeof *files->list, compare);
    size_t kept = 1;
    for (size_t i = 1; i < files->count; i++)
        if (strcmp(files->list[i].real, files->list[kept - 1].real) != 0)
            files->list[kept++] = files->list[i];
    files->count = kept;
    return 0;
}

void task_files_done(task_files *files) {
    free(files->list);
    arena_done(&files->memory);
    *files = (task_files){0};
}
