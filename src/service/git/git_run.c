/* See git_run.h. Every call of git goes through git_run, so that the environment is one and the same.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/git/git_run.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FEW_PATHS = 5 };

/* ---- The environment ---- */

/* Whatever says where the repository or its configuration is must not come from whoever started Baton:
 * inside a hook, for one, GIT_DIR and GIT_INDEX_FILE are set. These are about the person and the machine.
 */
static const char *const kept[] = {
    "GIT_AUTHOR_",        "GIT_COMMITTER_",       "GIT_CONFIG_GLOBAL=",
    "GIT_CONFIG_SYSTEM=", "GIT_CONFIG_NOSYSTEM=", "GIT_SSH=",
    "GIT_SSH_COMMAND=",   "GIT_SSH_VARIANT=",     "GIT_SSL_",
    "GIT_EXEC_PATH=",     "GIT_ALLOW_PROTOCOL=",  "GIT_ATTR_NOSYSTEM=",
};
/* English, because messages are looked at; nobody is asked anything; and to look at a repository locks
 * nothing in it. */
static const char *const set[] = {
    "LC_ALL=C",     "GIT_TERMINAL_PROMPT=0",     "GIT_OPTIONAL_LOCKS=0",
    "GIT_EDITOR=:", "SSH_ASKPASS_REQUIRE=never", "GCM_INTERACTIVE=never",
};
/* An index that is thrown away must not be split: its other half would stay in the repository. */
static const char *const with_index[] = {"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=core.splitIndex",
                                         "GIT_CONFIG_VALUE_0=false"};
enum {
    WITH_INDEX = sizeof with_index / sizeof *with_index,
    KEPT = sizeof kept / sizeof *kept,
    SET = sizeof set / sizeof *set
};

static bool starts_with(const char *text, const char *begin) {
    return strncmp(text, begin, strlen(begin)) == 0;
}

static bool is_kept(const char *entry) {
    for (size_t i = 0; i < SET; i++)
        if (strncmp(entry, set[i], strcspn(set[i], "=") + 1) == 0) return false;
    if (!starts_with(entry, "GIT_")) return true;
    for (size_t i = 0; i < KEPT; i++)
        if (starts_with(entry, kept[i])) return true;
    return false;
}

/* Borrows the entries; `index` is one more or NULL. NULL without memory. */
static const char **environment_new(const char *index) {
    size_t count = 0, at = 0;
    while (environ && environ[count]) count++;
    const char **entries = malloc((count + SET + WITH_INDEX + 2) * sizeof *entries);
    if (!entries) return NULL;
    for (size_t i = 0; i < count; i++)
        if (is_kept(environ[i])) entries[at++] = environ[i];
    for (size_t i = 0; i < SET; i++) entries[at++] = set[i];
    for (size_t i = 0; index && i < WITH_INDEX; i++) entries[at++] = with_index[i];
    if (index) entries[at++] = index;
    entries[at] = NULL;
    return entries;
}

/* ---- What git said ---- */

/* "git commit" of its arguments, past -c and its value. */
static const char *subcommand(const char *const *arguments) {
    size_t i = 1;
    while (arguments[i] && strcmp(arguments[i], "-c") == 0) i += 2;
    return arguments[i];
}

typedef struct line {
    const char *text;
    size_t size;
} line;

/* The next line that is not blank, trimmed; text is NULL at the end. */
static line next_line(const char **text) {
    for (;;) {
        *text += strspn(*text, " \t\r\n");
        if (!**text) return (line){0};
        line l = {*text, strcspn(*text, "\n")};
        *text += l.size;
        while (l.size && strchr(" \t\r", l.text[l.size - 1])) l.size--;
        if (l.size) return l;
    }
}

static bool drop_begin(line *l, const char *begin) {
    size_t size = strlen(begin);
    if (l->size < size || memcmp(l->text, begin, size) != 0) return false;
    l->text += size;
    l->size -= size;
    return true;
}

/* Appends the gist of stderr: the last "fatal:" with the first "error:" (or "! [rejected]") behind it,
 * either alone, or the last line of all. An error that ends with a colon goes on in the next line. */
static void append_gist(buffer *b, const char *text) {
    line fatal = {0}, error = {0}, more = {0}, last = {0};
    for (line l = next_line(&text); l.text; l = next_line(&text)) {
        last = l;
        if (drop_begin(&l, "fatal: "))
            fatal = l;
        else if (error.size && !more.text && error.text[error.size - 1] == ':')
            more = l;
        else if (!error.text && (drop_begin(&l, "error: ") || *l.text == '!'))
            error = l;
    }
    if (!fatal.text && !error.text) fatal = last;
    if (!fatal.size && !error.size) buffer_puts(b, "it did not say why");
    git_append_text(b, fatal.text, fatal.size);
    if (fatal.size && error.size) buffer_puts(b, ": ");
    git_append_text(b, error.text, error.size);
    if (more.size) buffer_putc(b, ' ');
    git_append_text(b, more.text, more.size);
}

typedef struct known {
    const char *said;
    baton_error_code code;
    const char *advice;
} known;

static const known knowns[] = {
    {"dubious ownership", BATON_ERROR_NOT_ALLOWED,
     "the folder belongs to another user; if you trust it: git config --global --add safe.directory "
     "FOLDER"},
    {"not a git repository", BATON_ERROR_NOT_FOUND, NULL},
    {"must be run in a work tree", BATON_ERROR_UNSUPPORTED,
     "a bare repository has no files to work on; give a clone of it"},
    {"failed to write commit object", BATON_ERROR_SYSTEM,
     "if commits are signed (commit.gpgsign), the key must be usable without a prompt: sign once by hand "
     "so "
     "that its agent has it"},
    {"fetch first", BATON_ERROR_CONFLICT, "the remote's branch has commits that this one lacks"},
    {"non-fast-forward", BATON_ERROR_CONFLICT, "the remote's branch has commits that this one lacks"},
    {"terminal prompts disabled", BATON_ERROR_NOT_ALLOWED,
     "nobody can be asked for a password: set up a credential helper"},
    {"would be overwritten by", BATON_ERROR_CONFLICT, "move these files away"},
    {"is already checked out at", BATON_ERROR_CONFLICT, NULL},
    {"missing but already registered worktree", BATON_ERROR_CONFLICT,
     "git worktree prune removes what is lost"},
    {"; cannot create", BATON_ERROR_CONFLICT,
     "one branch's name cannot be a folder of another's: rename one"},
};

/* The lock file that stands in the way; size 0 when none does. */
static line find_lock(const char *text) {
    static const char begin[] = "Unable to create '", end[] = ".lock': File exists";
    const char *at = strstr(text, begin);
    const char *stop = at ? strstr(at, end) : NULL;
    if (!stop) return (line){0};
    at += sizeof begin - 1;
    return (line){at, (size_t)(stop - at) + 5};
}

int git_refuse(const char *const *arguments, const command_result *result, baton_error **err) {
    const char *text = buffer_text(&result->messages);
    baton_error_code code = BATON_ERROR_SYSTEM;
    buffer b = {0};
    line lock = find_lock(text);
    if (lock.size) {
        code = BATON_ERROR_CONFLICT;
        buffer_puts(&b, "another git is at work here, or one was killed; if none runs, remove ");
        git_append_text(&b, lock.text, lock.size);
    } else {
        append_gist(&b, text);
        for (size_t i = 0; i < sizeof knowns / sizeof *knowns; i++) {
            if (!strstr(text, knowns[i].said)) continue;
            code = knowns[i].code;
            if (knowns[i].advice) buffer_printf(&b, "; %s", knowns[i].advice);
            break;
        }
    }
    if (buffer_failed(&b))
        error_memory(err);
    else
        baton_error_set(err, code, "git %s: %s", subcommand(arguments), buffer_text(&b));
    buffer_done(&b);
    return -1;
}

/* ---- Calls ---- */

int git_run(const char *directory, const char *index, const char *const *arguments, command_result *result,
            baton_error **err) {
    *result = (command_result){0};
    buffer entry = {0}, name = {0};
    buffer_printf(&name, "git %s", subcommand(arguments));
    if (index) buffer_printf(&entry, "GIT_INDEX_FILE=%s", index);
    const char **environment = environment_new(index ? buffer_text(&entry) : NULL);
    command_request request = {.arguments = arguments,
                               .name = buffer_text(&name),
                               .directory = directory,
                               .environment = environment};
    int failed = !environment || buffer_failed(&entry) || buffer_failed(&name)
                     ? error_memory(err)
                     : command_execute(&request, result, err);
    free(environment);
    buffer_done(&entry);
    buffer_done(&name);
    return failed;
}

int git_call(const char *directory, const char *index, const char *const *arguments, buffer *output,
             baton_error **err) {
    command_result result;
    int failed = git_run(directory, index, arguments, &result, err);
    if (!failed && result.code != 0) failed = git_refuse(arguments, &result, err);
    if (!failed && output) {
        *output = result.output;
        result.output = (buffer){0};
    }
    command_release(&result);
    return failed;
}

int git_ask(const char *directory, const char *const *arguments, baton_error **err) {
    command_result result;
    int answer = git_run(directory, NULL, arguments, &result, err);
    if (answer == 0) answer = result.code > 1 ? git_refuse(arguments, &result, err) : result.code == 0;
    command_release(&result);
    return answer;
}

char *git_text(const char *directory, const char *index, const char *const *arguments, baton_error **err) {
    buffer output = {0};
    if (git_call(directory, index, arguments, &output, err) != 0) return NULL;
    if (output.size && output.data[output.size - 1] == '\n') output.data[--output.size] = '\0';
    char *text = buffer_take(&output);
    if (!text) error_memory(err);
    return text;
}

char *git_root(const char *directory, baton_error **err) {
    return git_text(directory, NULL, GIT("rev-parse", "--show-toplevel"), err);
}

/* ---- Texts ---- */

bool git_is_option(const char *name) { return !*name || *name == '-'; }

void git_append_text(buffer *b, const char *bytes, size_t size) {
    if (!size) return;
    baton_value value = baton_value_string_sized(bytes, size);
    const char *text = baton_value_as_text(value);
    if (text)
        buffer_puts(b, text);
    else
        b->failed = true;
    baton_value_unref(value);
}

const char *git_next(const buffer *list, size_t *at) {
    if (*at >= list->size) return NULL;
    const char *text = list->data + *at;
    *at += strlen(text) + 1;
    return text;
}

char *git_few(const buffer *list, size_t skip) {
    buffer b = {0};
    size_t at = 0, count = 0;
    for (const char *path; (path = git_next(list, &at)); count++) {
        if (count >= FEW_PATHS) continue;
        if (count) buffer_puts(&b, ", ");
        size_t size = strlen(path);
        if (size > skip) git_append_text(&b, path + skip, size - skip);
    }
    if (count > FEW_PATHS) buffer_printf(&b, " and %zu more", count - FEW_PATHS);
    return buffer_take(&b);
}
