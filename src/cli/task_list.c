/* baton task list: tasks in the order in which they can be carried out, as a table or as a tree of their
 * dependencies, and how far all of it is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/map.h"
#include "cli/table.h"
#include "cli/task_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ALIAS_COLUMNS = 40,
    TITLE_COLUMNS = 120,
    TITLE_LEAST = 48, /* before a reason */
    TREE_DEPTH = 24,  /* what is deeper is shown as deep as this */
};

enum { OPTION_TREE = TASK_FILTER_OPTIONS, OPTION_READY, OPTION_LIMIT, OPTION_COLOR };

static const cli_option options[] = {
    TASK_FILTERS,
    [TASK_JSON] = {"json", NULL, "prints a JSON array", 0},
    [OPTION_TREE] = {"tree", NULL, "what depends on a task stands below it", 0},
    [OPTION_READY] = {"ready", NULL, "only those that can be carried out now", 0},
    [OPTION_LIMIT] = {"limit", "N", "the first N", 'n'},
    [OPTION_COLOR] = {"color", "WHEN", "auto, always or never", 0},
    {NULL, NULL, NULL, 0}};

/* A task of the list. Others are named by their place in it; -1: none. */
typedef struct node {
    map_node by_id;
    baton_value task;
    const char *project;
    long parent; /* the last of its dependencies in order */
    long first_child, last_child, next_sibling;
} node;

typedef struct listing {
    task_look look;
    bool tree;
    size_t limit; /* 0: none */
    node *nodes;  /* those that are shown */
    size_t count;
    bool projects; /* there are several */
    table table;
} listing;

/* ---- Options ---- */

static bool set_limit(listing *l, const char *value) {
    char *end;
    unsigned long n = strtoul(value, &end, 10);
    l->limit = n;
    if (*value >= '0' && *value <= '9' && !*end && n > 0 && n < 1000000000) return true;
    return cli_fail(EXIT_USAGE, "--limit is a number from 1, not '%s'", value) == 0;
}

static bool set_colour(const char *value) {
    colour_mode colour;
    if (!cli_parse_colour(value, &colour))
        return cli_fail(EXIT_USAGE, "--color is auto, always or never") == 0;
    cli_set_colour(colour, STDOUT_FILENO);
    return true;
}

static bool set_option(listing *l, int option, const char *value) {
    switch (option) {
    case OPTION_TREE: return l->tree = true;
    case OPTION_READY: return l->look.filter.ready = true;
    case OPTION_LIMIT: return set_limit(l, value);
    case OPTION_COLOR: return set_colour(value);
    default: return task_look_set(&l->look, option, value);
    }
}

/* ---- Tasks and their places ---- */

/* The last of a task's dependencies in order that is shown; -1: there is none. */
static long find_parent(const map *known, const node *nodes, baton_value task, size_t self) {
    long parent = -1;
    baton_value all = baton_value_get(task, "dependencies");
    for (size_t i = 0; i < baton_value_size(all); i++) {
        baton_value one = baton_value_at(all, i);
        const char *id = value_get_text(one, "depends_on");
        const map_node *found = id ? map_find(known, id, map_hash(known, id)) : NULL;
        long at = found ? (const node *)found - nodes : -1;
        if (at > parent && at < (long)self) parent = at;
        value_unref(one);
    }
    value_unref(all);
    return parent;
}

static void add_child(node *nodes, long parent, long child) {
    nodes[child].parent = parent;
    if (parent < 0) return;
    node *p = &nodes[parent];
    if (p->last_child < 0)
        p->first_child = child;
    else
        nodes[p->last_child].next_sibling = child;
    p->last_child = child;
}

/* False without memory. */
static bool make_nodes(listing *l, baton_value tasks) {
    map known;
    map_init(&known);
    size_t count = baton_value_size(tasks);
    if (l->limit && count > l->limit) count = l->limit;
    l->nodes = calloc(count + 1, sizeof *l->nodes);
    bool ok = l->nodes;
    for (; ok && l->count < count; l->count++) {
        node *n = &l->nodes[l->count];
        n->task = baton_value_at(tasks, l->count);
        n->project = value_get_text(n->task, "project_id");
        n->first_child = n->last_child = n->next_sibling = -1;
        add_child(l->nodes, find_parent(&known, l->nodes, n->task, l->count), (long)l->count);
        l->projects |= strcmp(n->project, l->nodes[0].project) != 0;
        const char *id = value_get_text(n->task, "id");
        ok = map_reserve(&known);
        if (ok) map_insert(&known, &n->by_id, id, map_hash(&known, id));
    }
    map_done(&known);
    return ok;
}

static void free_nodes(listing *l) {
    for (size_t i = 0; i < l->count; i++) value_unref(l->nodes[i].task);
    free(l->nodes);
}

/* ---- Rows ---- */

static void put_boxes(table *t, baton_value task) {
    baton_value boxes = baton_value_get(task, "boxes"), done = baton_value_get(boxes, "done"),
                total = baton_value_get(boxes, "total");
    if (value_is_valid(boxes))
        table_put(t, NULL, "%.0f/%.0f", baton_value_as_number(done), baton_value_as_number(total));
    else
        table_put(t, NULL, "%s", "");
    value_unref(done);
    value_unref(total);
    value_unref(boxes);
}

/* What it waits for, or why it has not been done; false when there is nothing of that kind. Appends. */
static bool put_reason(buffer *b, baton_value task, const char *status) {
    size_t before = b->size;
    baton_value gate = baton_value_get(task, "gate");
    const char *reason = NULL;
    if (strcmp(status, "blocked") == 0) {
        buffer_puts(b, "waits for ");
        task_put_blockers(b, task);
    } else if (strcmp(status, "waiting") == 0) {
        reason = value_get_text(gate, "why");
    } else if (strcmp(status, "failed") == 0 || strcmp(status, "cancelled") == 0) {
        reason = value_get_text(task, "reason");
    }
    if (reason) buffer_puts(b, reason);
    value_unref(gate);
    return b->size > before;
}

/* What it is about and, behind that, what one wants to know next. */
static void put_about(buffer *b, baton_value task, const char *status) {
    buffer reason = {0};
    const char *title = task_subtitle(task);
    if (!*title && text_width(task_alias(task)) > ALIAS_COLUMNS) title = value_get_text(task, "title");
    bool reasoned = put_reason(&reason, task, status);
    task_put_short(b, title, reasoned ? TITLE_LEAST : TITLE_COLUMNS);
    if (reasoned) buffer_printf(b, "%s%s", *title ? ": " : "", buffer_text(&reason));
    buffer_done(&reason);
}

/* `prefix` stands before its name in a tree. */
static void show_row(listing *l, baton_value task, const char *prefix) {
    table *t = &l->table;
    buffer b = {0};
    const char *status = task_status(task), *priority = value_get_text(task, "priority");
    table_put(t, "2", "%.8s", value_get_text(task, "id"));
    buffer_puts(&b, prefix);
    task_put_short(&b, task_alias(task), ALIAS_COLUMNS);
    table_put(t, NULL, "%s", buffer_text(&b));
    if (l->projects && !l->tree) table_put(t, NULL, "%s", value_get_text(task, "project_id"));
    table_put(t, task_status_colour(status), "%s", status);
    table_put(t, NULL, "%s", priority ? priority : "");
    buffer_clear(&b);
    if (task_hours(task) >= 0) task_put_hours(&b, task_hours(task));
    table_put(t, NULL, "%s", buffer_text(&b));
    put_boxes(t, task);
    buffer_clear(&b);
    put_about(&b, task, status);
    table_put(t, NULL, "%s", buffer_text(&b));
    buffer_done(&b);
}

/* ---- The tree ---- */

/* The lines that lead to a task from those above it: at most TREE_DEPTH, the nearest. */
static void put_lines(const listing *l, const node *n, buffer *b) {
    static const char *const drawn[2][4] = {{"|- ", "`- ", "|  ", "   "}, {"├─ ", "└─ ", "│  ", "   "}};
    const char *const *lines = drawn[cli_is_utf8()], *path[TREE_DEPTH];
    size_t depth = 0;
    for (const node *at = n; at->parent >= 0 && depth < TREE_DEPTH; at = &l->nodes[at->parent])
        path[depth++] = lines[(at == n ? 0 : 2) + (at->next_sibling < 0)];
    while (depth > 0) buffer_puts(b, path[--depth]);
}

/* The next one of a walk that goes down before it goes on; -1: this was the last. */
static long next_in_tree(const listing *l, long at) {
    if (l->nodes[at].first_child >= 0) return l->nodes[at].first_child;
    while (at >= 0 && l->nodes[at].next_sibling < 0) at = l->nodes[at].parent;
    return at < 0 ? -1 : l->nodes[at].next_sibling;
}

static void show_tree_of(listing *l, size_t root) {
    buffer lines = {0};
    for (long at = (long)root; at >= 0; at = next_in_tree(l, at)) {
        buffer_clear(&lines);
        put_lines(l, &l->nodes[at], &lines);
        show_row(l, l->nodes[at].task, buffer_text(&lines));
    }
    buffer_done(&lines);
}

/* Those of the same project as the node, which is its first. */
static void show_project(listing *l, size_t first) {
    const char *project = l->nodes[first].project;
    if (l->projects) {
        table_put(&l->table, NULL, "%s", "");
        table_put(&l->table, "1", "%s", project);
        for (int i = 2; l->table.titles[i]; i++) table_put(&l->table, NULL, "%s", "");
    }
    for (size_t i = first; i < l->count; i++)
        if (l->nodes[i].parent < 0 && strcmp(l->nodes[i].project, project) == 0) show_tree_of(l, i);
}

static bool is_first_of_project(const listing *l, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (strcmp(l->nodes[i].project, l->nodes[at].project) == 0) return false;
    return true;
}

static void show_all(listing *l) {
    static const char *const titles[] = {"ID",       "TASK",  "PROJECT", "STATUS",
                                         "PRIORITY", "HOURS", "DONE",    "TITLE"};
    bool column = l->projects && !l->tree;
    for (size_t i = 0, k = 0; i < sizeof titles / sizeof *titles; i++)
        if (i != 2 || column) l->table.titles[k++] = titles[i];
    for (size_t i = 0; i < l->count; i++) {
        if (!l->tree)
            show_row(l, l->nodes[i].task, "");
        else if (is_first_of_project(l, i))
            show_project(l, i);
    }
    table_end(&l->table);
}

/* ---- How far it is ---- */

static void show_progress(baton_value tasks) {
    static const char *const names[] = {"completed", "running", "waiting", "failed",
                                        "cancelled", "pending", "blocked"};
    enum { PENDING = 5, BLOCKED, COUNT };
    size_t counts[COUNT] = {0};
    double hours = 0, done = 0;
    for (size_t i = 0; i < baton_value_size(tasks); i++) {
        baton_value task = baton_value_at(tasks, i);
        const char *status = task_status(task);
        size_t k = 0;
        while (k + 1 < COUNT && strcmp(names[k], status) != 0) k++;
        counts[k]++;
        if (task_hours(task) > 0) hours += task_hours(task);
        if (task_hours(task) > 0 && k == 0) done += task_hours(task);
        value_unref(task);
    }
    counts[PENDING] += counts[BLOCKED];
    buffer b = {0};
    task_put_count(&b, baton_value_size(tasks), "task");
    const char *before = ": ";
    for (size_t k = 0; k < BLOCKED; k++) {
        if (!counts[k]) continue;
        buffer_printf(&b, "%s%zu %s", before, counts[k], names[k]);
        before = ", ";
    }
    if (counts[BLOCKED]) buffer_printf(&b, " (%zu blocked)", counts[BLOCKED]);
    if (hours > 0) {
        buffer_puts(&b, "; ");
        task_put_hours(&b, done);
        buffer_puts(&b, " of ");
        task_put_hours(&b, hours);
        buffer_puts(&b, hours == 1 ? " hour" : " hours");
    }
    puts(buffer_text(&b));
    buffer_done(&b);
}

/* ---- The command ---- */

static int show(listing *l, baton_value tasks, baton_error **err) {
    size_t count = baton_value_size(tasks);
    if (!make_nodes(l, tasks)) {
        error_memory(err);
        return cli_fail_error(*err);
    }
    if (l->look.json) {
        baton_value shown = baton_value_array();
        for (size_t i = 0; i < l->count; i++)
            shown = baton_value_append(shown, value_ref(l->nodes[i].task));
        task_print_array(shown);
        value_unref(shown);
    } else if (count) {
        show_all(l);
        show_progress(tasks);
    }
    fflush(stdout);
    if (l->count < count) fprintf(stderr, "there are %zu more\n", count - l->count);
    if (!count) task_look_explain(&l->look);
    return EXIT_DONE;
}

static int run_list(cli_arguments *args) {
    listing l = {.table = {.width = terminal_width(STDOUT_FILENO)}};
    baton_error *err = NULL;
    const char *value;
    int option;
    cli_set_colour(COLOUR_AUTO, STDOUT_FILENO);
    while ((option = cli_option_next(args, &value)) >= 0)
        if (!set_option(&l, option, value)) return EXIT_USAGE;
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count)
        return cli_fail(EXIT_USAGE, "task list takes no '%s'; 'baton task show TASK' shows one",
                        args->rest[0]);
    int code = task_look_open(&l.look);
    if (code != EXIT_DONE) return code;
    baton_value tasks = task_look_list(&l.look, &err);
    code = value_is_valid(tasks) ? show(&l, tasks, &err) : cli_fail_error(err);
    free_nodes(&l);
    value_unref(tasks);
    task_look_close(&l.look);
    return code;
}

const command command_task_list = {
    .name = "task list",
    .arguments = "",
    .summary = "list tasks in the order in which they can be carried out",
    .description =
        "Lists tasks in the order in which they can be carried out, with the begin of their id (which "
        "names\n"
        "a task everywhere), status, priority, estimated hours, how many of their boxes are ticked, and "
        "what\n"
        "they wait for or why they failed. A status is pending, blocked\n"
        "(pending, and something that it depends on is not done), running, waiting (for a person),\n"
        "completed, failed or cancelled. With --tree each task stands below the last one that it needs.",
    .examples = "  baton task list --tree\n"
                "  baton task list --status failed --json | jq -r '.[].title'",
    .options = options,
    .run = run_list};
