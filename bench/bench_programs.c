/* What the program costs: its start, and shell steps beside a shell's own loop.
 *
 * usage: bench_programs BATON NOTHING     (NOTHING: a program that does nothing)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void run(char *const argv[]) {
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    int status;
    if (posix_spawn(&pid, argv[0], &quiet, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid ||
        status != 0)
        abort();
    posix_spawn_file_actions_destroy(&quiet);
}

static void repeat(void *data, long times) {
    while (times-- > 0) run(data);
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) abort();
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    char folder[] = "/tmp/baton-bench.XXXXXX", sets[64], shells[64];
    if (!mkdtemp(folder)) abort();
    snprintf(sets, sizeof sets, "%s/sets.yaml", folder);
    snprintf(shells, sizeof shells, "%s/shells.yaml", folder);
    const char *head = "document: {dsl: '1.0.3', namespace: bench, name: bench, version: '1.0.0'}\n";
    char text[1024];
    snprintf(text, sizeof text,
             "%sdo:\n- a: {set: {x: 1}}\n- b: {set: {y: '${ .x }'}}\n- c: {set: {z: '${ .y }'}}\n", head);
    write_file(sets, text);
    snprintf(text, sizeof text,
             "%sinput: {from: '[range(1000)]'}\ndo:\n- loop:\n    for: {in: .}\n    do:\n"
             "    - true: {run: {shell: {command: /bin/true}, return: code}, output: {as: $input}}\n",
             head);
    write_file(shells, text);

    char *nothing[] = {argv[2], NULL};
    char *three[] = {argv[1], "run", "--quiet", sets, NULL};
    char *thousand[] = {argv[1], "run", "--quiet", shells, NULL};
    char *shell[] = {"/bin/sh", "-c", "i=0; while [ $i -lt 1000 ]; do sh -c /bin/true; i=$((i+1)); done",
                     NULL};
    double floor_ns = bench_ns(repeat, nothing, 100), start_ns = bench_ns(repeat, three, 100);
    bench_print("a program that does nothing", floor_ns / 1e6, "ms");
    bench_print("baton run, three set steps, above that (aim: 3)", (start_ns - floor_ns) / 1e6, "ms");
    double loop_ns = bench_ns(repeat, shell, 1), steps_ns = bench_ns(repeat, thousand, 1);
    bench_print("sh -c /bin/true in a loop of sh, each of 1,000", loop_ns / 1e9, "ms");
    bench_print("run: shell of /bin/true, each of 1,000", steps_ns / 1e9, "ms");
    bench_print("  beside the loop (aim: 1.15)", steps_ns / loop_ns, "times");
    unlink(sets);
    unlink(shells);
    rmdir(folder);
    return 0;
}
