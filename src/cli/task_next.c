/* baton task next: which task would be carried out next, and why that one; or what is in the way of all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/task_look.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKED_TOLD = 5 };

static const cli_option options[] = {
    [TASK_STORE] = TASK_OPTION_STORE,
    [TASK_PROJECT] = TASK_OPTION_PROJECT,
    [TASK_JSON] = {"json", NULL, "prints the task, or null and ends with 3", 0},
    {NULL, NULL, NULL, 0}};

static bool is_ready(baton_value task) {
    baton_value ready = baton_value_get(task, "ready");
    bool is = baton_value_is_true(ready);
    value_unref(ready);
    return is;
}

/* Nobody said: as medium. */
static const char *priority_of(baton_value task) {
    const char *priority = value_get_text(task, "priority");
    return priority ? priority : "medium";
}

/* The first that is ready, given; invalid when none is. *rivals: how many others are; *equals: how many of
 * those have its priority. */
static baton_value find_next(baton_value tasks, size_t *rivals, size_t *equals) {
    baton_value next = VALUE_INVALID;
    *rivals = *equals = 0;
    for (size_t i = 0; i < baton_value_size(tasks); i++) {
        baton_value task = baton_value_at(tasks, i);
        if (!is_ready(task)) {
            value_unref(task);
        } else if (!value_is_valid(next)) {
            next = task;
        } else {
            ++*rivals;
            *equals += strcmp(priority_of(task), priority_of(next)) == 0;
            value_unref(task);
        }
    }
    return next;
}

/* ---- Why this one ---- */

static void put_dependencies(buffer *b, baton_value task) {
    baton_value all = baton_value_get(task, "dependencies");
    size_t count = baton_value_size(all);
    if (count) {
        buffer_puts(b, "what it depends on is done (");
        for (size_t i = 0; i < count; i++) {
            baton_value one = baton_value_at(all, i);
            buffer_puts(b, i ? ", " : "");
            cli_put_clean(b, value_get_text(one, "text"));
            value_unref(one);
        }
        buffer_putc(b, ')');
    } else {
        buffer_puts(b, "it depends on nothing");
    }
    value_unref(all);
}

static void put_rivals(buffer *b, baton_value task, size_t rivals, size_t equals) {
    if (rivals)
        buffer_printf(b, "of the %zu that are ready it is %s (%s)", rivals + 1,
                      equals ? "the first of the most urgent" : "the most urgent", priority_of(task));
    else
        buffer_puts(b, "no other is ready");
}

static void tell_next(baton_value task, size_t rivals, size_t equals) {
    buffer b = {0};
    buffer_puts(&b, cli_colour("1"));
    cli_put_clean(&b, value_get_text(task, "title"));
    buffer_printf(&b, "%s\n  task ", cli_colour("0"));
    cli_put_clean(&b, value_get_text(task, "id"));
    buffer_puts(&b, " of project ");
    cli_put_clean(&b, value_get_text(task, "project_id"));
    if (task_hours(task) >= 0) {
        buffer_puts(&b, ", ");
        task_put_hours(&b, task_hours(task));
        buffer_puts(&b, task_hours(task) == 1 ? " hour" : " hours");
    }
    buffer_puts(&b, "\n  ");
    put_dependencies(&b, task);
    buffer_puts(&b, "; ");
    put_rivals(&b, task, rivals, equals);
    if (!value_get_text(task, "type"))
        buffer_printf(&b, "\n  it has no type: baton task edit %.8s --type TYPE",
                      value_get_text(task, "id"));
    puts(buffer_text(&b));
    buffer_done(&b);
}

/* ---- Why none ---- */

/* The reasons go to stderr, as the error that they explain. */
static void tell_blocked(baton_value task) {
    buffer b = {0};
    buffer_puts(&b, "  ");
    cli_put_clean(&b, task_alias(task));
    buffer_puts(&b, " waits for ");
    task_put_blockers(&b, task);
    fprintf(stderr, "%s\n", buffer_text(&b));
    buffer_done(&b);
}

static void tell_going_on(baton_value task) {
    buffer b = {0};
    baton_value gate = baton_value_get(task, "gate");
    const char *why = value_get_text(gate, "why");
    cli_put_clean(&b, task_alias(task));
    buffer_printf(&b, " is %s", task_status(task));
    if (why) {
        buffer_puts(&b, ": ");
        cli_put_clean(&b, why);
    }
    fprintf(stderr, "  %s\n", buffer_text(&b));
    value_unref(gate);
    buffer_done(&b);
}

static bool waits_for_external(baton_value task) {
    baton_value all = baton_value_get(task, "blocked_by");
    bool waits = false;
    for (size_t i = 0; i < baton_value_size(all) && !waits; i++) {
        baton_value one = baton_value_at(all, i);
        waits = !value_get_text(one, "depends_on");
        value_unref(one);
    }
    value_unref(all);
    return waits;
}

static void tell_none(baton_value tasks) {
    size_t blocked = 0;
    bool external = false, going_on = false;
    cli_fail(EXIT_NOT_FOUND, "no task is ready");
    for (size_t i = 0; i < baton_value_size(tasks); i++) {
        baton_value task = baton_value_at(tasks, i);
        const char *status = task_status(task);
        if (strcmp(status, "running") == 0 || strcmp(status, "waiting") == 0) {
            tell_going_on(task);
            going_on = true;
        } else if (strcmp(status, "blocked") == 0 && blocked++ < BLOCKED_TOLD) {
            tell_blocked(task);
            external |= waits_for_external(task);
        }
        value_unref(task);
    }
    if (!blocked && !going_on) fputs("  all have ended\n", stderr);
    if (blocked > BLOCKED_TOLD)
        fprintf(stderr, "  %zu more wait; 'baton task list --status blocked' shows them\n",
                blocked - BLOCKED_TOLD);
    if (external)
        fputs("'baton task edit TASK --satisfied all' says that what is external is done\n", stderr);
}

/* ---- The command ---- */

static int next(task_look *l, baton_error **err) {
    baton_value tasks = task_look_list(l, err);
    if (!value_is_valid(tasks)) return cli_fail_error(*err);
    size_t rivals, equals;
    baton_value task = find_next(tasks, &rivals, &equals);
    bool found = value_is_valid(task);
    if (l->json) {
        buffer b = {0};
        value_write_pretty(&b, found ? task : baton_value_null());
        puts(buffer_text(&b));
        buffer_done(&b);
    } else if (found) {
        tell_next(task, rivals, equals);
    }
    if (!found && baton_value_size(tasks))
        tell_none(tasks);
    else if (!found)
        task_look_explain(l);
    value_unref(task);
    value_unref(tasks);
    return found ? EXIT_DONE : EXIT_NOT_FOUND;
}

static int run_next(cli_arguments *args) {
    task_look l = {0};
    baton_error *err = NULL;
    const char *value;
    int option;
    cli_set_colour(COLOUR_AUTO, STDOUT_FILENO);
    while ((option = cli_option_next(args, &value)) >= 0)
        if (!task_look_set(&l, option, value)) return EXIT_USAGE;
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count)
        return cli_fail(EXIT_USAGE, "task next takes no '%s'; 'baton task show TASK' shows one",
                        args->rest[0]);
    int code = task_look_open(&l);
    if (code == EXIT_DONE) code = next(&l, &err);
    task_look_close(&l);
    return code;
}

const command command_task_next = {.name = "task next",
                                   .arguments = "",
                                   .summary = "show the task that would be carried out next, and why",
                                   .description =
                                       "Shows which task 'baton task run' would begin next, and why it is "
                                       "that one. When none is ready it\n"
                                       "says what is in the way of the first ones, and ends with 3; "
                                       "--json prints null then.",
                                   .examples = "  baton task run \"$(baton task next --json | jq -r .id)\"",
                                   .options = options,
                                   .run = run_next};
