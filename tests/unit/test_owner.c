/* Who owns executions, and whether they live.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "store/owner.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static owner_identity me(void) {
    owner_identity self = {0};
    baton_error *err = NULL;
    if (owner_self(&self, &err) != 0) fail_msg("%s", baton_error_message(err));
    return self;
}

static void this_process_is_known(void **state) {
    (void)state;
    owner_identity self = me();
    assert_int_equal(self.pid, getpid());
    assert_true(self.started_at > 0);
    assert_int_equal(strncmp(self.pid_namespace, "pid:[", 5), 0);
    assert_int_equal(strlen(self.boot_id), 36);
    assert_int_equal(owner_judge(&self, &self), OWNER_ALIVE);
}

static void others_are_judged(void **state) {
    (void)state;
    owner_identity self = me(), other = self;
    other.started_at--; /* the number was used again */
    assert_int_equal(owner_judge(&self, &other), OWNER_DEAD);
    other = self;
    other.pid = 1 << 30; /* there is no such process */
    assert_int_equal(owner_judge(&self, &other), OWNER_DEAD);
    other = self;
    snprintf(other.pid_namespace, sizeof other.pid_namespace, "pid:[1]");
    assert_int_equal(owner_judge(&self, &other), OWNER_HIDDEN);
    /* The machine was started again since. */
    other.boot_id[0] ^= 1;
    assert_int_equal(owner_judge(&self, &other), OWNER_DEAD);
}

/* A child that tells who it is; its name looks like the end of what /proc says of a zombie. */
static owner_identity start_child(pid_t *pid) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *pid = fork();
    assert_true(*pid >= 0);
    if (*pid == 0) {
        owner_identity self;
        prctl(PR_SET_NAME, ") Z 1 (x) Z 2");
        if (owner_self(&self, NULL) != 0 || write(ends[1], &self, sizeof self) != (ssize_t)sizeof self)
            _exit(1);
        for (;;) pause();
    }
    owner_identity child;
    assert_int_equal(read(ends[0], &child, sizeof child), sizeof child);
    close(ends[0]);
    close(ends[1]);
    return child;
}

static void children_live_and_die(void **state) {
    (void)state;
    owner_identity self = me();
    pid_t pid;
    owner_identity child = start_child(&pid);
    assert_int_equal(child.pid, pid);
    assert_int_equal(owner_judge(&self, &child), OWNER_ALIVE);
    kill(pid, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(owner_judge(&self, &child), OWNER_DEAD); /* not fetched yet */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(owner_judge(&self, &child), OWNER_DEAD);
}

/* Without a descriptor left nobody can look at /proc. That is no reason to call anybody dead who may live;
 * a number without a process is one. */
static void the_living_are_not_dead_for_want_of_descriptors(void **state) {
    (void)state;
    owner_identity self = me();
    pid_t pid;
    owner_identity child = start_child(&pid), nobody = child;
    nobody.pid = 1 << 30;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    owner_state of_child = owner_judge(&self, &child), of_self = owner_judge(&self, &self);
    owner_state of_nobody = owner_judge(&self, &nobody);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(of_child, OWNER_HIDDEN);
    assert_int_equal(of_self, OWNER_HIDDEN);
    assert_int_equal(of_nobody, OWNER_DEAD);
    assert_int_equal(owner_judge(&self, &child), OWNER_ALIVE);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void numbers_come_and_go(void **state) {
    (void)state;
    assert_false(owner_is_here(7));
    for (int64_t i = 1; i <= 9; i++) assert_int_equal(owner_enter(i, NULL), 0);
    owner_leave(3);
    owner_leave(3);
    owner_leave(77);
    for (int64_t i = 1; i <= 9; i++) assert_int_equal(owner_is_here(i), i != 3);
    for (int64_t i = 9; i >= 1; i--) owner_leave(i);
    assert_false(owner_is_here(9));
    assert_int_equal(owner_enter(3, NULL), 0);
    assert_true(owner_is_here(3));
    owner_leave(3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_process_is_known),
        cmocka_unit_test(others_are_judged),
        cmocka_unit_test(children_live_and_die),
        cmocka_unit_test(the_living_are_not_dead_for_want_of_descriptors),
        cmocka_unit_test(numbers_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
