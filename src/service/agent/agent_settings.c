/* The configuration file: tables of its keys, each with what reads it. And the agent's command, which also
 * --agent gives: whether its line can take arguments, and where its program is.
 *
 * A file is read into a copy of the settings, which takes their place when no problem was found. A value of
 * the wrong kind is told once and not read; reading goes on beside it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/value.h"
#include "definition/node.h"
#include "definition/workflow.h"
#include "service/agent/agent.h"
#include "service/agent/span.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIST_ITEMS = 1000, RATE_LIMIT_MOST = 1000 };

typedef struct reader {
    const document *document;
    agent_settings *settings;
    problems found;
} reader;

typedef struct config_key {
    const char *name;
    unsigned kinds;     /* of node_kind */
    const char *wanted; /* the same in words */
    void (*read)(reader *r, const node_member *m);
} config_key;

static place place_of(const reader *r, const node *n) {
    return (place){r->document->file, n->line, n->column};
}

#define ADD_PROBLEM(r, n, ...) problems_add(&(r)->found, BATON_ERROR_INVALID, place_of(r, n), __VA_ARGS__)

/* ---- Objects ---- */

static void add_unknown(reader *r, const node_member *m, const config_key *keys, size_t count) {
    const char *names[16];
    for (size_t i = 0; i < count; i++) names[i] = keys[i].name;
    const char *nearest = text_nearest(m->key, names, count);
    place where = {r->document->file, m->line, m->column};
    if (nearest)
        problems_add(&r->found, BATON_ERROR_INVALID, where, "unknown property '%.80s' (did you mean '%s'?)",
                     m->key, nearest);
    else
        problems_add(&r->found, BATON_ERROR_INVALID, where, "unknown property '%.80s'", m->key);
}

/* What is null or was found faulty before says nothing. */
static void read_members(reader *r, const node *object, const config_key *keys, size_t count) {
    for (size_t i = 0; i < object->count; i++) {
        const node_member *m = &object->members[i];
        size_t k = 0;
        while (k < count && strcmp(keys[k].name, m->key) != 0) k++;
        if (k == count)
            add_unknown(r, m, keys, count);
        else if (m->value->kind == NODE_NULL || m->value->faulty)
            continue;
        else if (m->value->kind & keys[k].kinds)
            keys[k].read(r, m);
        else
            ADD_PROBLEM(r, m->value, "'%s' must be %s, not %s", m->key, keys[k].wanted,
                        node_kind_name(m->value->kind));
    }
}

/* ---- Texts and lists of them ---- */

static bool is_blank(const char *text) { return !text[strspn(text, " \t\r\n")]; }

static void assign_value(reader *r, baton_value *slot, baton_value value) {
    if (!baton_value_is_valid(value)) r->found.no_memory = true;
    value_assign(slot, value);
}

static void assign_text(reader *r, char **slot, const char *text) {
    char *copy = text ? strdup(text) : NULL;
    if (!copy) r->found.no_memory = true;
    free(*slot);
    *slot = copy;
}

/* The text of a scalar as the file has it; NULL, and a problem, when it is none. */
static const char *scalar_text(reader *r, const char *key, const node *n) {
    if (n->faulty) return NULL;
    if (!(n->kind & (NODE_STRING | NODE_NUMBER | NODE_BOOLEAN)))
        ADD_PROBLEM(r, n, "each item of '%s' must be a text, not %s", key, node_kind_name(n->kind));
    else
        return n->text;
    return NULL;
}

/* Reads a list of texts, or one text, into *slot; an empty list makes it invalid unless it is kept. */
static void read_texts(reader *r, const node_member *m, baton_value *slot, bool blank_allowed,
                       bool empty_kept) {
    node *one = m->value;
    node *const *items = one->kind == NODE_ARRAY ? one->items : &one;
    size_t count = one->kind == NODE_ARRAY ? one->count : 1;
    if (count > LIST_ITEMS) {
        ADD_PROBLEM(r, one, "'%s' has more than %d items", m->key, LIST_ITEMS);
        return;
    }
    baton_value list = baton_value_array();
    for (size_t i = 0; i < count; i++) {
        const char *text = scalar_text(r, m->key, items[i]);
        if (text && !blank_allowed && is_blank(text))
            ADD_PROBLEM(r, items[i], "'%s' must not be blank", m->key);
        if (text) list = baton_value_append(list, baton_value_string(text));
    }
    assign_value(r, slot, list);
    if (count == 0 && !empty_kept) value_assign(slot, VALUE_INVALID);
}

static void read_word(reader *r, const node_member *m, const char *const *words, int count, int *choice) {
    buffer list = {0};
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], m->value->text) == 0) {
            *choice = i;
            buffer_done(&list);
            return;
        }
        buffer_printf(&list, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", words[i]);
    }
    ADD_PROBLEM(r, m->value, "'%s' must be %s, not '%.80s'", m->key, buffer_text(&list), m->value->text);
    buffer_done(&list);
}

/* ---- Spans ---- */

/* False when the text is no span that ends with it. */
static bool read_span_text(const char *text, int64_t *ms) {
    double sum;
    if (!span_read(&text, &sum) || *text || !(sum <= (double)LIMIT_DURATION_MS)) return false;
    *ms = llround(sum);
    return true;
}

static void read_span(reader *r, const node_member *m, int64_t *ms, bool zero_allowed) {
    const char *text = node_text(m->value);
    int64_t read = -1;
    if (!text || !read_span_text(text, &read)) {
        baton_value value = node_value(m->value);
        if (!baton_value_is_valid(value)) r->found.no_memory = true;
        if (duration_read(value, &read, NULL) != 0) read = -1;
        baton_value_unref(value);
    }
    if (read < 0)
        ADD_PROBLEM(r, m->value,
                    "'%s' must be a duration of at most 100 years, such as 90s, 10m, 1h30m or PT10M",
                    m->key);
    else if (read == 0 && !zero_allowed)
        ADD_PROBLEM(r, m->value, "'%s' must be more than 0", m->key);
    else
        *ms = read;
}

/* ---- The command: how a line ends ---- */

/* The size of a line without blanks at its end. */
static size_t line_size(const char *line) {
    size_t size = strlen(line);
    while (size > 0 && strchr(" \t\r\n", line[size - 1])) size--;
    return size;
}

static bool is_space(char c) { return c && strchr(" \t\r\n", c); }

/* True when the line ends with this word, where the shell looks for a command: "; done", not "echo done".
 */
static bool ends_with_reserved(const char *line, size_t size, const char *word) {
    size_t length = strlen(word);
    if (size < length || memcmp(line + size - length, word, length) != 0) return false;
    size_t from = size - length;
    if (from > 0 && !is_space(line[from - 1]) && !strchr(";&|()", line[from - 1])) return false;
    while (from > 0 && (line[from - 1] == ' ' || line[from - 1] == '\t')) from--;
    return from == 0 || strchr(";&|(){}\n", line[from - 1]);
}

/* True when the line's last ")" ends no word, as that of "$(date)" does. */
static bool ends_with_subshell(const char *line, size_t size) {
    size_t from = size, open = 0;
    while (from > 0) {
        char c = line[--from];
        if (c == ')') open++;
        if (c == '(' && --open == 0) break;
    }
    return !(from > 0 && line[from] == '(' && strchr("$<>", line[from - 1]));
}

/* The size of the line's end after which no argument can follow; 0: it may have arguments. */
static size_t closed_end(const char *line) {
    static const char *const words[] = {"done", "fi", "esac", "}"};
    size_t size = line_size(line);
    if (size == 0 || strstr(line, "$@")) return 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (ends_with_reserved(line, size, words[i])) return strlen(words[i]);
    if (line[size - 1] == ')') return ends_with_subshell(line, size) ? 1 : 0;
    return strchr("&;|\\", line[size - 1]) ? 1 : 0;
}

static const char closed_message[] =
    "arguments (the prompt, or those of 'resume') cannot be added after '%.*s': write \"$@\" where in the "
    "agent's line they belong";

/* The line, when arguments may be added to it and cannot. */
static const char *closed_line(const agent_settings *a, baton_value line) {
    const char *text = a->is_line ? baton_value_as_text(line) : NULL;
    bool adds = a->prompt != AGENT_PROMPT_STDIN || agent_can_resume(a);
    return text && adds && closed_end(text) ? text : NULL;
}

int agent_settings_check(const agent_settings *a, baton_error **err) {
    baton_value line = baton_value_at(a->command, AGENT_SHELL_LINE);
    const char *closed = closed_line(a, line);
    if (closed) {
        size_t size = line_size(closed), end = closed_end(closed);
        baton_error_set(err, BATON_ERROR_INVALID, closed_message, (int)end, closed + size - end);
    }
    baton_value_unref(line);
    return closed ? -1 : 0;
}

/* ---- The command: where its program is ---- */

/* Appends the path, a relative one as seen from the folder (NULL: the current one). False, and nothing of
 * use appended, when nobody can tell where the current folder is. */
static bool append_absolute(buffer *b, const char *folder, const char *path) {
    while (path[0] == '.' && path[1] == '/') path += 1 + strspn(path + 1, "/");
    if (path[0] != '/' && !(folder && folder[0] == '/')) {
        char *current = getcwd(NULL, 0);
        if (!current) return false;
        buffer_puts(b, current);
        if (b->size > 0 && b->data[b->size - 1] != '/') buffer_putc(b, '/');
        free(current);
    }
    if (path[0] != '/' && folder) buffer_puts(b, folder);
    buffer_puts(b, path);
    return true;
}

static void append_quoted(buffer *b, const char *text) {
    buffer_putc(b, '\'');
    for (; *text; text++)
        if (*text == '\'')
            buffer_puts(b, "'\\''");
        else
            buffer_putc(b, *text);
    buffer_putc(b, '\'');
}

/* Appends the line's first word and moves *line behind it; false when it is more than plain characters,
 * perhaps in quotes: it may mean anything then. */
static bool read_first_word(buffer *word, const char **line) {
    const char *p = *line + strspn(*line, " \t\r\n");
    char quote = *p == '\'' || *p == '"' ? *p++ : '\0';
    size_t size = strcspn(p, quote ? "'\"$`\\\n" : " \t\r\n;&|<>()'\"$`\\*?[]{}~#!=");
    const char *end = p + size;
    if (quote && *end++ != quote) return false;
    if (*end && !strchr(" \t\r\n;&|<>()", *end)) return false;
    buffer_append(word, p, size);
    *line = end;
    return size > 0;
}

/* Appends the line, its program where it is seen from the folder. */
static void append_located(buffer *script, const char *folder, const char *line, size_t size) {
    buffer word = {0}, path = {0};
    struct stat file;
    const char *rest = line;
    bool is_path =
        read_first_word(&word, &rest) && buffer_text(&word)[0] != '/' && strchr(buffer_text(&word), '/');
    if (is_path && append_absolute(&path, folder, buffer_text(&word)) &&
        stat(buffer_text(&path), &file) == 0 && !S_ISDIR(file.st_mode)) {
        append_quoted(script, buffer_text(&path));
        size -= (size_t)(rest - line);
        line = rest;
    }
    buffer_append(script, line, size);
    if (buffer_failed(&word) || buffer_failed(&path)) script->failed = true;
    buffer_done(&word);
    buffer_done(&path);
}

/* ---- The command ---- */

/* False without memory. */
static bool set_line(agent_settings *a, const char *folder, const char *line) {
    buffer script = {0};
    append_located(&script, folder, line, line_size(line));
    const char *words[] = {"/bin/sh", "-c", buffer_text(&script), "sh"};
    baton_value argv = buffer_failed(&script) ? VALUE_INVALID : baton_value_array();
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        argv = baton_value_append(argv, baton_value_string(words[i]));
    buffer_done(&script);
    if (!baton_value_is_valid(argv)) return false;
    value_assign(&a->command, argv);
    a->is_line = true;
    return true;
}

bool agent_settings_command(agent_settings *a, const char *line) {
    if (!is_blank(line)) return set_line(a, NULL, line);
    value_assign(&a->command, VALUE_INVALID);
    a->is_line = false;
    return true;
}

/* The file's folder with a slash at its end, into `folder`; NULL when it has no other than the current. */
static const char *folder_of(const reader *r, buffer *folder) {
    const char *file = r->document->file, *slash = file ? strrchr(file, '/') : NULL;
    if (!slash) return NULL;
    buffer_append(folder, file, (size_t)(slash - file) + 1);
    return buffer_text(folder);
}

/* "~/bin/agent", which no shell sees in a list. */
static bool append_at_home(buffer *b, const char *path) {
    const char *home = strncmp(path, "~/", 2) == 0 ? getenv("HOME") : NULL;
    if (!home || !*home) return false;
    buffer_puts(b, home);
    buffer_puts(b, path + 1);
    return true;
}

/* Puts the program's path in place of its name in a list. */
static void locate_program(reader *r, const char *folder) {
    baton_value argv = baton_value_array(), command = r->settings->command;
    for (size_t i = 0; i < baton_value_size(command); i++) {
        baton_value word = baton_value_at(command, i);
        const char *name = baton_value_as_text(word);
        buffer path = {0};
        if (i == 0 && strchr(name, '/') &&
            (append_at_home(&path, name) || append_absolute(&path, folder, name)))
            value_assign(&word,
                         buffer_failed(&path) ? VALUE_INVALID : baton_value_string(buffer_text(&path)));
        buffer_done(&path);
        argv = baton_value_append(argv, word);
    }
    assign_value(r, &r->settings->command, argv);
}

static void read_command(reader *r, const node_member *m) {
    const node *n = m->value;
    buffer folder = {0};
    const char *from = folder_of(r, &folder);
    bool is_line = n->kind == NODE_STRING;
    if (buffer_failed(&folder)) {
        r->found.no_memory = true;
    } else if (is_line ? is_blank(n->text) : n->count == 0) {
        ADD_PROBLEM(r, n, "'command' must not be empty");
    } else if (is_line) {
        if (!set_line(r->settings, from, n->text)) r->found.no_memory = true;
    } else if (n->items[0]->kind == NODE_STRING && is_blank(n->items[0]->text)) {
        ADD_PROBLEM(r, n->items[0], "'command' must begin with a program's name");
    } else {
        read_texts(r, m, &r->settings->command, true, false);
        r->settings->is_line = false;
        locate_program(r, from);
    }
    buffer_done(&folder);
}

/* Tells of a line that cannot take arguments, at its end, or where the file asks for arguments. */
static void refuse_closed_line(reader *r, const node *agent) {
    const node *command = node_get(agent, "command"), *resume = node_get(agent, "resume"),
               *prompt = r->settings->prompt == AGENT_PROMPT_STDIN ? NULL : node_get(agent, "prompt");
    baton_value value = baton_value_at(r->settings->command, AGENT_SHELL_LINE);
    const char *line = closed_line(r->settings, value);
    if (line) {
        size_t end = closed_end(line);
        const char *told = line + line_size(line) - end;
        place where = place_of(r, prompt ? prompt : resume ? resume : agent);
        if (node_text(command))
            where = node_place_inside(r->document, command, line_size(command->text) - end);
        problems_add(&r->found, BATON_ERROR_INVALID, where, closed_message, (int)end, told);
    }
    baton_value_unref(value);
}

/* ---- Agent ---- */

static void read_prompt(reader *r, const node_member *m) {
    static const char *const words[] = {
        [AGENT_PROMPT_STDIN] = "stdin", [AGENT_PROMPT_ARGUMENT] = "argument", [AGENT_PROMPT_FILE] = "file"};
    int choice = r->settings->prompt;
    read_word(r, m, words, 3, &choice);
    r->settings->prompt = (agent_prompt)choice;
}

static void read_result(reader *r, const node_member *m) {
    static const char *const words[] = {
        [AGENT_RESULT_TEXT] = "text", [AGENT_RESULT_JSON_LINES] = "json-lines"};
    int choice = r->settings->result;
    read_word(r, m, words, 2, &choice);
    r->settings->result = (agent_result)choice;
}

static void read_path(reader *r, const node_member *m, char **slot) {
    const node *n = m->value;
    expression_program *program = expression_program_new();
    baton_error *error = NULL;
    if (!program) {
        r->found.no_memory = true;
    } else if (!agent_path(program, n->text, n->size, &error)) {
        if (baton_error_get_code(error) == BATON_ERROR_MEMORY) r->found.no_memory = true;
        size_t inside = baton_error_line(error) == 1 ? (size_t)baton_error_column(error) - 1 : 0;
        place where = inside ? node_place_inside(r->document, n, inside) : place_of(r, n);
        problems_add(&r->found, BATON_ERROR_INVALID, where, "'%s': %s", m->key, baton_error_message(error));
    } else {
        assign_text(r, slot, n->text);
    }
    baton_error_free(error);
    expression_program_free(program);
}

static void read_message(reader *r, const node_member *m) { read_path(r, m, &r->settings->message); }
static void read_session(reader *r, const node_member *m) { read_path(r, m, &r->settings->session); }

static void read_resume(reader *r, const node_member *m) {
    read_texts(r, m, &r->settings->resume, true, false);
}

static void read_environment(reader *r, const node_member *m) {
    baton_value all = baton_value_object();
    for (size_t i = 0; i < m->value->count; i++) {
        const node_member *variable = &m->value->members[i];
        const char *text = scalar_text(r, m->key, variable->value);
        if (!*variable->key || strchr(variable->key, '='))
            problems_add(&r->found, BATON_ERROR_INVALID,
                         (place){r->document->file, variable->line, variable->column},
                         "'%.80s' cannot be the name of an environment variable", variable->key);
        if (text) all = baton_value_set(all, variable->key, baton_value_string(text));
    }
    assign_value(r, &r->settings->environment, all);
    if (m->value->count == 0) value_assign(&r->settings->environment, VALUE_INVALID);
}

static void read_idle_timeout(reader *r, const node_member *m) {
    read_span(r, m, &r->settings->idle_timeout_ms, true);
}

/* ---- Rate limit ---- */

static void read_patterns(reader *r, const node_member *m) {
    read_texts(r, m, &r->settings->rate_limit_patterns, false, true);
}

static void read_delay(reader *r, const node_member *m) {
    read_span(r, m, &r->settings->rate_limit_delay_ms, false);
}

static void read_most(reader *r, const node_member *m) {
    double number = m->value->number;
    if (number >= 1 && number <= RATE_LIMIT_MOST && number == floor(number))
        r->settings->rate_limit_most = (int)number;
    else
        ADD_PROBLEM(r, m->value, "'most' must be a whole number from 1 to %d", RATE_LIMIT_MOST);
}

static void read_rate_limit(reader *r, const node_member *m) {
    static const config_key keys[] = {
        {"patterns", NODE_ARRAY | NODE_STRING, "a list of texts", read_patterns},
        {"delay", NODE_STRING | NODE_OBJECT, "a duration such as 1m", read_delay},
        {"most", NODE_NUMBER, "a whole number", read_most},
    };
    read_members(r, m->value, keys, sizeof keys / sizeof *keys);
}

/* ---- The file ---- */

/* Of plain text they would be read and never used. */
static void refuse_paths(reader *r, const node *agent) {
    static const char *const paths[] = {"message", "session"};
    const char *result = node_text(node_get(agent, "result"));
    if (node_get(agent, "result") && !(result && strcmp(result, "text") == 0)) return; /* wrong, and told */
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const node *path = node_get(agent, paths[i]);
        if (node_text(path)) ADD_PROBLEM(r, path, "'%s' counts only with 'result: json-lines'", paths[i]);
    }
}

static void read_agent(reader *r, const node_member *m) {
    static const config_key keys[] = {
        {"command", NODE_ARRAY | NODE_STRING, "a list of texts or a line for the shell", read_command},
        {"prompt", NODE_STRING, "stdin, argument or file", read_prompt},
        {"result", NODE_STRING, "text or json-lines", read_result},
        {"message", NODE_STRING, "a path like .result", read_message},
        {"session", NODE_STRING, "a path like .session_id", read_session},
        {"resume", NODE_ARRAY | NODE_STRING, "a list of texts", read_resume},
        {"environment", NODE_OBJECT, "an object of texts", read_environment},
        {"idle_timeout", NODE_STRING | NODE_OBJECT, "a duration such as 10m", read_idle_timeout},
        {"rate_limit", NODE_OBJECT, "an object", read_rate_limit},
    };
    read_members(r, m->value, keys, sizeof keys / sizeof *keys);
    if (r->settings->result == AGENT_RESULT_TEXT) refuse_paths(r, m->value);
    refuse_closed_line(r, m->value);
}

static void read_verify(reader *r, const node_member *m) {
    read_texts(r, m, &r->settings->verify, false, false);
}

static void read_workflows(reader *r, const node_member *m) {
    const char *text = m->value->text, *file = r->document->file, *home = getenv("HOME");
    const char *slash = file ? strrchr(file, '/') : NULL;
    bool from_home = text[0] == '~' && (text[1] == '/' || !text[1]);
    if (is_blank(text)) {
        ADD_PROBLEM(r, m->value, "'workflows' must be a folder's path");
    } else if (from_home && !(home && *home)) {
        ADD_PROBLEM(r, m->value, "'workflows' names the home folder, but HOME is not set");
    } else {
        buffer path = {0};
        if (from_home)
            buffer_puts(&path, home);
        else if (text[0] != '/' && slash)
            buffer_append(&path, file, (size_t)(slash - file) + 1);
        buffer_puts(&path, text + from_home);
        assign_text(r, &r->settings->workflows, buffer_failed(&path) ? NULL : buffer_text(&path));
        buffer_done(&path);
    }
}

static void read_root(reader *r) {
    static const config_key keys[] = {
        {"agent", NODE_OBJECT, "an object", read_agent},
        {"verify", NODE_ARRAY | NODE_STRING, "a list of commands", read_verify},
        {"workflows", NODE_STRING, "a folder's path", read_workflows},
    };
    const node *root = r->document->root;
    if (root->kind == NODE_OBJECT)
        read_members(r, root, keys, sizeof keys / sizeof *keys);
    else if (root->kind != NODE_NULL && !root->faulty)
        ADD_PROBLEM(r, root, "the configuration must be an object, not %s", node_kind_name(root->kind));
}

/* True of blanks and comments: to YAML such a file has no document. */
static bool is_empty(const char *text, size_t size) {
    for (size_t at = 0; at < size; at++) {
        if (text[at] == '#')
            while (at < size && text[at] != '\n') at++;
        else if (!strchr(" \t\r\n", text[at]) || !text[at])
            return false;
    }
    return true;
}

/* ---- Settings ---- */

static char *copy_text(const char *text, bool *failed) {
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy) *failed = true;
    return copy;
}

/* False without memory; then the copy is empty. */
static bool copy_settings(agent_settings *to, const agent_settings *from) {
    bool failed = false;
    *to = *from;
    to->message = copy_text(from->message, &failed);
    to->session = copy_text(from->session, &failed);
    to->workflows = copy_text(from->workflows, &failed);
    to->command = baton_value_ref(from->command);
    to->resume = baton_value_ref(from->resume);
    to->environment = baton_value_ref(from->environment);
    to->rate_limit_patterns = baton_value_ref(from->rate_limit_patterns);
    to->verify = baton_value_ref(from->verify);
    if (failed) agent_settings_done(to);
    return !failed;
}

void agent_settings_done(agent_settings *a) {
    baton_value_unref(a->command);
    baton_value_unref(a->resume);
    baton_value_unref(a->environment);
    baton_value_unref(a->rate_limit_patterns);
    baton_value_unref(a->verify);
    free(a->message);
    free(a->session);
    free(a->workflows);
    *a = (agent_settings){0};
}

int agent_settings_parse(agent_settings *a, const char *text, size_t size, const char *file,
                         baton_error **err) {
    if (size <= LIMIT_FILE_BYTES && is_empty(text, size)) return 0;
    document d;
    if (document_read(&d, text, size, file, err) != 0) {
        document_done(&d);
        return -1;
    }
    agent_settings next;
    baton_error *list = NULL;
    if (copy_settings(&next, a)) {
        reader r = {.document = &d, .settings = &next, .found = d.faults};
        d.faults = (problems){0};
        read_root(&r);
        list = problems_give(&r.found);
    } else {
        error_memory(&list);
    }
    document_done(&d);
    if (!list) {
        agent_settings_done(a);
        *a = next;
        return 0;
    }
    agent_settings_done(&next);
    return error_give(err, list);
}

/* ---- The file, read ---- */

int agent_settings_load(agent_settings *a, const char *path, baton_error **err) {
    buffer text = {0};
    int result = file_read(path, LIMIT_FILE_BYTES, &text, err);
    if (result == 0) result = agent_settings_parse(a, buffer_text(&text), text.size, path, err);
    buffer_done(&text);
    return result;
}
