/* baton why: what an execution waits for, or why it is as it is, and what to do about it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/value.h"
#include "cli/standing.h"
#include "cli/storage.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_LAST, OPTION_STORE, OPTION_JSON };

static const cli_option options[] = {[OPTION_LAST] = STORAGE_OPTION_LAST,
                                     [OPTION_STORE] = STORAGE_OPTION_STORE,
                                     [OPTION_JSON] = {"json", NULL, "prints one JSON object", 0},
                                     {NULL, NULL, NULL, 0}};

enum { LOOK_BACK = 50, STEPS_TOLD = 5, DEPENDENCIES_TOLD = 10 };

typedef struct answer {
    storage st;
    standing at;
    int64_t now_ns;
    buffer text; /* sentences */
    buffer todo; /* what to do, one a line */
    bool built;  /* in C */
    /* From the end of the journal. */
    int64_t suspended_ns, last_ns;
    char retried[512]; /* the last error that was tried again */
} answer;

/* ---- Words ---- */

static void put_span(answer *a, int64_t ns) {
    char when[STORAGE_MOMENT];
    buffer_puts(&a->text, storage_moment(ns, a->now_ns, when));
}

static void put_wake(answer *a, int64_t ns) {
    char at[STORAGE_MOMENT], when[STORAGE_MOMENT];
    buffer_printf(&a->text, "%s (%s)", storage_local(ns, at), storage_moment(ns, a->now_ns, when));
}

static void put_step(answer *a, const char *reference) {
    buffer_puts(&a->text, "step '");
    storage_put_step_name(&a->text, reference);
    buffer_puts(&a->text, "'");
}

static void put_clean(answer *a, const char *text) { cli_put_clean(&a->text, text); }

/* A line of what to do: "baton COMMAND ID REST". */
static void advise(answer *a, const char *command, const char *rest, const char *effect) {
    storage_put_command(&a->st, &a->todo, command, a->st.x.id);
    buffer_printf(&a->todo, "%s\t%s\n", rest, effect);
}

/* ---- Where it stands ---- */

static void put_error_of(answer *a, const stand *s) {
    const char *title = value_get_text(s->error, "title"), *detail = value_get_text(s->error, "detail");
    if (title || detail) {
        buffer_puts(&a->text, " (");
        put_clean(a, title ? title : "");
        if (title && detail) buffer_puts(&a->text, ": ");
        put_clean(a, detail ? detail : "");
        buffer_putc(&a->text, ')');
    } else if (*a->retried) {
        buffer_puts(&a->text, " (");
        put_clean(a, a->retried);
        buffer_putc(&a->text, ')');
    }
}

static void put_stand(answer *a, const stand *s, bool past) {
    buffer *b = &a->text;
    if (b->size) buffer_putc(b, ' ');
    size_t start = b->size;
    switch (s->phase) {
    case FRAME_TIMER:
        put_step(a, s->reference);
        buffer_printf(b, " %s until ", past ? "was waiting" : "waits");
        put_wake(a, s->wake_ns);
        break;
    case FRAME_RETRY:
        put_step(a, s->reference);
        buffer_puts(b, " failed");
        put_error_of(a, s);
        buffer_printf(b, "; retry %u comes at ", s->retries ? s->retries : s->attempt);
        put_wake(a, s->wake_ns);
        break;
    case FRAME_DELIVERY:
        put_step(a, s->reference);
        buffer_puts(b, " waits for a value that its program delivers (baton_engine_deliver)");
        break;
    case FRAME_EFFECT:
        put_step(a, s->reference);
        buffer_printf(b, " %s", past ? "was running; it had begun " : "is running; it began ");
        put_span(a, s->started_ns);
        if (s->attempt > 1) buffer_printf(b, ", and this %s attempt %u", past ? "was" : "is", s->attempt);
        break;
    default: put_step(a, s->reference); buffer_puts(b, past ? " was next" : " is next");
    }
    buffer_putc(b, '.');
    if (!buffer_failed(b) && b->data[start] == 's') b->data[start] = 'S';
}

static void put_standing(answer *a, bool past) {
    for (size_t i = 0; i < a->at.count && i < STEPS_TOLD; i++) put_stand(a, &a->at.stands[i], past);
    if (a->at.total > STEPS_TOLD)
        buffer_printf(&a->text, " %zu more steps are under way beside these.", a->at.total - STEPS_TOLD);
}

static bool waits_for_delivery(const answer *a) {
    for (size_t i = 0; i < a->at.count; i++)
        if (a->at.stands[i].phase == FRAME_DELIVERY) return true;
    return false;
}

/* ---- Who has it ---- */

static void put_hidden_owner(answer *a) {
    buffer_puts(&a->text,
                " Its process belongs to another user or container, so that nobody here can tell whether "
                "it lives.");
    advise(a, "resume", " --take-over", "goes on with it, if you know that its process is dead");
}

static void put_owner(answer *a) {
    const store_execution *x = &a->st.x;
    if (x->owner_hidden)
        put_hidden_owner(a);
    else if (x->owner)
        buffer_printf(&a->text, " Its process, %lld (baton %s), is alive.", (long long)x->owner_pid,
                      x->owner_kind);
}

static void put_request(answer *a) {
    const char *request = a->st.x.request;
    if (request)
        buffer_printf(&a->text, " Its process was asked to %s it, and has not done so yet.", request);
}

/* ---- Each status ---- */

/* How many of what it depends on have not completed; the first of them by name. */
static size_t put_dependencies(answer *a, baton_value ids) {
    size_t missing = 0;
    for (size_t i = 0; i < baton_value_size(ids); i++) {
        baton_value id = baton_value_at(ids, i);
        const char *text = baton_value_as_text(id);
        store_execution x;
        const char *status = "gone";
        if (text && a->st.store->type->find(a->st.store, text, &x, NULL) == 0) status = storage_status(&x);
        if (text && strcmp(status, "completed") != 0 && missing++ < DEPENDENCIES_TOLD) {
            buffer_puts(&a->text, missing > 1 ? ", " : "It waits for what it depends on: ");
            put_clean(a, text);
            if (missing == 1) {
                storage_put_command(&a->st, &a->todo, "why", text);
                buffer_puts(&a->todo, "\ttells what that one waits for\n");
            }
            buffer_printf(&a->text, " (%s)", status);
        }
        value_unref(id);
    }
    if (missing > DEPENDENCIES_TOLD) buffer_printf(&a->text, " and %zu more", missing - DEPENDENCIES_TOLD);
    if (missing) buffer_putc(&a->text, '.');
    return missing;
}

static void answer_pending(answer *a) {
    const store_execution *x = &a->st.x;
    baton_value settings =
        value_parse_stored(x->settings.bytes ? x->settings.bytes : "", x->settings.size, NULL);
    baton_value ids = baton_value_get(settings, "dependencies");
    size_t missing = put_dependencies(a, ids);
    value_unref(ids);
    value_unref(settings);
    if (missing) {
        put_owner(a);
        return;
    }
    if (x->owner) {
        buffer_puts(&a->text, "It is queued, and waits until its process has a free place for it.");
        put_owner(a);
        return;
    }
    if (x->wake_ns != INT64_MAX && x->wake_ns > a->now_ns) {
        buffer_puts(&a->text, "It may begin at ");
        put_wake(a, x->wake_ns);
        buffer_putc(&a->text, '.');
    } else {
        buffer_puts(&a->text, "It is ready, and waits for a worker to take it up.");
    }
    storage_put_command(&a->st, &a->todo, "worker", NULL);
    buffer_puts(&a->todo, "\ttakes up everything that is ready\n");
    advise(a, "resume", "", "runs this one here and now");
}

static void answer_running(answer *a) {
    put_standing(a, false);
    if (!a->at.count) buffer_puts(&a->text, "It is running.");
    put_owner(a);
    advise(a, "logs", " --follow", "shows what it writes");
}

static void answer_interrupted(answer *a) {
    const store_execution *x = &a->st.x;
    buffer_puts(&a->text, "The process that had it");
    if (x->owner_pid) buffer_printf(&a->text, " (%lld, baton %s)", (long long)x->owner_pid, x->owner_kind);
    buffer_puts(&a->text, " has died");
    if (a->last_ns) {
        buffer_puts(&a->text, "; its last sign of life was ");
        put_span(a, a->last_ns);
    }
    buffer_putc(&a->text, '.');
    if (!x->started_ns) buffer_puts(&a->text, " It had not begun.");
    put_standing(a, true);
    if (x->taken_up > 1)
        buffer_printf(&a->text,
                      " It was taken up %u times without a step that ended; after three it is suspended.",
                      x->taken_up);
    if (strcmp(x->strategy, "simple") == 0)
        buffer_puts(&a->text, " Under the strategy 'simple' it begins again from its first step.");
    advise(a, "resume", "", "goes on exactly there");
    advise(a, "cancel", "", "ends it");
}

static void answer_waiting(answer *a) {
    const store_execution *x = &a->st.x;
    put_standing(a, false);
    if (!a->at.count) buffer_puts(&a->text, "It waits.");
    if (a->at.given_back && !x->owner) {
        buffer_puts(&a->text, " A worker that stopped gave it back, and another may go on with it.");
        advise(a, "resume", "", "goes on here and now");
        return;
    }
    bool due = x->wake_ns <= a->now_ns;
    if (x->wake_ns != INT64_MAX && !standing_wakes(&a->at, x->wake_ns)) {
        buffer_puts(&a->text, " A timeout comes at ");
        put_wake(a, x->wake_ns);
        buffer_putc(&a->text, '.');
    }
    if (x->owner)
        put_owner(a);
    else if (due)
        buffer_puts(&a->text, " Its time has come, and nobody is there who would go on with it.");
    else
        buffer_puts(&a->text, " Nobody has it until then: a worker takes it up when its time has come.");
    if (!x->owner && !waits_for_delivery(a))
        advise(a, "resume", "", due ? "goes on here and now" : "waits for it here, and goes on");
}

static void answer_suspended(answer *a) {
    const store_execution *x = &a->st.x;
    buffer_puts(&a->text, "It was suspended");
    if (a->suspended_ns) {
        buffer_putc(&a->text, ' ');
        put_span(a, a->suspended_ns);
    }
    if (x->reason) {
        buffer_puts(&a->text, " by Baton: ");
        put_clean(a, x->reason);
    } else {
        buffer_puts(&a->text, " by somebody (with Ctrl-C, or 'baton suspend')");
    }
    buffer_putc(&a->text, '.');
    put_standing(a, true);
    advise(a, "resume", "", x->reason ? "tries again, when the reason is gone" : "goes on");
    advise(a, "cancel", "", "ends it");
}

static void put_ended(answer *a, const char *how) {
    const store_execution *x = &a->st.x;
    char took[32];
    buffer_printf(&a->text, "It %s ", how);
    put_span(a, x->ended_ns);
    if (x->started_ns)
        buffer_printf(&a->text, ", after %s.", cli_duration(x->ended_ns - x->started_ns, took));
    else
        buffer_puts(&a->text, ", before its first step.");
}

/* It begins with a step at the top, in which the fault arose. */
static void advise_rerun(answer *a, const char *instance) {
    unsigned index;
    int start = 0, size = 0;
    buffer rest = {0};
    if (instance && sscanf(instance, "/do/%u/%n%*[^/]%n", &index, &start, &size) == 1 && size > start) {
        char *reference = strndup(instance, (size_t)size);
        buffer_puts(&rest, " --from '");
        if (reference) storage_put_step_name(&rest, reference);
        buffer_putc(&rest, '\'');
        free(reference);
    }
    advise(a, "rerun", buffer_text(&rest),
           rest.size ? "runs it anew from there, when the cause is gone"
                     : "runs it anew, when the cause is gone");
    buffer_done(&rest);
}

static void answer_faulted(answer *a) {
    baton_value error = storage_value(&a->st, a->st.x.error);
    put_ended(a, "faulted");
    if (value_is_valid(error)) {
        buffer_putc(&a->text, '\n');
        storage_put_fault(&a->st, &a->text, error);
    }
    advise(a, "show", " --data", "shows what went in and came out");
    if (!a->built) advise_rerun(a, value_get_text(error, "instance"));
    value_unref(error);
}

static void answer_cancelled(answer *a) {
    put_ended(a, "was cancelled");
    if (a->st.x.reason) {
        buffer_puts(&a->text, " The reason: ");
        put_clean(a, a->st.x.reason);
        buffer_putc(&a->text, '.');
    }
    if (!a->built) advise(a, "rerun", "", "runs it anew");
}

static void answer_all(answer *a) {
    const store_execution *x = &a->st.x;
    if (x->interrupted) {
        answer_interrupted(a);
    } else {
        switch (x->status) {
        case EXECUTION_PENDING: answer_pending(a); break;
        case EXECUTION_RUNNING: answer_running(a); break;
        case EXECUTION_WAITING: answer_waiting(a); break;
        case EXECUTION_SUSPENDED: answer_suspended(a); break;
        case EXECUTION_COMPLETED: put_ended(a, "completed"); break;
        case EXECUTION_FAULTED: answer_faulted(a); break;
        case EXECUTION_CANCELLED: answer_cancelled(a); break;
        }
    }
    put_request(a);
    if (x->status >= EXECUTION_COMPLETED || !a->built) return;
    buffer_printf(&a->text, " Its workflow is built in C: only the program that has '");
    put_clean(a, x->name);
    buffer_puts(&a->text, "' can go on with it.");
    buffer_clear(&a->todo);
}

/* ---- Reading ---- */

static int read_record(void *data, const store_record *r, int64_t seq, baton_error **err) {
    (void)seq, (void)err;
    answer *a = data;
    a->last_ns = r->time_ns;
    if (r->kind == RECORD_SUSPENDED) a->suspended_ns = r->time_ns;
    if (r->kind != RECORD_STEP_RETRIED) return 0;
    baton_value error = storage_value(&a->st, r->data);
    const char *title = value_get_text(error, "title"), *detail = value_get_text(error, "detail");
    snprintf(a->retried, sizeof a->retried, "%s%s%s", title ? title : "", title && detail ? ": " : "",
             detail ? detail : "");
    value_unref(error);
    return 0;
}

static int read_all(answer *a, baton_error **err) {
    const store_execution *x = &a->st.x;
    uint32_t after = x->number > LOOK_BACK ? x->number - LOOK_BACK : 0;
    store_workflow w;
    if (a->st.store->type->journal(a->st.store, x->id, after, read_record, a, err) != 0 ||
        a->st.store->type->read_workflow(a->st.store, x->workflow, &w, err) != 0)
        return -1;
    a->built = w.built;
    standing_read(&a->at, x->cursor);
    answer_all(a);
    return 0;
}

/* ---- Telling ---- */

static void print_page(const answer *a) {
    const store_execution *x = &a->st.x;
    const char *status = storage_status(x);
    printf("%s%s%s  %s %s  %s%s%s\n\n%s\n", cli_colour("1"), x->id, cli_colour("0"), x->name, x->version,
           cli_colour(storage_status_colour(status)), status, cli_colour("0"), buffer_text(&a->text));
    size_t widest = 0;
    for (const char *at = buffer_text(&a->todo); *at; at = strchr(at, '\n') + 1) {
        size_t size = strcspn(at, "\t");
        if (size > widest) widest = size;
    }
    if (widest) putchar('\n');
    for (const char *at = buffer_text(&a->todo); *at; at = strchr(at, '\n') + 1) {
        size_t size = strcspn(at, "\t");
        printf("  ");
        fwrite(at, 1, size, stdout);
        printf("%*s  %s", (int)(widest - size), "", cli_colour("2"));
        fwrite(at + size + 1, 1, strcspn(at + size + 1, "\n"), stdout);
        printf("%s\n", cli_colour("0"));
    }
}

static void put_steps(buffer *b, const answer *a) {
    static const char *const phases[] = {"held",  "ready", "inside",  "running",
                                         "timer", "retry", "delivery"};
    for (size_t i = 0; i < a->at.count; i++) {
        const stand *s = &a->at.stands[i];
        buffer name = {0};
        storage_put_step_name(&name, s->reference);
        buffer_puts(b, i ? ",{\"name\":" : "{\"name\":");
        value_write_text(b, buffer_text(&name));
        buffer_done(&name);
        buffer_puts(b, ",\"reference\":");
        value_write_text(b, s->reference);
        buffer_printf(b, ",\"phase\":\"%s\",\"attempt\":%u,\"retries\":%u,\"started_at\":",
                      s->phase <= FRAME_DELIVERY ? phases[s->phase] : "held", s->attempt, s->retries);
        storage_put_time(b, s->started_ns);
        buffer_puts(b, ",\"wake_at\":");
        storage_put_time(b, s->wake_ns);
        buffer_putc(b, '}');
    }
}

static int print_json(answer *a, baton_error **err) {
    const store_execution *x = &a->st.x;
    buffer b = {0};
    buffer_puts(&b, "{\"id\":");
    value_write_text(&b, x->id);
    buffer_printf(&b, ",\"status\":\"%s\",\"why\":", storage_status(x));
    value_write_text(&b, buffer_text(&a->text));
    buffer_puts(&b, ",\"commands\":[");
    for (const char *at = buffer_text(&a->todo), *start = at; *at; at = strchr(at, '\n') + 1) {
        char *command = strndup(at, strcspn(at, "\t"));
        buffer_puts(&b, at == start ? "" : ",");
        value_write_text(&b, command);
        free(command);
    }
    buffer_puts(&b, "],\"steps\":[");
    put_steps(&b, a);
    buffer_puts(&b, "],\"reason\":");
    value_write_text(&b, x->reason);
    buffer_puts(&b, ",\"error\":");
    int result = storage_put_text(&a->st, &b, x->error, err);
    buffer_puts(&b, "}\n");
    if (result == 0) result = storage_flush(&b, err);
    buffer_done(&b);
    return result;
}

static int run_why(cli_arguments *args) {
    answer a = {.now_ns = storage_now_ns()};
    bool last = false, json = false;
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        switch (option) {
        case OPTION_LAST: last = true; break;
        case OPTION_STORE: a.st.given = value; break;
        default: json = true;
        }
    }
    if (option < -1) return EXIT_USAGE;
    cli_set_colour(COLOUR_AUTO, STDOUT_FILENO);
    int code = storage_open_execution(&a.st, args, last);
    if (code != EXIT_DONE) return code;
    baton_error *err = NULL;
    int result = read_all(&a, &err);
    if (result == 0 && json)
        result = print_json(&a, &err);
    else if (result == 0)
        print_page(&a);
    standing_done(&a.at);
    buffer_done(&a.text);
    buffer_done(&a.todo);
    storage_close(&a.st);
    return result == 0 ? EXIT_DONE : cli_fail_error(err);
}

const command command_why = {
    .name = "why",
    .arguments = "ID",
    .summary = "tell what an execution waits for, or why it ended, and what to do",
    .description =
        "Tells in plain words what an execution waits for (a time, a retry, a delivery, a worker, what it\n"
        "depends on), that its process died and where, or why it faulted and in which line; and which "
        "commands\n"
        "help.",
    .examples = "  baton why last\n"
                "  baton why exec_1764000000000_k3v9x2m1q --json | jq -r .why",
    .options = options,
    .run = run_why};
