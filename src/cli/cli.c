/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "definition/workflow.h"
#include "service/orchestrator/orchestrator.h"

#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Options ---- */

static int option_count(const command *c) {
    int n = 0;
    while (c->options[n].name) n++;
    return n;
}

static int mistake(const cli_arguments *args, const char *format, ...) {
    va_list list;
    va_start(list, format);
    fputs("baton: ", stderr);
    vfprintf(stderr, format, list);
    va_end(list);
    fprintf(stderr, "; see 'baton help %s'\n", args->command->name);
    return -2;
}

static int unknown_option(const cli_arguments *args, const char *name) {
    const char *names[64];
    int n = option_count(args->command);
    for (int i = 0; i < n; i++) names[i] = args->command->options[i].name;
    const char *near = text_nearest(name, names, (size_t)n);
    if (near) return mistake(args, "unknown option '--%s' (did you mean '--%s'?)", name, near);
    return mistake(args, "unknown option '--%s'", name);
}

static int long_option(cli_arguments *args, const char *text, const char **value) {
    size_t size = strcspn(text, "=");
    const cli_option *o = args->command->options;
    for (int i = 0; o[i].name; i++) {
        if (strlen(o[i].name) != size || strncmp(o[i].name, text, size) != 0) continue;
        *value = text[size] ? text + size + 1 : NULL;
        if (!o[i].argument) return *value ? mistake(args, "'--%s' takes no value", o[i].name) : i;
        if (!*value && !(*value = args->argv[args->next]))
            return mistake(args, "'--%s' needs a value (%s)", o[i].name, o[i].argument);
        if (!text[size]) args->next++;
        return i;
    }
    char *name = strndup(text, size);
    int result = unknown_option(args, name ? name : text);
    free(name);
    return result;
}

static int short_option(cli_arguments *args, const char **value) {
    const cli_option *o = args->command->options;
    char letter = *args->inside++;
    for (int i = 0; o[i].name; i++) {
        if (o[i].letter != letter) continue;
        *value = NULL;
        if (o[i].argument) {
            *value = *args->inside ? args->inside : args->argv[args->next];
            if (!*value) return mistake(args, "'-%c' needs a value (%s)", letter, o[i].argument);
            if (!*args->inside) args->next++;
            args->inside = NULL;
        }
        if (args->inside && !*args->inside) args->inside = NULL;
        return i;
    }
    return mistake(args, "unknown option '-%c'", letter);
}

int cli_option_next(cli_arguments *args, const char **value) {
    if (args->inside) return short_option(args, value);
    for (const char *text; (text = args->argv[args->next]);) {
        args->next++;
        bool only_rest = strcmp(text, "--") == 0;
        if (!only_rest && text[0] == '-' && text[1] == '-') return long_option(args, text + 2, value);
        if (!only_rest && text[0] == '-' && text[1]) {
            args->inside = text + 1;
            return short_option(args, value);
        }
        do {
            if (only_rest && !(text = args->argv[args->next++])) {
                args->next--;
                break;
            }
            if (args->rest_count == (int)(sizeof args->rest / sizeof *args->rest))
                return mistake(args, "too many arguments");
            args->rest[args->rest_count++] = text;
        } while (only_rest);
    }
    return -1;
}

/* ---- Messages ---- */

int cli_fail(exit_code code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("baton: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}

exit_code cli_exit_code(const baton_error *err) {
    switch (baton_error_get_code(err)) {
    case BATON_ERROR_USAGE: return EXIT_USAGE;
    case BATON_ERROR_INVALID:
    case BATON_ERROR_UNSUPPORTED:
    case BATON_ERROR_LIMIT:
    case BATON_ERROR_CYCLE: return EXIT_INVALID;
    case BATON_ERROR_NOT_FOUND: return EXIT_NOT_FOUND;
    case BATON_ERROR_NOT_ALLOWED: return EXIT_NOT_ALLOWED;
    case BATON_ERROR_SUSPENDED: return EXIT_SUSPENDED;
    case BATON_ERROR_TIMEOUT: return EXIT_TIMED_OUT;
    case BATON_ERROR_DEPENDENCY:
    case BATON_ERROR_CONFLICT:
    case BATON_ERROR_QUEUE_FULL: return EXIT_REFUSED;
    case BATON_ERROR_STORE: return EXIT_STORE;
    default: return EXIT_FAULTED;
    }
}

int cli_fail_error(baton_error *err) {
    int code = cli_exit_code(err);
    for (const baton_error *e = err; e; e = baton_error_next(e)) {
        char *text = baton_error_text(e);
        bool placed = baton_error_file(e) || baton_error_line(e);
        fprintf(stderr, "%s%s\n", placed ? "" : "baton: ", text ? text : baton_error_message(e));
        free(text);
    }
    baton_error_free(err);
    return code;
}

char *cli_read_file(const char *path, size_t most, size_t *size, baton_error **err) {
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    const char *name = is_stdin ? "stdin" : path;
    if (!file) {
        baton_error_set(err, errno == ENOENT ? BATON_ERROR_NOT_FOUND : BATON_ERROR_SYSTEM,
                        "cannot read '%s': %s", name, strerror(errno));
        return NULL;
    }
    buffer b = {0};
    char chunk[65536];
    size_t n;
    while (b.size <= most && (n = fread(chunk, 1, sizeof chunk, file)) > 0) buffer_append(&b, chunk, n);
    bool failed = ferror(file);
    int error = errno;
    if (!is_stdin) fclose(file);
    *size = b.size;
    if (failed)
        baton_error_set(err, BATON_ERROR_SYSTEM, "cannot read '%s': %s", name, strerror(error));
    else if (b.size > most)
        baton_error_set(err, BATON_ERROR_LIMIT, "'%s' is larger than %zu bytes", name, most);
    else {
        char *text = buffer_take(&b);
        if (!text) error_memory(err);
        return text;
    }
    buffer_done(&b);
    return NULL;
}

static baton_workflow *load(const char *path, baton_registry *registry, baton_error **err) {
    if (strcmp(path, "-") != 0) return baton_workflow_load(path, registry, err);
    size_t size;
    char *text = cli_read_file("-", LIMIT_FILE_BYTES, &size, err);
    baton_workflow *workflow = text ? baton_workflow_parse(text, size, "stdin", registry, err) : NULL;
    free(text);
    return workflow;
}

baton_workflow *cli_load_workflow(const char *path, baton_error **err) { return load(path, NULL, err); }

baton_workflow *cli_look_at_workflow(const char *path, baton_error **err) {
    baton_registry *registry = baton_registry_new();
    baton_workflow *workflow = NULL;
    if (!registry)
        error_memory(err);
    else if (orchestrator_add_functions(registry, NULL, err) == 0)
        workflow = load(path, registry, err);
    baton_registry_free(registry);
    return workflow;
}

int cli_one_of(const char *option, const char *value, const char *const *names) {
    for (int i = 0; names[i]; i++)
        if (strcmp(value, names[i]) == 0) return i;
    fprintf(stderr, "baton: --%s cannot be '%s'; it is one of", option, value);
    for (int i = 0; names[i]; i++) fprintf(stderr, "%s %s", i ? "," : "", names[i]);
    fputc('\n', stderr);
    return -1;
}

bool cli_parse_duration(const char *text, int64_t *ms) {
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char *end;
    double number = strtod(text, &end);
    for (size_t i = 0; end != text && i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].unit) == 0 && number > 0 && number * units[i].ms < 4e12) {
            *ms = (int64_t)(number * units[i].ms);
            return *ms > 0;
        }
    baton_value value = baton_value_string(text);
    bool good = duration_read(value, ms, NULL) == 0 && *ms > 0;
    baton_value_unref(value);
    return good;
}

/* ---- Looks ---- */

/* The bytes of a control character that this text begins with: of C0, DEL, C1 (U+0080 to U+009F), and those
 * that turn the direction of writing (U+202A to U+202E, U+2066 to U+2069). 0: none. */
static size_t control_size(const char *text) {
    const unsigned char *c = (const unsigned char *)text;
    if (*c < ' ' || *c == 127) return 1;
    if (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) return 2;
    bool turns = *c == 0xe2 && ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
                                (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
    return turns ? 3 : 0;
}

void cli_put_clean(buffer *b, const char *text) {
    for (size_t size; *text; text += size ? size : 1) {
        size = control_size(text);
        buffer_putc(b, size ? ' ' : *text);
    }
}

static bool coloured;

void cli_set_colour(colour_mode mode, int fd) {
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    coloured = mode == COLOUR_ALWAYS ||
               (mode == COLOUR_AUTO && isatty(fd) && !(no && *no) && !(term && strcmp(term, "dumb") == 0));
}

const char *cli_colour(const char *code) {
    static const struct {
        const char *code, *sequence;
    } known[] = {{"0", "\033[0m"},   {"1", "\033[1m"},   {"2", "\033[2m"},  {"31", "\033[31m"},
                 {"32", "\033[32m"}, {"33", "\033[33m"}, {"36", "\033[36m"}};
    for (size_t i = 0; coloured && i < sizeof known / sizeof *known; i++)
        if (strcmp(code, known[i].code) == 0) return known[i].sequence;
    return "";
}

bool cli_parse_colour(const char *text, colour_mode *mode) {
    static const char *const names[] = {"auto", "always", "never"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            *mode = (colour_mode)i;
            return true;
        }
    return false;
}

bool cli_is_utf8(void) { return strcmp(nl_langinfo(CODESET), "UTF-8") == 0; }

const char *cli_duration(int64_t ns, char text[32]) {
    int64_t ms = ns / 1000000;
    if (ms < 1000)
        snprintf(text, 32, "%lld ms", (long long)ms);
    else if (ms < 60000)
        snprintf(text, 32, "%lld.%lld s", (long long)ms / 1000, (long long)ms % 1000 / 100);
    else if (ms < 3600000)
        snprintf(text, 32, "%lld min %lld s", (long long)ms / 60000, (long long)ms / 1000 % 60);
    else if (ms < 172800000)
        snprintf(text, 32, "%lld h %lld min", (long long)ms / 3600000, (long long)ms / 60000 % 60);
    else
        snprintf(text, 32, "%lld d %lld h", (long long)ms / 86400000, (long long)ms / 3600000 % 24);
    return text;
}
