/* See spawn.h. Between vfork and execve the child runs on the stack and in the memory of the parent, which
 * stands still meanwhile: child() calls only what is async-signal-safe, and all signals are blocked until
 * it has taken the program's handlers out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/spawn.h"

#include <errno.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- The plan ---- */

static int refuse(baton_value *fault, const char *what) {
    *fault = effect_fault("configuration", 400, "process not started", "%s", what);
    return -1;
}

/* A scalar as a text of the arena, behind `prefix`. */
static int copy_scalar(arena *memory, const char *prefix, baton_value value, char **copy,
                       baton_value *fault) {
    buffer b = {0};
    buffer_puts(&b, prefix);
    int result = -1;
    if (!effect_write_scalar(&b, value))
        refuse(fault, "a process's arguments and environment must be texts, numbers or booleans");
    else if (b.size && memchr(b.data, '\0', b.size))
        refuse(fault, "a process's arguments and environment cannot contain the character U+0000");
    else if ((*copy = arena_text_sized(memory, buffer_text(&b), b.size)) && !buffer_failed(&b))
        result = 0;
    buffer_done(&b);
    return result;
}

static int prepare_arguments(spawn_plan *plan, baton_value spec, baton_value *fault) {
    baton_value list = baton_value_get(spec, "argv");
    size_t count = baton_value_kind(list) == BATON_KIND_ARRAY ? baton_value_size(list) : 0;
    int result = count ? 0 : refuse(fault, "there is no program to run");
    plan->arguments = arena_alloc(&plan->memory, (count + 1) * sizeof(char *));
    if (!plan->arguments) result = -1;
    for (size_t i = 0; i < count && result == 0; i++) {
        baton_value argument = baton_value_at(list, i);
        result = copy_scalar(&plan->memory, "", argument, &plan->arguments[i], fault);
        baton_value_unref(argument);
    }
    baton_value_unref(list);
    return result;
}

/* True when one of the first `count` entries sets the variable that `entry` sets. */
static bool is_set(char *const *environment, size_t count, const char *entry) {
    const char *end = strchr(entry, '=');
    size_t size = end ? (size_t)(end - entry) + 1 : strlen(entry);
    for (size_t i = 0; i < count; i++)
        if (strncmp(environment[i], entry, size) == 0) return true;
    return false;
}

static int prepare_environment(spawn_plan *plan, baton_value spec, const char *key, baton_value *fault) {
    baton_value own = baton_value_get(spec, "environment");
    size_t room = baton_value_size(own) + 2, count = 0;
    for (char **entry = environ; entry && *entry; entry++) room++;
    plan->environment = arena_alloc(&plan->memory, room * sizeof(char *));
    int result = plan->environment ? 0 : -1;
    if (key && result == 0) {
        char *entry = arena_printf(&plan->memory, "BATON_IDEMPOTENCY_KEY=%s", key);
        if (entry)
            plan->environment[count++] = entry;
        else
            result = -1;
    }
    if (baton_value_kind(own) == BATON_KIND_OBJECT) {
        int cursor = 0;
        const char *name;
        baton_value value;
        while (result == 0 && baton_value_next(own, &cursor, &name, &value)) {
            char *prefix = arena_printf(&plan->memory, "%s=", name), *entry;
            if (!prefix)
                result = -1;
            else if (!*name || strchr(name, '='))
                result = refuse(fault, "the name of an environment variable is empty or contains '='");
            else if (!(key && strcmp(prefix, "BATON_IDEMPOTENCY_KEY=") == 0) &&
                     (result = copy_scalar(&plan->memory, prefix, value, &entry, fault)) == 0)
                plan->environment[count++] = entry;
            baton_value_unref(value);
        }
    }
    size_t set = count;
    for (char **entry = environ; entry && *entry && result == 0; entry++)
        if (!is_set(plan->environment, set, *entry)) plan->environment[count++] = *entry;
    baton_value_unref(own);
    return result;
}

static bool is_program(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* Looks for the program where the child would: in its own PATH, seen from its own directory. */
static int prepare_path(spawn_plan *plan) {
    const char *name = plan->arguments[0];
    plan->path = strchr(name, '/') ? name : "";
    if (*plan->path) return 0;
    const char *folder = "/usr/local/bin:/usr/bin:/bin";
    for (char **entry = plan->environment; *entry; entry++)
        if (strncmp(*entry, "PATH=", 5) == 0) folder = *entry + 5;
    while (*name) {
        size_t size = strcspn(folder, ":");
        char *path = size ? arena_printf(&plan->memory, "%.*s/%s", (int)size, folder, name)
                          : arena_printf(&plan->memory, "./%s", name);
        char *seen = path && *path != '/' && plan->directory
                         ? arena_printf(&plan->memory, "%s/%s", plan->directory, path)
                         : path;
        if (!seen) return -1;
        if (is_program(seen)) {
            plan->path = path;
            return 0;
        }
        if (!folder[size]) break;
        folder += size + 1;
    }
    return 0;
}

int spawn_prepare(spawn_plan *plan, baton_value spec, const char *key, baton_value *fault) {
    if (prepare_arguments(plan, spec, fault) != 0) return -1;
    if (prepare_environment(plan, spec, key, fault) != 0) return -1;
    return prepare_path(plan);
}

void spawn_done(spawn_plan *plan) { arena_done(&plan->memory); }

/* ---- The start ---- */

struct launch {
    const spawn_plan *plan;
    const int *descriptors;
    atomic_int *slot;
    volatile int error;
    volatile bool astray;
};

/* Default handlers for all signals, and none blocked. A handler of the parent must not run here, in the
 * parent's memory; and what a terminal sent while this was still in Baton's group was not for the step:
 * to ignore a signal drops it. */
static void reset_signals(void) {
    static const int terminal[] = {SIGINT, SIGQUIT, SIGTSTP};
    struct sigaction action = {.sa_handler = SIG_IGN};
    for (size_t i = 0; i < sizeof terminal / sizeof *terminal; i++) sigaction(terminal[i], &action, NULL);
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++) sigaction(number, &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

__attribute__((noreturn, noinline)) static void child(struct launch *l) {
    setpgid(0, 0);
    if (l->slot) atomic_store_explicit(l->slot, getpid(), memory_order_release);
    for (int i = 0; i < 3; i++)
        if (dup2(l->descriptors[i], i) < 0) goto failed;
    syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC); /* what the host program left open */
    reset_signals();
    if (l->plan->directory && chdir(l->plan->directory) != 0) {
        l->astray = true;
        goto failed;
    }
    /* Not execve(): builds that measure coverage wrap it, and their wrapper would work in Baton's memory.
     */
    syscall(SYS_execve, l->plan->path, l->plan->arguments, l->plan->environment);
failed:
    l->error = errno;
    _exit(127);
}

spawn_result spawn_start(const spawn_plan *plan, const int descriptors[3], atomic_int *slot) {
    struct launch l = {.plan = plan, .descriptors = descriptors, .slot = slot};
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = vfork();
    if (pid == 0) child(&l);
    int code = pid < 0 ? errno : l.error;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!code) return (spawn_result){.pid = pid};
    if (pid > 0) {
        while (waitpid(pid, NULL, 0) == -1 && errno == EINTR) {}
        if (slot) atomic_store_explicit(slot, 0, memory_order_relaxed);
    }
    return (spawn_result){.error = code, .astray = l.astray};
}
