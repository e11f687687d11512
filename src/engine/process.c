/* See process.h. The states of a process, and what moves it on:
 *
 *   REFUSED    could not be started: the timer gives its fault to done
 *   RUNNING    exit: on_exit gives its outcome to done. Past a limit of its request (the timer and what
 *              reads its output look at them) it becomes ENDING
 *   ENDING     got TERM. The timer looks after it: KILL when its group is dead or the delay is over; its
 *              outcome to done when nothing of it is left. What it writes counts.
 *   DETACHED   runs on its own: the timer calls done, on_exit reaps it
 *   CANCELLED  got TERM. The timer: KILL when the delay is over. What it writes is read and dropped: it
 *              may want to say something on its way out.
 *
 * The leader of what is ENDING or CANCELLED is not reaped before KILL was sent to the group, so that the
 * group's number cannot become another's meanwhile.
 *
 * Every process is in its runner's list until dispose(), which closes what it holds; its memory is freed
 * when the loop has closed its last handle.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/process.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "engine/guardian.h"
#include "engine/leftover.h"
#include "engine/sigpipe.h"
#include "engine/spawn.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SCRATCH_BYTES = 64 << 10, END_MS = 900, LAST_MS = 100, PAUSE_MS = 2 };

enum { LOOK_MS = 20 }; /* how often one that is ENDING is looked at */

struct process_runner {
    uv_loop_t *loop;
    struct guardian *guardian;
    struct process *processes;
    uint64_t kill_ms;
    int null; /* /dev/null */
    char scratch[SCRATCH_BYTES];
};

enum state { REFUSED, RUNNING, ENDING, DETACHED, CANCELLED };
enum wanted { WANT_STDOUT, WANT_STDERR, WANT_CODE, WANT_ALL, WANT_NONE };

static const char exit_unknown[] = "its exit code is not known: this program ignores SIGCHLD or waits for "
                                   "processes that it did not start";

/* One pipe of a process, seen from here. Of stdout and stderr the writer's end is kept open too: so they do
 * not end before they are closed here, and the loop does not wake for that just before each exit. */
struct stream {
    uv_poll_t poll;
    int descriptor; /* -1: not open */
    int writer;     /* -1: not open */
    int number;     /* 0 stdin, 1 stdout, 2 stderr */
    size_t total;   /* bytes read or written so far */
    size_t keep;    /* how many of the last bytes to keep */
    buffer bytes;
};

struct process {
    struct process_runner *runner;
    struct process *next, **link;
    effect_done done;
    process_output output;
    void *data;
    enum state state;
    enum wanted wanted;
    bool exited, killed;       /* not of RUNNING */
    size_t tail;               /* how many of the last bytes to keep; 0: all, and too many are a fault */
    const char *ended;         /* ENDING: past which limit */
    int64_t end_ns, idle_ns;   /* its limits; 0: none */
    int64_t heard_ns, kill_ns; /* its last output; when KILL is due, and after it giving up */
    pid_t pid;                 /* and its group; 0: none */
    int pidfd;
    atomic_int *slot; /* in the guardian's table; NULL when DETACHED */
    uv_poll_t exit;
    uv_timer_t timer;
    struct stream streams[3];
    baton_value input; /* for stdin */
    baton_value fault;
    unsigned handles; /* not yet closed by the loop */
    char key[LIMIT_ID_BYTES + 16];
};

/* The group, and what left it with the step's key in its environment. */
static void signal_all(const struct process *p, int number) {
    kill(-p->pid, number);
    if (*p->key) leftover_signal(p->key, p->pid, number);
}

static bool is_zombie(pid_t pid) {
    char path[32], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    text[size > 0 ? size : 0] = '\0';
    const char *name_end = strrchr(text, ')');
    return name_end && (name_end[2] == 'Z' || name_end[2] == 'X');
}

/* Whether anything of a group lives. What is dead and not reaped does not: nobody may ever do that. */
static bool group_lives(pid_t group) {
    DIR *folder = opendir("/proc");
    if (!folder) return true; /* nobody can tell */
    bool lives = false;
    for (struct dirent *entry; !lives && (entry = readdir(folder));) {
        pid_t pid = atoi(entry->d_name);
        lives = pid > 0 && getpgid(pid) == group && !is_zombie(pid);
    }
    closedir(folder);
    return lives;
}

/* ---- Handles and ends ---- */

static void on_closed(uv_handle_t *handle) {
    struct process *p = handle->data;
    if (--p->handles > 0) return;
    for (int i = 0; i < 3; i++) buffer_done(&p->streams[i].bytes);
    baton_value_unref(p->input);
    baton_value_unref(p->fault);
    free(p);
}

static void close_descriptor(int *descriptor) {
    if (*descriptor >= 0) close(*descriptor);
    *descriptor = -1;
}

static void close_poll(uv_poll_t *poll, int *descriptor) {
    if (*descriptor < 0) return;
    if (poll->type == UV_POLL) uv_close((uv_handle_t *)poll, on_closed);
    close_descriptor(descriptor);
}

static void close_stream(struct stream *s) {
    close_poll(&s->poll, &s->descriptor);
    close_descriptor(&s->writer);
}

static void close_streams(struct process *p) {
    for (int i = 0; i < 3; i++) close_stream(&p->streams[i]);
}

/* 0, or an errno. */
static int open_poll(struct process *p, uv_poll_t *poll, int descriptor, int events, uv_poll_cb callback) {
    int code = uv_poll_init(p->runner->loop, poll, descriptor);
    if (code != 0) {
        poll->type = UV_UNKNOWN_HANDLE;
        return -code;
    }
    poll->data = p;
    p->handles++;
    return -uv_poll_start(poll, events, callback);
}

/* The guardian must let go of a group before its number is free for others. */
static void release_slot(struct process *p) {
    if (p->slot) atomic_store_explicit(p->slot, 0, memory_order_relaxed);
    p->slot = NULL;
}

/* Takes the process out of its runner and closes all that it holds, but leaves the group alone. */
static void dispose(struct process *p) {
    if (p->next) p->next->link = p->link;
    *p->link = p->next;
    close_streams(p);
    close_poll(&p->exit, &p->pidfd);
    release_slot(p);
    uv_close((uv_handle_t *)&p->timer, on_closed);
}

static void finish(struct process *p, effect_outcome outcome) {
    effect_done done = p->done;
    void *data = p->data;
    dispose(p);
    done(data, outcome);
}

/* The exit code of a process that has exited, 128 + n after signal n; -1 when somebody else in this
 * program took it. */
static int reap(struct process *p) {
    int status, result;
    release_slot(p);
    do result = waitpid(p->pid, &status, 0);
    while (result == -1 && errno == EINTR);
    if (result == -1) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void on_timer(uv_timer_t *timer);

static void wake_at(struct process *p, int64_t moment_ns) {
    int64_t left_ns = moment_ns - clock_monotonic_ns();
    uv_update_time(p->runner->loop);
    uv_timer_start(&p->timer, on_timer, left_ns > 0 ? (uint64_t)(left_ns + 999999) / 1000000 : 0, 0);
}

/* Asks the group to end. */
static void send_term(struct process *p) {
    signal_all(p, SIGTERM);
    p->kill_ns = clock_monotonic_ns() + (int64_t)p->runner->kill_ms * 1000000;
    close_stream(&p->streams[0]);
}

static void end_process(struct process *p, const char *why) {
    send_term(p);
    p->state = ENDING;
    p->ended = why;
    wake_at(p, clock_monotonic_ns() + INT64_C(1000000) * LOOK_MS);
}

/* ---- Streams ---- */

static void keep_bytes(struct stream *s, const char *bytes, size_t size) {
    if (s->keep == 0) return;
    buffer *b = &s->bytes;
    buffer_append(b, bytes, size);
    if (s->keep == SIZE_MAX || b->size <= s->keep + SCRATCH_BYTES) return;
    memmove(b->data, b->data + b->size - s->keep, s->keep + 1);
    b->size = s->keep;
}

static void overflow(struct process *p, const struct stream *s) {
    kill(-p->pid, SIGKILL);
    close_streams(p);
    value_assign(&p->fault,
                 effect_fault("runtime", 500, "process output too large", "more than %u bytes on %s",
                              LIMIT_PROCESS_OUTPUT, s->number == 1 ? "stdout" : "stderr"));
}

/* Reads at most `most` bytes of what the process wrote. Gives what read() gave. */
static ssize_t read_stream(struct process *p, struct stream *s, size_t most) {
    char *bytes = p->runner->scratch;
    ssize_t size = read(s->descriptor, bytes, most < SCRATCH_BYTES ? most : SCRATCH_BYTES);
    if (size <= 0 || p->state == CANCELLED) return size;
    size_t told = s->total < LIMIT_PROCESS_OUTPUT ? LIMIT_PROCESS_OUTPUT - s->total : 0;
    if (told > (size_t)size) told = (size_t)size;
    s->total += (size_t)size;
    p->heard_ns = clock_monotonic_ns();
    bool over = s->total > LIMIT_PROCESS_OUTPUT;
    if (over && !p->tail) {
        overflow(p, s);
        return -1;
    }
    keep_bytes(s, bytes, (size_t)size);
    if (p->output && told) p->output(p->data, s->number, bytes, told);
    if (over && p->state == RUNNING) end_process(p, "output");
    return size;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    (void)events;
    struct stream *s = (struct stream *)poll;
    ssize_t size = status < 0 ? 0 : read_stream(poll->data, s, SIZE_MAX);
    if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR))) return;
    close_stream(s);
}

/* What is in the pipes when the process exits belongs to it; what grandchildren write later does not. */
static void drain_streams(struct process *p) {
    for (int i = 1; i < 3; i++) {
        struct stream *s = &p->streams[i];
        int left = 0;
        if (s->descriptor >= 0) ioctl(s->descriptor, FIONREAD, &left);
        while (left > 0) {
            ssize_t size = read_stream(p, s, (size_t)left);
            if (size <= 0) break;
            left -= (int)size;
        }
    }
}

static void on_writable(uv_poll_t *poll, int status, int events);

/* Writes what the pipe takes of the input and closes it after the end; a process need not read it. */
static void write_input(struct process *p) {
    struct stream *s = &p->streams[0];
    if (s->descriptor < 0) return;
    const char *text = baton_value_as_text(p->input);
    size_t left = baton_value_size(p->input) - s->total;
    sigpipe_hold hold;
    sigpipe_block(&hold);
    ssize_t size = 0;
    while (left > 0 && (size = write(s->descriptor, text + s->total, left)) > 0) {
        s->total += (size_t)size;
        left -= (size_t)size;
    }
    sigpipe_restore(&hold);
    bool wait = left > 0 && (errno == EAGAIN || errno == EINTR);
    if (wait && s->poll.type != UV_POLL)
        wait = open_poll(p, &s->poll, s->descriptor, UV_WRITABLE, on_writable) == 0;
    if (!wait) close_stream(s);
}

static void on_writable(uv_poll_t *poll, int status, int events) {
    (void)events;
    struct stream *s = (struct stream *)poll;
    if (status < 0)
        close_stream(s);
    else
        write_input(poll->data);
}

/* ---- Outcomes ---- */

/* As $( ) has it: without the newlines at its end. Where its begin was cut, it begins with a character. */
static baton_value stream_text(const struct stream *s) {
    const char *text = buffer_text(&s->bytes);
    size_t end = s->bytes.size, start = end > s->keep ? end - s->keep : 0;
    bool cut = s->total > end - start;
    while (cut && start < end && ((unsigned char)text[start] & 0xc0) == 0x80) start++;
    while (end > start && text[end - 1] == '\n') end--;
    return baton_value_string_sized(text + start, end - start);
}

static baton_value exit_fault(const struct process *p, int code) {
    const buffer *b = &p->streams[2].bytes;
    size_t end = b->size, start = 0;
    while (end > 0 && strchr("\r\n", b->data[end - 1])) end--;
    if (end > LIMIT_PROCESS_STDERR_BYTES) {
        start = end - LIMIT_PROCESS_STDERR_BYTES;
        const char *line = memchr(b->data + start, '\n', end - start);
        if (line)
            start = (size_t)(line - b->data) + 1;
        else
            while (start < end && ((unsigned char)b->data[start] & 0xc0) == 0x80) start++;
    }
    return effect_fault("runtime", 500, "process failed", "exit code %d%s%.*s", code, end ? ": " : "",
                        (int)(end - start), buffer_text(b) + start);
}

static effect_outcome make_outcome(struct process *p, int code) {
    effect_outcome outcome = {VALUE_INVALID, VALUE_INVALID};
    const struct stream *out = &p->streams[1], *error = &p->streams[2];
    if (baton_value_is_valid(p->fault)) {
        outcome.fault = p->fault;
        p->fault = VALUE_INVALID;
    } else if (buffer_failed(&out->bytes) || buffer_failed(&error->bytes)) {
        outcome.fault = effect_fault("runtime", 500, "process failed", "no memory for its output");
    } else if (code < 0) {
        outcome.fault = effect_fault("runtime", 500, "process failed", "%s", exit_unknown);
    } else if (p->wanted == WANT_ALL) {
        baton_value all = value_set_number(baton_value_object(), "code", code);
        all = baton_value_set(all, "stdout", stream_text(out));
        all = baton_value_set(all, "stderr", stream_text(error));
        outcome.output = p->ended ? value_set_text(all, "ended", p->ended) : all;
    } else if (p->ended) {
        outcome.fault = effect_fault("runtime", 500, "process ended", "past its limit: %s", p->ended);
    } else if (p->wanted == WANT_CODE) {
        outcome.output = baton_value_number(code);
    } else if (code != 0) {
        outcome.fault = exit_fault(p, code);
    } else {
        outcome.output = p->wanted == WANT_STDOUT   ? stream_text(out)
                         : p->wanted == WANT_STDERR ? stream_text(error)
                                                    : baton_value_null();
    }
    return outcome;
}

static void on_exit_of(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    struct process *p = poll->data;
    if (p->state == RUNNING) drain_streams(p);
    if (p->state == RUNNING) {
        int code = reap(p);
        finish(p, make_outcome(p, code));
        return;
    }
    bool over = p->state == CANCELLED && p->killed;
    if (p->state == DETACHED || over) reap(p);
    p->exited = true;
    if (over || (p->state == DETACHED && !p->done))
        dispose(p);
    else
        close_poll(&p->exit, &p->pidfd);
}

/* ---- Limits ---- */

/* Wakes the timer at the next moment at which a limit may be reached. */
static void watch_limits(struct process *p) {
    int64_t moment_ns = p->end_ns ? p->end_ns : INT64_MAX;
    if (p->idle_ns && p->heard_ns + p->idle_ns < moment_ns) moment_ns = p->heard_ns + p->idle_ns;
    if (moment_ns != INT64_MAX) wake_at(p, moment_ns);
}

/* The loop may have stood still, while the process exited or spoke in time. */
static void look_at_limits(struct process *p) {
    struct pollfd exit = {.fd = p->pidfd, .events = POLLIN};
    if (poll(&exit, 1, 0) == 1) return; /* on_exit comes */
    drain_streams(p);
    if (p->state != RUNNING) return;
    int64_t now_ns = clock_monotonic_ns();
    if (p->end_ns && now_ns >= p->end_ns)
        end_process(p, "timeout");
    else if (p->idle_ns && now_ns - p->heard_ns >= p->idle_ns)
        end_process(p, "idle");
    else
        watch_limits(p);
}

/* Something of it does not even die of KILL: it belongs to another user, or the system holds it. */
static void give_up(struct process *p) {
    effect_done done = p->done;
    void *data = p->data;
    effect_outcome outcome = {.fault =
                                  effect_fault("runtime", 500, "process not ended",
                                               "process %d, or one of its group, does not end", p->pid)};
    process_cancel(p);
    done(data, outcome);
}

/* Its group is dead, and what left the group got KILL. */
static void conclude(struct process *p) {
    const char *key = p->key;
    baton_error *err = NULL;
    drain_streams(p);
    int code = reap(p);
    if (*key && leftover_end(&key, 1, &err) != 0) {
        value_assign(&p->fault, effect_fault("runtime", 500, "process not ended", "%s",
                                             err ? baton_error_message(err) : "no memory"));
        baton_error_free(err);
    }
    finish(p, make_outcome(p, code));
}

static void look_after_end(struct process *p) {
    bool lives = !p->exited || group_lives(p->pid);
    int64_t now_ns = clock_monotonic_ns();
    if (!p->killed && (!lives || now_ns >= p->kill_ns)) {
        signal_all(p, SIGKILL);
        p->killed = true;
        p->kill_ns =
            now_ns + (int64_t)p->runner->kill_ms * 1000000; /* for as long again it is waited for */
    } else if (p->killed && !lives) {
        conclude(p);
        return;
    } else if (p->killed && now_ns >= p->kill_ns) {
        give_up(p);
        return;
    }
    wake_at(p, now_ns + INT64_C(1000000) * LOOK_MS);
}

/* ---- The timer ---- */

static void kill_cancelled(struct process *p) {
    uv_timer_stop(&p->timer);
    signal_all(p, SIGKILL);
    p->killed = true;
    if (!p->exited) return;
    reap(p);
    dispose(p);
}

static void on_timer(uv_timer_t *timer) {
    struct process *p = timer->data;
    effect_done done = p->done;
    void *data = p->data;
    switch (p->state) {
    case REFUSED: finish(p, make_outcome(p, 0)); break;
    case RUNNING: look_at_limits(p); break;
    case ENDING: look_after_end(p); break;
    case DETACHED:
        p->done = NULL;
        if (p->exited) dispose(p);
        if (done) done(data, (effect_outcome){VALUE_INVALID, VALUE_INVALID});
        break;
    case CANCELLED: kill_cancelled(p); break;
    }
}

/* ---- Starting ---- */

/* -1: p->fault says why. */
static int read_spec(struct process *p, baton_value spec) {
    static const char *const names[] = {"stdout", "stderr", "code", "all", "none"};
    const char *name = value_get_text(spec, "return");
    p->wanted = WANT_STDOUT;
    while (name && p->wanted <= WANT_NONE && strcmp(name, names[p->wanted]) != 0) p->wanted++;
    p->input = baton_value_get(spec, "stdin");
    baton_value await = baton_value_get(spec, "await");
    p->state =
        baton_value_kind(await) == BATON_KIND_BOOLEAN && !baton_value_is_true(await) ? DETACHED : RUNNING;
    baton_value_unref(await);
    const char *problem = NULL;
    if (p->wanted > WANT_NONE)
        problem = "'return' is not one of stdout, stderr, code, all and none";
    else if (baton_value_kind(p->input) == BATON_KIND_NULL)
        value_assign(&p->input, VALUE_INVALID);
    else if (baton_value_is_valid(p->input) && !baton_value_as_text(p->input))
        problem = "'stdin' is not a text";
    if (!problem) return 0;
    p->fault = effect_fault("configuration", 400, "process not started", "%s", problem);
    return -1;
}

/* The descriptor itself, or one above 2: the child's must not stand where it puts them. */
static int lift(int descriptor) {
    if (descriptor > 2 || descriptor < 0) return descriptor;
    int lifted = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    close(descriptor);
    return lifted;
}

/* Opens only the pipes that somebody reads: each costs the start a little. 0, or an errno. */
static int open_streams(struct process *p, int child[3]) {
    bool captured = p->state == RUNNING, heard = p->output || p->idle_ns || p->tail;
    p->streams[1].keep = p->wanted == WANT_STDOUT || p->wanted == WANT_ALL ? SIZE_MAX : 0;
    p->streams[2].keep = p->wanted == WANT_STDERR || p->wanted == WANT_ALL ? SIZE_MAX
                         : p->wanted == WANT_CODE                          ? 0
                                                                           : 2 * LIMIT_PROCESS_STDERR_BYTES;
    for (int i = 1; i < 3; i++)
        if (p->tail && p->streams[i].keep > p->tail) p->streams[i].keep = p->tail;
    bool needed[3] = {baton_value_is_valid(p->input), captured && (heard || p->streams[1].keep),
                      captured && (heard || p->streams[2].keep)};
    for (int i = 0; i < 3; i++) {
        if (!needed[i]) continue;
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) return errno;
        p->streams[i].descriptor = ends[i == 0 ? 1 : 0];
        child[i] = lift(ends[i == 0 ? 0 : 1]);
        if (child[i] < 0) return errno;
    }
    if (needed[0]) fcntl(p->streams[0].descriptor, F_SETFL, O_NONBLOCK);
    return 0;
}

/* 0, or an errno. */
static int watch(struct process *p) {
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    if (p->pidfd < 0) return errno;
    int code = open_poll(p, &p->exit, p->pidfd, UV_READABLE, on_exit_of);
    for (int i = 1; i < 3 && code == 0; i++)
        if (p->streams[i].descriptor >= 0)
            code = open_poll(p, &p->streams[i].poll, p->streams[i].descriptor, UV_READABLE, on_readable);
    return code;
}

/* After an error nothing runs. */
static spawn_result launch(struct process *p, const spawn_plan *plan) {
    struct process_runner *r = p->runner;
    int child[3] = {r->null, r->null, r->null};
    spawn_result result = {.error = open_streams(p, child)};
    if (result.error == 0 && p->state == RUNNING && !(p->slot = guardian_slot(r->guardian)))
        result.error = errno;
    if (result.error == 0) result = spawn_start(plan, child, p->slot);
    if (child[0] != r->null) close_descriptor(&child[0]);
    for (int i = 1; i < 3; i++)
        if (child[i] != r->null) p->streams[i].writer = child[i];
    if (result.error != 0) {
        release_slot(p);
        return result;
    }
    p->pid = result.pid;
    result.error = watch(p);
    if (result.error != 0) {
        kill(-p->pid, SIGKILL);
        reap(p);
    }
    return result;
}

/* A further attempt of a step has the key of the one before it, and what goes for that key would hit it. */
static void end_earlier(struct process_runner *r, const char *key) {
    for (struct process *p = r->processes, *next; p; p = next) {
        next = p->next;
        if (p->state == CANCELLED && !p->killed && *key && strcmp(p->key, key) == 0) kill_cancelled(p);
    }
}

static int64_t limit_ns(int64_t ms) {
    if (ms <= 0) return 0;
    return 1000000 * (ms < LIMIT_DURATION_MS ? ms : LIMIT_DURATION_MS);
}

static void set_limits(struct process *p, const process_request *request) {
    p->heard_ns = clock_monotonic_ns();
    p->idle_ns = limit_ns(request->idle_ms);
    p->end_ns = request->timeout_ms > 0 ? p->heard_ns + limit_ns(request->timeout_ms) : 0;
    p->tail = request->output_tail < LIMIT_PROCESS_OUTPUT ? request->output_tail : LIMIT_PROCESS_OUTPUT;
}

/* -1: p->fault says why, or is invalid when there was no memory. */
static int start(struct process *p, const process_request *request) {
    if (read_spec(p, request->spec) != 0) return -1;
    spawn_plan plan = {.directory = request->directory};
    int result = spawn_prepare(&plan, request->spec, request->key, &p->fault);
    if (result == 0) {
        spawn_result started = launch(p, &plan);
        if (started.error == ESRCH) { /* it ran, and is not there any more */
            p->fault = effect_fault("runtime", 500, "process failed", "%s", exit_unknown);
        } else if (started.error != 0) {
            p->fault =
                effect_fault("runtime", 500, "process not started", "cannot %s '%s': %s",
                             started.astray ? "enter directory" : "run",
                             started.astray ? plan.directory : plan.arguments[0], strerror(started.error));
        }
        if (started.error != 0) result = -1;
    }
    spawn_done(&plan);
    return result;
}

struct process *process_start(struct process_runner *runner, const process_request *request,
                              effect_done done, process_output output, void *data, baton_error **err) {
    struct process *p = calloc(1, sizeof *p);
    if (!p) {
        error_memory(err);
        return NULL;
    }
    *p = (struct process){.runner = runner, .done = done, .output = output, .data = data, .pidfd = -1};
    snprintf(p->key, sizeof p->key, "%s", request->key ? request->key : "");
    end_earlier(runner, p->key);
    set_limits(p, request);
    for (int i = 0; i < 3; i++)
        p->streams[i] = (struct stream){.descriptor = -1, .writer = -1, .number = i};
    p->next = runner->processes;
    p->link = &runner->processes;
    if (p->next) p->next->link = &p->next;
    runner->processes = p;
    uv_timer_init(runner->loop, &p->timer);
    p->timer.data = p;
    p->handles = 1;
    if (start(p, request) != 0) {
        if (!baton_value_is_valid(p->fault)) {
            dispose(p);
            error_memory(err);
            return NULL;
        }
        close_streams(p);
        close_poll(&p->exit, &p->pidfd);
        p->state = REFUSED;
    } else {
        write_input(p);
        if (p->state == DETACHED) uv_unref((uv_handle_t *)&p->exit);
    }
    if (p->state == RUNNING)
        watch_limits(p);
    else
        uv_timer_start(&p->timer, on_timer, 0, 0);
    return p;
}

void process_cancel(struct process *p) {
    if (p->state == REFUSED) dispose(p);
    p->done = NULL;
    if (p->state != RUNNING && p->state != ENDING) return;
    if (p->state == RUNNING) send_term(p);
    p->state = CANCELLED;
    wake_at(p, p->kill_ns);
    uv_unref((uv_handle_t *)&p->timer);
    if (p->pidfd >= 0) uv_unref((uv_handle_t *)&p->exit);
    for (int i = 1; i < 3; i++)
        if (p->streams[i].descriptor >= 0) uv_unref((uv_handle_t *)&p->streams[i].poll);
}

/* ---- The runner ---- */

struct process_runner *process_runner_new(uv_loop_t *loop, baton_error **err) {
    struct process_runner *r = calloc(1, sizeof *r);
    if (!r) {
        error_memory(err);
        return NULL;
    }
    r->loop = loop;
    r->kill_ms = LIMIT_PROCESS_KILL_MS;
    r->null = lift(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (r->null < 0)
        baton_error_set(err, BATON_ERROR_SYSTEM, "cannot open /dev/null: %s", strerror(errno));
    else if ((r->guardian = guardian_new(loop, err)))
        return r;
    close_descriptor(&r->null);
    free(r);
    return NULL;
}

void process_runner_set_kill_ms(struct process_runner *runner, uint64_t kill_ms) {
    runner->kill_ms = kill_ms;
}

/* Waits until the group of a process that got TERM is gone, and kills what is left at the deadline. Once
 * the leader is reaped, the group's number stays taken only as long as another member lives. */
static void end_group(struct process *p, int64_t deadline_ns) {
    int64_t left_ns = deadline_ns - clock_monotonic_ns();
    struct pollfd exit = {.fd = p->pidfd, .events = POLLIN};
    if (!p->exited && poll(&exit, 1, left_ns > 0 ? (int)(left_ns / 1000000) : 0) == 0) {
        kill(-p->pid, SIGKILL);
        if (poll(&exit, 1, LAST_MS) == 0) return; /* the system holds it; it will die when it is let go */
    }
    reap(p);
    while (kill(-p->pid, 0) == 0) {
        if (clock_monotonic_ns() >= deadline_ns) {
            kill(-p->pid, SIGKILL);
            return;
        }
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000}, NULL);
    }
}

void process_runner_free(struct process_runner *r) {
    if (!r) return;
    int64_t deadline_ns = clock_monotonic_ns() + (int64_t)END_MS * 1000000;
    for (struct process *p = r->processes; p; p = p->next)
        if (p->state == RUNNING) signal_all(p, SIGTERM);
    while (r->processes) {
        struct process *p = r->processes;
        if (p->state == RUNNING || p->state == ENDING || p->state == CANCELLED) {
            end_group(p, deadline_ns);
            if (*p->key) leftover_signal(p->key, 0, SIGKILL);
        }
        dispose(p);
    }
    guardian_free(r->guardian);
    close_descriptor(&r->null);
    free(r);
}
