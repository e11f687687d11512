/* baton task show: a task for a person. What it is, what it waits for, what was done and by what evidence,
 * and what one can do next.
 *
 * What is told stands in the task alone, and in `work` what the steps of its workflow wrote down (see
 * service/orchestrator/work.h); only whether somebody carries it out just now is asked of its execution.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "cli/session.h"
#include "cli/storage.h"
#include "cli/task_look.h"
#include "service/task/task_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_STORE, OPTION_JSON, OPTION_CONTENT, OPTION_VERBOSE, OPTION_COLOR };

static const cli_option options[] = {
    [OPTION_STORE] = {"store", "URL", "where tasks are kept: a file, or sqlite:FILE", 0},
    [OPTION_JSON] = {"json", NULL, "prints one JSON object, with everything that is known", 0},
    [OPTION_CONTENT] = {"content", NULL, "prints the document's text alone", 0},
    [OPTION_VERBOSE] = {"verbose", NULL, "shows all output that was kept, and each file that changed", 'v'},
    [OPTION_COLOR] = STORAGE_OPTION_COLOR,
    {NULL, NULL, NULL, 0}};

/* How much of the output of a command and of an agent that failed. */
enum { OUTPUT_LINES = 10, AGENT_LINES = 5, HINTS = 4 };

typedef struct report {
    storage st;
    baton_value task, work; /* work: invalid when nothing was done yet */
    char id[9];             /* as much of it as commands need */
    const char *status;     /* as task_status has it */
    bool owned;             /* it is running, and somebody carries it out */
    bool verbose;
    buffer hints[HINTS]; /* a command, a NUL, what it does */
    size_t hint_count;
} report;

/* ---- Words ---- */

static double number_of(baton_value object, const char *key) {
    baton_value v = baton_value_get(object, key);
    double number = baton_value_as_number(v);
    value_unref(v);
    return number;
}

static bool flag_of(baton_value object, const char *key) {
    baton_value v = baton_value_get(object, key);
    bool flag = baton_value_is_true(v);
    value_unref(v);
    return flag;
}

static bool text_is(baton_value object, const char *key, const char *wanted) {
    const char *text = value_get_text(object, key);
    return text && strcmp(text, wanted) == 0;
}

/* RFC 3339, in UTC; 0: none. */
static int64_t moment_of(baton_value object, const char *key) {
    struct tm t = {0};
    const char *text = value_get_text(object, key), *rest = NULL;
    if (text) rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &t);
    if (!rest) return 0;
    return (int64_t)timegm(&t) * 1000000000 + (int64_t)(*rest == '.' ? strtod(rest, NULL) * 1e9 : 0);
}

/* colour may be NULL. */
static void print_colour(const char *colour, const char *text) {
    printf("%s%s%s", colour ? cli_colour(colour) : "", text, colour ? cli_colour("0") : "");
}

static void print_clean(const char *text) {
    buffer b = {0};
    cli_put_clean(&b, text);
    fputs(buffer_text(&b), stdout);
    buffer_done(&b);
}

static void print_label(const char *label) {
    printf("%s%-10s%s ", cli_colour("2"), label, cli_colour("0"));
}

/* Nothing where there is no text. */
static void print_line(const char *label, const char *text) {
    if (!text || !*text) return;
    print_label(label);
    print_clean(text);
    putchar('\n');
}

static void print_moment(const char *label, int64_t ns) {
    char text[STORAGE_MOMENT], ago[STORAGE_MOMENT];
    int64_t now_ns = storage_now_ns();
    if (!ns) return;
    print_label(label);
    printf("%s", storage_local(ns, text));
    if (ns > now_ns - 86400 * INT64_C(1000000000)) printf(" (%s)", storage_moment(ns, now_ns, ago));
    putchar('\n');
}

static void print_duration(double ms) {
    char text[32];
    fputs(cli_duration((int64_t)(ms * 1e6), text), stdout);
}

/* Each line with `before` in front of it; only the last ones where there are more than `most`. */
static void print_tail(const char *before, const char *text, size_t most) {
    size_t size = strlen(text), lines = 1;
    while (size && (text[size - 1] == '\n' || text[size - 1] == '\r')) size--;
    const char *end = text + size, *start = end;
    for (; start > text; start--)
        if (start[-1] == '\n' && ++lines > most) break;
    if (start > text)
        printf("%s%s... (--verbose shows more)%s\n", before, cli_colour("2"), cli_colour("0"));
    while (start < end) {
        size_t length = strcspn(start, "\n");
        if (length > (size_t)(end - start)) length = (size_t)(end - start);
        char *line = strndup(start, length);
        fputs(before, stdout);
        print_clean(line ? line : "");
        putchar('\n');
        free(line);
        start += length + 1;
    }
}

/* A person said already what shall become of it at this gate: 1 it goes on, -1 it is sent back. */
static int answer_at(baton_value task, baton_value gate) {
    const char *name = value_get_text(gate, "name"), *key = value_get_text(gate, "key");
    baton_value approval = task_member(task, "approvals", name ? name : "begin");
    const char *of = value_get_text(approval, name ? "key" : "digest");
    if (!name) key = value_get_text(task, "digest");
    int answer = !of || !key || strcmp(of, key) != 0 ? 0 : flag_of(approval, "again") ? -1 : 1;
    value_unref(approval);
    return answer;
}

/* ---- What to do next ---- */

/* id: NULL: none. */
static void hint_of(report *r, const char *command, const char *id, const char *rest, const char *effect) {
    if (r->hint_count == HINTS) return;
    buffer *b = &r->hints[r->hint_count++];
    storage_put_command(&r->st, b, command, id);
    buffer_puts(b, rest);
    buffer_append(b, "", 1);
    buffer_puts(b, effect);
}

static void hint(report *r, const char *command, const char *rest, const char *effect) {
    hint_of(r, command, r->id, rest, effect);
}

/* For a result that is there to be looked at: what is not committed stands in its folder alone. */
static void hint_diff(report *r) {
    static const char odd[] = " \t\n*?'\"`$\\&;|<>(){}!#~"; /* for a shell */
    const char *branch = value_get_text(r->work, "branch"), *from = value_get_text(r->work, "base_commit"),
               *directory = value_get_text(r->work, "directory");
    baton_value changes = baton_value_get(r->work, "changes");
    bool any = number_of(changes, "files") > 0, committed = value_get_text(r->work, "commit");
    value_unref(changes);
    const char *where = committed ? branch : directory;
    if (!any || !from || !where || strpbrk(where, odd) || r->hint_count == HINTS) return;
    if (!committed && access(directory, F_OK) != 0) return;
    buffer *b = &r->hints[r->hint_count++];
    if (committed)
        buffer_printf(b, "git diff %.10s %s", from, branch);
    else
        buffer_printf(b, "git -C %s diff %.10s", directory, from);
    buffer_append(b, "", 1);
    buffer_puts(b, "shows what was done");
}

/* What helps a task that others are in the way of. */
static void hint_blocked(report *r) {
    baton_value all = baton_value_get(r->task, "blocked_by");
    bool strangers = false, tasks = false;
    for (size_t i = 0; i < baton_value_size(all); i++) {
        baton_value one = baton_value_at(all, i);
        bool stranger = !value_get_text(one, "depends_on");
        strangers |= stranger;
        tasks |= !stranger;
        value_unref(one);
    }
    value_unref(all);
    if (tasks) hint_of(r, "task run", NULL, " --all", "carries out what it depends on, and then this one");
    if (strangers)
        hint(r, "task edit", " --satisfied TEXT", "says that something which is no task here is met");
}

static void hint_waiting(report *r) {
    baton_value gate = baton_value_get(r->task, "gate");
    bool at_end = text_is(gate, "name", "accept"), answered = answer_at(r->task, gate);
    value_unref(gate);
    if (answered) {
        hint(r, "task run", "", "goes on with it");
    } else if (at_end) {
        hint_diff(r);
        hint(r, "task approve", "", "accepts the result");
        hint(r, "task retry", " --note WHY", "sends it back to the agent");
    } else {
        hint(r, "task approve", "", "lets it go on");
        hint(r, "task cancel", "", "ends it");
    }
}

static void choose_hints(report *r) {
    const char *status = r->status;
    if (strcmp(status, "blocked") == 0) {
        hint_blocked(r);
    } else if (strcmp(status, "pending") == 0) {
        if (value_get_text(r->task, "type"))
            hint(r, "task run", "", "carries it out");
        else
            hint(r, "task edit", " --type TYPE", "says by which workflow it is carried out");
    } else if (strcmp(status, "waiting") == 0) {
        hint_waiting(r);
    } else if (strcmp(status, "running") == 0) {
        if (r->owned)
            hint_of(r, "logs", value_get_text(r->task, "execution"), " --follow", "shows what it writes");
        else
            hint(r, "task run", "", "goes on with it");
        hint(r, "task cancel", "", "ends it");
    } else {
        hint_diff(r);
        hint(r, "task retry", " --note WHY",
             strcmp(status, "completed") == 0 ? "has it done once more" : "lets it begin again");
    }
}

static void print_hints(const report *r) {
    size_t widest = 0;
    for (size_t i = 0; i < r->hint_count; i++) {
        size_t size = strlen(buffer_text(&r->hints[i]));
        if (size > widest) widest = size;
    }
    putchar('\n');
    for (size_t i = 0; i < r->hint_count; i++) {
        const char *command = buffer_text(&r->hints[i]);
        printf("  %-*s  ", (int)widest, command);
        print_colour("2", command + strlen(command) + 1);
        putchar('\n');
    }
}

/* ---- What it is ---- */

static void print_gate(const report *r) {
    baton_value gate = baton_value_get(r->task, "gate"), commands = baton_value_get(gate, "commands");
    const char *why = value_get_text(gate, "why");
    int answer = answer_at(r->task, gate);
    if (answer) {
        printf(", %s: 'baton task run' goes on with it\n", answer > 0 ? "approved" : "sent back");
    } else {
        printf(": ");
        print_clean(why ? why : "nobody knows for what");
        printf("; 'baton task approve %s' lets it go on\n", r->id);
    }
    print_moment("since", moment_of(gate, "since"));
    for (size_t i = 0; i < baton_value_size(commands); i++) {
        baton_value one = baton_value_at(commands, i);
        print_line(i ? "" : "would run", baton_value_as_text(one));
        value_unref(one);
    }
    value_unref(commands);
    value_unref(gate);
}

static void print_runner(report *r) {
    const char *id = value_get_text(r->task, "execution");
    store *s = r->st.store;
    store_execution x;
    baton_error *none = NULL;
    bool there = id && s->type->find(s, id, &x, &none) == 0;
    baton_error_free(none);
    r->owned = there && x.owner && !x.interrupted;
    if (r->owned)
        printf(", carried out by process %lld (baton %s)\n", (long long)x.owner_pid, x.owner_kind);
    else
        printf(", but nobody carries it out now: 'baton task run' goes on with it\n");
}

static void print_status(report *r) {
    baton_value blockers = baton_value_get(r->task, "blocked_by");
    print_label("status");
    print_colour(task_status_colour(r->status), r->status);
    if (strcmp(r->status, "waiting") == 0) {
        print_gate(r);
    } else if (strcmp(r->status, "running") == 0) {
        print_runner(r);
    } else if (strcmp(r->status, "blocked") == 0) {
        printf(" by %zu of what it depends on\n", baton_value_size(blockers));
    } else {
        bool pending = strcmp(r->status, "pending") == 0;
        puts(pending && answer_at(r->task, VALUE_INVALID) > 0 ? ", its begin is approved" : "");
    }
    const char *reason = value_get_text(r->task, "reason");
    if (reason) {
        bool now = strcmp(r->status, "failed") == 0 || strcmp(r->status, "cancelled") == 0;
        print_label(now ? "reason" : "last time");
        fputs(cli_colour(now ? "31" : "2"), stdout);
        print_clean(reason);
        puts(cli_colour("0"));
    }
    value_unref(blockers);
}

/* "met", or its status among what is in the way. */
static const char *standing_of(baton_value dependency, baton_value blockers, const char **colour) {
    const char *text = value_get_text(dependency, "text"), *status = NULL;
    for (size_t i = 0; i < baton_value_size(blockers) && !status; i++) {
        baton_value one = baton_value_at(blockers, i);
        if (text_is(one, "text", text)) status = value_get_text(one, "status");
        value_unref(one);
    }
    *colour = status ? "33" : "32";
    if (!status) return flag_of(dependency, "satisfied") ? "met, as somebody said" : "met";
    if (strcmp(status, "external") == 0) return "external: it is no task here";
    if (strcmp(status, "ambiguous") == 0) return "several tasks could be meant";
    bool over = strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0;
    if (over) *colour = "31";
    return status;
}

static void print_dependencies(const report *r) {
    baton_value all = baton_value_get(r->task, "dependencies"),
                blockers = baton_value_get(r->task, "blocked_by");
    for (size_t i = 0; i < baton_value_size(all); i++) {
        baton_value one = baton_value_at(all, i);
        const char *colour, *standing = standing_of(one, blockers, &colour),
                            *id = value_get_text(one, "depends_on");
        print_label(i ? "" : "depends on");
        print_clean(value_get_text(one, "text"));
        if (id) printf(" %s(%.8s)%s", cli_colour("2"), id, cli_colour("0"));
        printf(": ");
        print_colour(colour, standing);
        if (strcmp(colour, "32") != 0 && id) printf(", waits");
        putchar('\n');
        value_unref(one);
    }
    value_unref(blockers);
    value_unref(all);
}

static void print_edited(const report *r) {
    baton_value edited = baton_value_get(r->task, "edited"), v;
    int cursor = 0;
    const char *key;
    buffer b = {0};
    for (bool first = true; baton_value_next(edited, &cursor, &key, &v); first = false) {
        buffer_clear(&b);
        buffer_printf(&b, "%s: ", key);
        if (baton_value_as_text(v))
            buffer_puts(&b, baton_value_as_text(v));
        else
            value_write(&b, v);
        print_line(first ? "edited" : "", buffer_text(&b));
        value_unref(v);
    }
    buffer_done(&b);
    value_unref(edited);
}

static void print_notes(const report *r) {
    baton_value notes = baton_value_get(r->task, "notes");
    for (size_t i = 0; i < baton_value_size(notes); i++) {
        baton_value one = baton_value_at(notes, i);
        char when[STORAGE_MOMENT];
        const char *text = value_get_text(one, "text");
        print_label(i ? "" : "notes");
        printf("%s ", storage_local(moment_of(one, "at"), when));
        print_clean(text ? text : "");
        putchar('\n');
        value_unref(one);
    }
    value_unref(notes);
}

static void print_head(report *r) {
    const char *title = value_get_text(r->task, "title"), *alias = task_alias(r->task),
               *type = value_get_text(r->task, "type");
    fputs(cli_colour("1"), stdout);
    print_clean(title);
    puts(cli_colour("0"));
    if (strcmp(alias, title) != 0) print_line("alias", alias);
    print_line("id", value_get_text(r->task, "id"));
    print_status(r);
    print_line("type", type ? type : "none, and so there is no workflow for it");
    print_line("category", value_get_text(r->task, "category"));
    print_line("priority", value_get_text(r->task, "priority"));
    if (task_hours(r->task) >= 0) {
        buffer b = {0};
        task_put_hours(&b, task_hours(r->task));
        print_line("hours", buffer_text(&b));
        buffer_done(&b);
    }
    print_line("document", value_get_text(r->task, "source_path"));
    print_line("project", value_get_text(r->task, "project_id"));
    print_dependencies(r);
    print_edited(r);
    print_notes(r);
}

/* ---- What was done ---- */

/* "3 files, +120 -4"; false when nothing is known. */
static bool put_changes(buffer *b, baton_value changes) {
    if (baton_value_kind(changes) != BATON_KIND_OBJECT) return false;
    size_t commits = (size_t)number_of(changes, "commits");
    if (number_of(changes, "files") == 0) {
        buffer_puts(b, "none");
        return true;
    }
    task_put_count(b, (size_t)number_of(changes, "files"), "file");
    buffer_printf(b, ", +%.0f -%.0f", number_of(changes, "insertions"), number_of(changes, "deletions"));
    if (commits) {
        buffer_puts(b, " in ");
        task_put_count(b, commits, "commit");
    }
    return true;
}

static void print_paths(baton_value changes) {
    baton_value paths = baton_value_get(changes, "paths");
    for (size_t i = 0; i < baton_value_size(paths); i++) {
        baton_value one = baton_value_at(paths, i);
        const char *path = value_get_text(one, "path"), *state = value_get_text(one, "state");
        print_label("");
        printf("%-8s ", state ? state : "");
        print_clean(path ? path : "");
        putchar('\n');
        value_unref(one);
    }
    value_unref(paths);
}

static void print_texts(const char *label, baton_value texts) {
    for (size_t i = 0; i < baton_value_size(texts); i++) {
        baton_value one = baton_value_at(texts, i);
        print_line(i ? "" : label, baton_value_as_text(one));
        value_unref(one);
    }
}

static bool is_at_base(const report *r, const char *commit) {
    const char *base = value_get_text(r->work, "base_commit");
    return base && commit && strcmp(base, commit) == 0;
}

static void print_place(const report *r) {
    const char *directory = value_get_text(r->work, "directory"),
               *branch = value_get_text(r->work, "branch"), *base = value_get_text(r->work, "base"),
               *from = value_get_text(r->work, "base_commit");
    buffer b = {0};
    if (branch) {
        buffer_puts(&b, branch);
        if (base || from) buffer_printf(&b, ", from %s", base ? base : "");
        if (from) buffer_printf(&b, "%s%.10s", base ? " at " : "", from);
        print_line("branch", buffer_text(&b));
    }
    buffer_clear(&b);
    if (directory) {
        buffer_puts(&b, directory);
        if (access(directory, F_OK) != 0) buffer_puts(&b, " (removed)");
        print_line("directory", buffer_text(&b));
    }
    const char *commit = value_get_text(r->work, "commit");
    if (!is_at_base(r, commit)) print_line("commit", commit);
    buffer_done(&b);
}

static void print_attempts(const report *r) {
    baton_value most = task_member(r->work, "settings", "max_attempts"),
                level = task_member(r->work, "settings", "automation_level"),
                executions = baton_value_get(r->task, "executions");
    size_t runs = baton_value_size(executions);
    if (number_of(r->work, "attempt") > 0) {
        print_label("attempts");
        printf("%.0f of at most %.0f", number_of(r->work, "attempt"), baton_value_as_number(most));
        if (runs > 1) printf("; it was begun %zu times", runs);
        putchar('\n');
    }
    print_line("level", baton_value_as_text(level));
    value_unref(executions);
    value_unref(level);
    value_unref(most);
}

static void print_summary(const report *r) {
    int64_t started = moment_of(r->task, "started_at"), ended = moment_of(r->task, "ended_at");
    baton_value changes = baton_value_get(r->work, "changes"), verify = baton_value_get(r->work, "verify"),
                more = baton_value_get(r->work, "document_verify");
    buffer b = {0};
    putchar('\n');
    if (strcmp(r->status, "pending") == 0 || strcmp(r->status, "blocked") == 0)
        printf("%sthe last time:%s\n", cli_colour("1"), cli_colour("0"));
    print_moment("started", started);
    print_moment("ended", ended);
    if (started && ended > started) {
        char took[32];
        print_line("took", cli_duration(ended - started, took));
    }
    print_line("execution", value_get_text(r->task, "execution"));
    print_attempts(r);
    print_texts("decided by", verify);
    print_texts(baton_value_size(verify) ? "" : "decided by", more);
    print_place(r);
    if (put_changes(&b, changes)) print_line("changes", buffer_text(&b));
    if (r->verbose) print_paths(changes);
    buffer_done(&b);
    value_unref(more);
    value_unref(verify);
    value_unref(changes);
}

/* ---- The log ---- */

static const char indent[] = "    ", bar[] = "    | ";

static void print_detail(const char *label, const char *text) {
    if (!text || !*text) return;
    printf("%s%s", indent, label);
    print_clean(text);
    putchar('\n');
}

/* What was written, all of it where that is wanted, else the last lines. */
static void print_output(const report *r, const char *label, const char *text, size_t lines) {
    if (!text || !*text || (!lines && !r->verbose)) return;
    printf("%s%s%s%s\n", indent, cli_colour("2"), label, cli_colour("0"));
    print_tail(bar, text, r->verbose ? SIZE_MAX : lines);
}

static void print_missing(baton_value entry) {
    baton_value missing = baton_value_get(entry, "missing");
    size_t count = baton_value_size(missing);
    double wanted = number_of(entry, "declared") - number_of(entry, "present");
    buffer b = {0};
    for (size_t i = 0; i < count; i++) {
        baton_value one = baton_value_at(missing, i);
        buffer_printf(&b, "%s%s", i ? ", " : "", baton_value_as_text(one));
        value_unref(one);
    }
    if (wanted > (double)count) buffer_printf(&b, " and %.0f more", wanted - (double)count);
    if (count) print_detail("not as declared: ", buffer_text(&b));
    buffer_done(&b);
    value_unref(missing);
}

static void print_verdict(const char *verdict) {
    static const struct {
        const char *verdict, *colour, *words;
    } known[] = {{"confirmed", "32", "done, as it says"},
                 {"inferred", "32", "done, as it looks"},
                 {"ask", "33", "not done as far as it says; it is asked to go on"},
                 {"failed", "31", "failed"},
                 {"limited", "33", "stopped by a rate limit; it is run again later"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].verdict, verdict) == 0) {
            print_colour(known[i].colour, known[i].words);
            return;
        }
    print_clean(verdict);
}

/* Where a message is all that is wanted, that of an agent that is done is the result. */
static bool is_result(const report *r, const char *verdict) {
    baton_value rules = baton_value_get(r->work, "rules");
    bool is = verdict && text_is(rules, "expects", "message") &&
              (strcmp(verdict, "confirmed") == 0 || strcmp(verdict, "inferred") == 0);
    value_unref(rules);
    return is;
}

/* One run of the agent. */
static void print_run(const report *r, baton_value entry) {
    const char *verdict = value_get_text(entry, "verdict"), *reason = value_get_text(entry, "reason"),
               *sentence = value_get_text(entry, "sentence"), *message = value_get_text(entry, "message"),
               *error = value_get_text(entry, "stderr");
    double asked = number_of(entry, "asked");
    baton_value code = baton_value_get(entry, "code"), changes = baton_value_get(entry, "changes");
    bool failed = verdict && strcmp(verdict, "failed") == 0;
    size_t lines = is_result(r, verdict) ? SIZE_MAX : failed && !(error && *error) ? AGENT_LINES : 0;
    printf("agent, attempt %.0f", number_of(entry, "attempt"));
    if (asked == 1) printf(", asked once more");
    if (asked > 1) printf(", asked %.0f times more", asked);
    printf(": ");
    print_verdict(verdict ? verdict : "?");
    printf(" (");
    print_duration(number_of(entry, "duration_ms"));
    if (baton_value_kind(code) == BATON_KIND_NUMBER) printf(", code %.0f", baton_value_as_number(code));
    puts(")");
    print_detail("", reason);
    if (sentence && (!reason || !strstr(reason, sentence))) print_detail("it says: ", sentence);
    print_missing(entry);
    buffer b = {0};
    if (put_changes(&b, changes)) print_detail("changes: ", buffer_text(&b));
    buffer_done(&b);
    print_output(r, "its last message:", message, lines);
    print_output(r, "its stderr:", error, failed ? AGENT_LINES : 0);
    value_unref(changes);
    value_unref(code);
}

static void print_verification(const report *r, baton_value entry) {
    const char *command = value_get_text(entry, "command"), *reason = value_get_text(entry, "reason");
    bool passed = flag_of(entry, "passed");
    putchar('\'');
    print_clean(command ? command : "?");
    printf("' ");
    print_colour(passed ? "32" : "31", passed ? "passed" : "failed");
    if (reason) {
        printf(": it ");
        print_clean(reason);
    }
    printf(" (");
    print_duration(number_of(entry, "duration_ms"));
    puts(")");
    print_output(r, "its stdout:", value_get_text(entry, "stdout"), passed ? 0 : OUTPUT_LINES);
    print_output(r, "its stderr:", value_get_text(entry, "stderr"), passed ? 0 : OUTPUT_LINES);
}

static void print_preparation(baton_value entry) {
    const char *branch = value_get_text(entry, "branch"), *directory = value_get_text(entry, "directory"),
               *from = value_get_text(entry, "base_commit");
    printf("prepared: ");
    if (branch) {
        printf("branch ");
        print_clean(branch);
        if (from) printf(" from %.10s", from);
    } else {
        printf("in ");
        print_clean(directory ? directory : "?");
    }
    putchar('\n');
}

static void print_approval(baton_value entry) {
    bool begin = text_is(entry, "gate", "begin"), again = flag_of(entry, "again");
    const char *note = value_get_text(entry, "note");
    print_colour(again ? "33" : "32", again ? "sent back" : begin ? "begin approved" : "result accepted");
    if (note) {
        printf(": ");
        print_clean(note);
    }
    putchar('\n');
}

static void print_end(baton_value entry) {
    const char *remote = value_get_text(entry, "pushed_to"), *lost = value_get_text(entry, "not_pushed");
    printf("finished");
    if (lost) {
        printf(", not pushed ");
        print_clean(lost);
    }
    if (remote) {
        printf(", pushed to ");
        print_clean(remote);
    }
    puts(flag_of(entry, "worktree_removed") ? ", its worktree was removed" : ", its worktree stays");
}

static void print_commit(const report *r, baton_value entry) {
    const char *commit = value_get_text(entry, "commit"), *refused = value_get_text(entry, "refused");
    if (refused) print_colour("31", "commit refused: ");
    if (refused)
        print_clean(refused);
    else
        printf("%s %.10s", is_at_base(r, commit) ? "nothing to commit, base" : "commit",
               commit ? commit : "?");
    putchar('\n');
}

static void print_entry(const report *r, baton_value entry) {
    const char *kind = value_get_text(entry, "kind");
    char when[STORAGE_MOMENT];
    if (!kind) kind = "?";
    printf("%s%s%s  ", cli_colour("2"), storage_local(moment_of(entry, "at"), when), cli_colour("0"));
    if (strcmp(kind, "prepare") == 0) {
        print_preparation(entry);
    } else if (strcmp(kind, "work") == 0) {
        print_run(r, entry);
    } else if (strcmp(kind, "verify") == 0) {
        print_verification(r, entry);
    } else if (strcmp(kind, "approval") == 0) {
        print_approval(entry);
    } else if (strcmp(kind, "commit") == 0) {
        print_commit(r, entry);
    } else if (strcmp(kind, "finish") == 0) {
        print_end(entry);
    } else { /* of a later version */
        print_clean(kind);
        putchar('\n');
    }
}

static void print_log(const report *r) {
    baton_value log = baton_value_get(r->work, "log");
    if (baton_value_size(log)) putchar('\n');
    for (size_t i = 0; i < baton_value_size(log); i++) {
        baton_value entry = baton_value_at(log, i);
        print_entry(r, entry);
        value_unref(entry);
    }
    value_unref(log);
}

/* ---- The command ---- */

static void print_report(report *r) {
    snprintf(r->id, sizeof r->id, "%s", value_get_text(r->task, "id"));
    r->status = task_status(r->task);
    r->work = baton_value_get(r->task, "work");
    print_head(r);
    if (baton_value_kind(r->work) == BATON_KIND_OBJECT) {
        print_summary(r);
        print_log(r);
    }
    choose_hints(r);
    print_hints(r);
    for (size_t i = 0; i < r->hint_count; i++) buffer_done(&r->hints[i]);
    value_unref(r->work);
}

/* As it is, but on a terminal. */
static void print_content(baton_value task) {
    baton_value content = baton_value_get(task, "source_content");
    const char *text = baton_value_as_text(content);
    if (text && isatty(STDOUT_FILENO))
        print_tail("", text, SIZE_MAX);
    else if (text)
        fwrite(text, 1, baton_value_size(content), stdout);
    value_unref(content);
}

static int run_task_show(cli_arguments *args) {
    report r = {0};
    bool json = false, content = false;
    colour_mode colour = COLOUR_AUTO;
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        switch (option) {
        case OPTION_STORE: r.st.given = value; break;
        case OPTION_JSON: json = true; break;
        case OPTION_CONTENT: content = true; break;
        case OPTION_VERBOSE: r.verbose = true; break;
        default:
            if (!cli_parse_colour(value, &colour))
                return cli_fail(EXIT_USAGE, "--color is auto, always or never");
        }
    }
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count != 1)
        return cli_fail(EXIT_USAGE, "task show needs one task; see 'baton help task show'");
    if (json && content)
        return cli_fail(EXIT_USAGE,
                        "--json has the document's text, too: write one of --json and --content");
    cli_set_colour(colour, STDOUT_FILENO);
    int code = storage_open(&r.st);
    if (code != EXIT_DONE) return code;
    baton_error *err = NULL;
    r.task = baton_task_service_get(&(baton_task_service){.store = r.st.store}, args->rest[0], &err);
    if (!value_is_valid(r.task))
        code = cli_fail_error(err);
    else if (content)
        print_content(r.task);
    else if (json)
        code = session_print(r.task);
    else
        print_report(&r);
    value_unref(r.task);
    storage_close(&r.st);
    return code;
}

const command command_task_show = {
    .name = "task show",
    .arguments = "TASK",
    .summary = "show a task: what it waits for, what was done, by what evidence",
    .description =
        "Shows a task with its dependencies and settings; then each run of the agent with what it was\n"
        "judged by, each command that verified it with its output, approvals, commits and changes; and "
        "what\n"
        "can be done next. A TASK is an id, its beginning, a title, an alias such as 'Performance 3A.1', "
        "or\n"
        "the document's path.",
    .examples = "  baton task show 3A.1 --verbose\n"
                "  baton task show docs/tasks/login.md --json | jq .work.log\n"
                "  baton task show 3A.1 --content",
    .options = options,
    .run = run_task_show};
