/* task.work: one run of the agent, and what it is judged by. The prompt says what is to be done, or why it
 * is run once more; the agent's last message, its exit code, what changed and which of the declared files
 * are there decide what comes next (judgement.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "engine/engine.h"
#include "engine/step_process.h"
#include "service/agent/judgement.h"
#include "service/agent/prompt.h"
#include "service/git/git.h"
#include "service/orchestrator/work.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OUTPUT_TAIL = 1 << 20, /* of what the agent writes, for its last message */
};

typedef struct agent_run {
    baton_orchestrator *o;
    baton_value work;
    baton_value metadata; /* of the task's document */
    char *prompt;
    char
        *own_words; /* the prompt without what the agent itself wrote before, which it may well say again */
    char *prompt_file; /* NULL: none */
    int64_t started_ns;
} agent_run;

static void release(void *data) {
    agent_run *run = data;
    if (run->prompt_file) unlink(run->prompt_file);
    value_unref(run->work);
    value_unref(run->metadata);
    free(run->prompt_file);
    free(run->prompt);
    free(run->own_words);
    free(run);
}

/* ---- Before ---- */

static char *write_prompt(const agent_run *run, const char *content, bool in_session, const char *failure) {
    baton_value work = run->work, keywords = task_member(work, "settings", "confirmation_keywords");
    baton_value files = baton_value_get(run->metadata, "files"), commands = work_commands(work);
    baton_value guidance = task_member(work, "rules", "guidance");
    bool expects = work_rule_is(work, "expects", "message");
    buffer b = {0};
    /* Also the first attempt has a failure when a person sent the task back. */
    bool again = value_get_text(work, "failure") && !work_number(work, "asked");
    prompt_write(&b, &(prompt_request){.kind = work_number(work, "asked") ? PROMPT_CONFIRM
                                               : again                    ? PROMPT_AGAIN
                                                                          : PROMPT_FIRST,
                                       .in_session = in_session,
                                       .title = value_get_text(work, "title"),
                                       .content = content,
                                       .guidance = baton_value_as_text(guidance),
                                       .message_only = expects,
                                       .directory = value_get_text(work, "directory"),
                                       .branch = value_get_text(work, "branch"),
                                       .keywords = keywords,
                                       .files = files,
                                       .verify = commands,
                                       .failure = failure,
                                       .attempt = work_number(work, "attempt"),
                                       .attempts = work_setting_number(work, "max_attempts")});
    value_unref(guidance);
    value_unref(commands);
    value_unref(files);
    value_unref(keywords);
    return buffer_take(&b);
}

/* The session that the agent goes on with; NULL: a new one. A task that needs no chat of its own goes on
 * with that of the task before it. */
static const char *session_of(const agent_run *run) {
    if (!agent_can_resume(&run->o->agent)) return NULL;
    return value_get_text(run->work, "session");
}

static int write_prompt_file(agent_run *run, const char *key, baton_error **err) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/prompt-%.8s-%s.md", run->o->worktrees,
             value_get_text(run->work, "task"), strrchr(key, '/') + 1);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t size = strlen(run->prompt);
    bool written = fd >= 0 && write(fd, run->prompt, size) == (ssize_t)size;
    int reason = errno;
    if (fd >= 0) close(fd);
    if (!written)
        return baton_error_set(err, BATON_ERROR_SYSTEM, "the prompt cannot be written to %s: %s", path,
                               strerror(reason));
    run->prompt_file = strdup(path);
    return run->prompt_file ? 0 : error_memory(err);
}

/* What is to be run. Given. */
static baton_value spec_of(const agent_run *run) {
    const agent_settings *agent = &run->o->agent;
    baton_value argv = agent_argv(agent, session_of(run), run->prompt, run->prompt_file);
    baton_value spec = baton_value_set(baton_value_object(), "argv", argv);
    baton_value environment =
        value_is_valid(agent->environment) ? value_ref(agent->environment) : baton_value_object();
    char attempt[16];
    snprintf(attempt, sizeof attempt, "%d", work_number(run->work, "attempt"));
    environment = value_set_text(environment, "BATON_TASK_ID", value_get_text(run->work, "task"));
    environment = value_set_text(environment, "BATON_TASK_TITLE", value_get_text(run->work, "title"));
    environment = value_set_text(environment, "BATON_ATTEMPT", attempt);
    spec = baton_value_set(spec, "environment", environment);
    if (agent->prompt == AGENT_PROMPT_STDIN) spec = value_set_text(spec, "stdin", run->prompt);
    return value_set_text(spec, "return", "all");
}

/* ---- Afterwards ---- */

static bool is_there(const char *directory, const char *path) {
    char whole[PATH_MAX];
    return snprintf(whole, sizeof whole, "%s/%s", directory, path) < (int)sizeof whole &&
           access(whole, F_OK) == 0;
}

static bool has_changed(baton_value changes, const char *path) {
    baton_value paths = baton_value_get(changes, "paths");
    size_t count = baton_value_size(paths);
    bool found = !value_is_valid(paths) || count == GIT_PATHS_MOST;
    for (size_t i = 0; i < count && !found; i++) {
        baton_value one = baton_value_at(paths, i);
        found = strcmp(value_get_text(one, "path"), path) == 0;
        value_unref(one);
    }
    value_unref(paths);
    return found;
}

static bool is_as_declared(const char *directory, const char *how, const char *path, baton_value changes) {
    bool there = is_there(directory, path);
    if (strcmp(how, "delete") == 0) return !there;
    return there && (strcmp(how, "create") == 0 || has_changed(changes, path));
}

/* Counts the files that the document declares, and gives the first ones that are not as it wants. */
static baton_value look_at_declared(const agent_run *run, baton_value changes, evidence *e) {
    enum { MISSING_TOLD = 20 };
    static const char *const hows[] = {"create", "modify", "delete"};
    const char *directory = value_get_text(run->work, "directory");
    baton_value missing = baton_value_array(), files = baton_value_get(run->metadata, "files");
    for (int h = 0; h < 3; h++) {
        baton_value list = baton_value_get(files, hows[h]);
        for (size_t i = 0; i < baton_value_size(list); i++) {
            baton_value one = baton_value_at(list, i), outside = baton_value_get(one, "outside");
            const char *path = value_get_text(one, "path");
            bool counts = path && !baton_value_is_true(outside);
            bool fits = counts && is_as_declared(directory, hows[h], path, changes);
            e->declared += counts;
            e->present += fits;
            if (counts && !fits && baton_value_size(missing) < MISSING_TOLD)
                missing = baton_value_append(missing, baton_value_string(path));
            value_unref(outside);
            value_unref(one);
        }
        value_unref(list);
    }
    value_unref(files);
    return missing;
}

/* What differs from the begin; given; null where nobody can tell. */
static baton_value look_at_changes(const agent_run *run, evidence *e) {
    const char *directory = value_get_text(run->work, "directory");
    const char *base = value_get_text(run->work, "base_commit"),
               *before = value_get_text(run->work, "fingerprint");
    e->changed = -1;
    if (!base) return baton_value_null();
    baton_value changes = git_changes(directory, base, NULL);
    if (!value_is_valid(changes)) return baton_value_null();
    baton_value files = baton_value_get(changes, "files");
    e->changed = (long)baton_value_as_number(files);
    value_unref(files);
    /* In a tree that was not clean, what was there before is not the agent's; nor is what was sent back its
     * answer. */
    const char *sent_back = value_get_text(run->work, "change_from");
    if (value_get_text(run->work, "branch")) before = NULL;
    if (!before && !sent_back) return changes;
    char *now = git_fingerprint(directory, NULL);
    e->still_sent_back = now && sent_back && strcmp(now, sent_back) == 0;
    if (e->still_sent_back || (now && before && strcmp(now, before) == 0)) e->changed = 0;
    free(now);
    return changes;
}

/* "PT30S" */
static baton_value pause_of(const agent_run *run, int64_t asked_ms, int waits) {
    enum { MOST_MS = 30 * 60 * 1000 };
    int64_t ms = run->o->agent.rate_limit_delay_ms ? run->o->agent.rate_limit_delay_ms : 60000;
    for (int i = 0; i < waits && ms < MOST_MS; i++) ms *= 2;
    if (ms > MOST_MS) ms = MOST_MS;
    if (asked_ms) ms = asked_ms;
    char text[32];
    snprintf(text, sizeof text, "PT%lld.%03lldS", (long long)(ms / 1000), (long long)(ms % 1000));
    return baton_value_string(text);
}

/* Takes the work. */
static baton_value wait_for_limit(const agent_run *run, baton_value work, int64_t asked_ms) {
    int waits = work_number(work, "waits"),
        most = run->o->agent.rate_limit_most ? run->o->agent.rate_limit_most : 20;
    if (waits >= most) {
        work = value_set_text(work, "failed", "the agent met a rate limit too often");
        return work_next(work, "finish");
    }
    work = baton_value_set(work, "pause", pause_of(run, asked_ms, waits));
    return work_next(value_set_number(work, "waits", waits + 1), "pause");
}

static baton_value act_on(const agent_run *run, baton_value work, verdict v, const char *reason,
                          const agent_output *said, const char *error) {
    baton_value commands = work_commands(work);
    bool verifies = baton_value_size(commands) > 0;
    value_unref(commands);
    switch (v) {
    case VERDICT_LIMITED: return wait_for_limit(run, work, said->retry_after_ms);
    case VERDICT_UNRUNNABLE:
        work = baton_value_set(work, "unrunnable", baton_value_boolean(true));
        return work_next(value_set_text(work, "failed", reason), "finish");
    case VERDICT_FAILED: return work_fail_attempt(work, reason, *error ? error : said->message);
    case VERDICT_ASK:
        work = value_set_number(work, "asked", work_number(work, "asked") + 1);
        return work_next(value_set_text(work, "failure", reason), "work");
    case VERDICT_CONFIRMED:
    case VERDICT_INFERRED: break;
    }
    work = value_set_number(work, "verifying", 0);
    return work_next(work, verifies ? "verify" : "commit");
}

static baton_value entry_of(const agent_run *run, const evidence *e, verdict v, const char *reason) {
    baton_value entry = value_set_text(baton_value_object(), "kind", "work");
    entry = value_set_number(entry, "attempt", work_number(run->work, "attempt"));
    entry = value_set_number(entry, "asked", work_number(run->work, "asked"));
    entry = value_set_text(entry, "verdict", verdict_name(v));
    entry = value_set_text(entry, "reason", reason);
    entry = value_set_number(entry, "duration_ms",
                             (double)((clock_monotonic_ns() - run->started_ns) / 1000000));
    if (!e->fault) entry = value_set_number(entry, "code", e->code);
    if (e->ended) entry = value_set_text(entry, "ended", e->ended);
    if (*e->said.keyword) entry = value_set_text(entry, "keyword", e->said.keyword);
    if (*e->said.sentence) entry = value_set_text(entry, "sentence", e->said.sentence);
    if (e->declared) entry = value_set_number(entry, "declared", (double)e->declared);
    if (e->declared) entry = value_set_number(entry, "present", (double)e->present);
    return entry;
}

static baton_value without_paths(baton_value changes) {
    return baton_value_kind(changes) == BATON_KIND_OBJECT ? baton_value_remove(value_ref(changes), "paths")
                                                          : value_ref(changes);
}

static baton_value judge_run(const agent_run *run, baton_value outcome, const agent_output *said,
                             const char *error) {
    baton_value work = value_ref(run->work), fault = baton_value_get(outcome, "fault"),
                code = baton_value_get(outcome, "code");
    baton_value keywords = task_member(work, "settings", "confirmation_keywords");
    evidence e = {.fault = value_is_valid(fault) ? value_get_text(fault, "detail") : NULL,
                  .code = (int)baton_value_as_number(code),
                  .ended = value_get_text(outcome, "ended"),
                  .error = error,
                  .rate_limited = said->rate_limited,
                  .says_error = said->error,
                  .said = confirmation_find(said->message, run->own_words, keywords),
                  .has_message = *said->message};
    baton_value changes = look_at_changes(run, &e), missing = look_at_declared(run, changes, &e);
    const judgement_rules rules = {.confirmation_required =
                                       work_setting_flag(work, "confirmation_required"),
                                   .fallback_detection = work_setting_flag(work, "fallback_detection"),
                                   .expects_message = work_rule_is(work, "expects", "message"),
                                   .asked = work_number(work, "asked"),
                                   .most_asked = work_setting_number(work, "max_confirmation_attempts")};
    char reason[JUDGEMENT_REASON];
    verdict v = judge(&e, &rules, reason);
    baton_value entry = entry_of(run, &e, v, reason);
    if (baton_value_size(missing)) entry = baton_value_set(entry, "missing", value_ref(missing));
    entry = baton_value_set(entry, "changes", without_paths(changes));
    entry = value_set_text(entry, "message", work_tail(said->message));
    if (*error) entry = value_set_text(entry, "stderr", work_tail(error));
    if (said->session) {
        work = value_set_text(work, "session", said->session);
        work = baton_value_set(work, "session_own", baton_value_boolean(true));
    }
    work = baton_value_set(work, "changes", value_ref(changes));
    work = act_on(run, work_log(work, entry), v, reason, said, error);
    value_unref(missing);
    value_unref(changes);
    value_unref(keywords);
    value_unref(code);
    value_unref(fault);
    return work;
}

static int finish(void *data, baton_value outcome, baton_value *output, baton_error **err) {
    agent_run *run = data;
    baton_value code = baton_value_get(outcome, "code");
    char *out = work_output(outcome, "stdout"), *error = work_output(outcome, "stderr");
    agent_output said = {0};
    int result = -1;
    if (out && error)
        result = agent_read_output(&run->o->agent, (int)baton_value_as_number(code), out, error,
                                   clock_wall_ms(), &said);
    baton_value work = result == 0 ? judge_run(run, outcome, &said, error) : VALUE_INVALID;
    value_unref(code);
    free(out);
    free(error);
    agent_output_done(&said);
    if (result != 0) return error_memory(err);
    result = work_save(run->o, work, NULL, err);
    if (result == 0)
        *output = work;
    else
        value_unref(work);
    return result;
}

/* ---- The step ---- */

/* Reads the task's document and writes the prompt. */
static int make_prompt(agent_run *run, const char *key, baton_error **err) {
    baton_orchestrator *o = run->o;
    if (!value_is_valid(o->agent.command))
        return baton_error_set(err, BATON_ERROR_USAGE,
                               "there is no agent: say --agent COMMAND, or configure one");
    baton_value task = task_service_by_id(o->service, value_get_text(run->work, "task"), true, err);
    if (!value_is_valid(task)) return -1;
    if (work_check_current(run->work, task, err) != 0) {
        value_unref(task);
        return -1;
    }
    run->metadata = baton_value_get(task, "metadata");
    const char *content = value_get_text(task, "source_content");
    baton_value familiar = baton_value_get(run->work, "session_own");
    bool in_session = session_of(run) && baton_value_is_true(familiar);
    run->prompt =
        write_prompt(run, content ? content : "", in_session, value_get_text(run->work, "failure"));
    run->own_words = write_prompt(run, content ? content : "", in_session, NULL);
    value_unref(familiar);
    value_unref(task);
    if (!run->prompt || !run->own_words) return error_memory(err);
    if (o->agent.prompt == AGENT_PROMPT_ARGUMENT && strlen(run->prompt) >= AGENT_ARGUMENT_BYTES)
        return baton_error_set(
            err, BATON_ERROR_LIMIT,
            "the prompt is longer than an argument may be (%d bytes): have it given by stdin "
            "or as a file",
            AGENT_ARGUMENT_BYTES);
    return o->agent.prompt == AGENT_PROMPT_FILE ? write_prompt_file(run, key, err) : 0;
}

int work_agent(baton_step_call *call, baton_error **err) {
    baton_value work = work_input(call, true, err);
    if (!value_is_valid(work)) return -1;
    agent_run *run = calloc(1, sizeof *run);
    if (!run) {
        value_unref(work);
        return error_memory(err);
    }
    run->o = baton_step_call_data(call);
    run->work = work;
    run->started_ns = clock_monotonic_ns();
    if (make_prompt(run, baton_step_call_key(call), err) != 0) {
        release(run);
        return -1;
    }
    baton_value spec = spec_of(run);
    const step_process process = {
        .request = {.spec = spec,
                    .directory = value_get_text(run->work, "directory"),
                    .timeout_ms = (int64_t)work_setting_number(run->work, "timeout_seconds") * 1000,
                    .idle_ms = run->o->agent.idle_timeout_ms,
                    .output_tail = OUTPUT_TAIL},
        .finish = finish,
        .release = release,
        .data = run};
    int result = step_call_process(call, &process, err);
    value_unref(spec);
    return result;
}
