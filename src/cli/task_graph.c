/* baton task graph: which task needs which, in Mermaid or Graphviz's language. What tasks need and is no
 * task is there too, dashed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/map.h"
#include "cli/task_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_COLUMNS = 60 };

enum { OPTION_FORMAT = TASK_JSON /* in its place */ };

static const cli_option options[] = {
    [TASK_STORE] = TASK_OPTION_STORE,
    [TASK_PROJECT] = TASK_OPTION_PROJECT,
    [OPTION_FORMAT] = {"format", "NAME", "mermaid (the default) or dot", 'f'},
    {NULL, NULL, NULL, 0}};

/* What a node looks like, by its task's status. */
static const struct look {
    const char *status, *fill;
} looks[] = {{"completed", "#c8e6c9"}, {"running", "#bbdefb"},   {"waiting", "#fff3c4"},
             {"failed", "#ffcdd2"},    {"cancelled", "#e0e0e0"}, {"blocked", "#f5f5f5"},
             {"pending", "#ffffff"},   {"external", "#ffffff"}};
enum { LOOKS = sizeof looks / sizeof *looks };

/* A task, by its id, or what is none, by its text. */
typedef struct node {
    map_node map;
    struct node *next; /* of those that are no tasks */
    size_t number;
} node;

typedef struct drawing {
    bool dot;
    map tasks, externals;
    node *nodes; /* of the tasks */
    node *first; /* of the others */
    buffer text, edges;
} drawing;

/* ---- Words of the two languages ---- */

static void put_label(const drawing *d, buffer *b, const char *text) {
    buffer fitting = {0};
    task_put_short(&fitting, text, LABEL_COLUMNS);
    for (const char *c = buffer_text(&fitting); *c; c++) {
        if (d->dot && (*c == '"' || *c == '\\'))
            buffer_printf(b, "\\%c", *c);
        else if (!d->dot && strchr("\"#<>&`\\", *c))
            buffer_printf(b, "#%d;", *c);
        else
            buffer_putc(b, *c);
    }
    buffer_done(&fitting);
}

static void put_name(buffer *b, const char *kind, size_t number) {
    buffer_printf(b, "%s%zu", kind, number);
}

/* second may be "". */
static void put_node(drawing *d, const char *kind, size_t number, const char *first, const char *second,
                     const char *status) {
    buffer *b = &d->text;
    bool external = strcmp(status, "external") == 0;
    size_t k = 0;
    while (k + 1 < LOOKS && strcmp(looks[k].status, status) != 0) k++;
    buffer_puts(b, "  ");
    put_name(b, kind, number);
    buffer_puts(b, d->dot ? " [label=\"" : "[\"");
    put_label(d, b, first);
    if (*second) buffer_puts(b, d->dot ? "\\n" : "<br/>");
    put_label(d, b, second);
    if (d->dot)
        buffer_printf(b, "\" style=\"filled%s\" fillcolor=\"%s\"];\n", external ? ",dashed" : "",
                      looks[k].fill);
    else
        buffer_printf(b, "\"]:::%s\n", status);
}

/* From what is needed to what needs it. */
static void put_edge(drawing *d, const char *kind, size_t number, size_t task, bool dashed) {
    buffer *b = &d->edges;
    buffer_puts(b, "  ");
    put_name(b, kind, number);
    buffer_puts(b, d->dot ? " -> " : dashed ? " -.-> " : " --> ");
    put_name(b, "t", task);
    buffer_puts(b, !d->dot ? "\n" : dashed ? " [style=dashed];\n" : ";\n");
}

/* ---- Drawing ---- */

static node *find(const map *m, const char *key) { return (node *)map_find(m, key, map_hash(m, key)); }

/* The node of what is no task; drawn when it is new. NULL without memory. */
static node *external_node(drawing *d, const char *text) {
    node *n = find(&d->externals, text);
    if (n) return n;
    n = map_reserve(&d->externals) ? calloc(1, sizeof *n) : NULL;
    if (!n) return NULL;
    n->number = d->externals.count + 1;
    n->next = d->first;
    d->first = n;
    map_insert(&d->externals, &n->map, text, map_hash(&d->externals, text)); /* the tasks keep the text */
    put_node(d, "x", n->number, text, "external", "external");
    return n;
}

/* False without memory. */
static bool draw_dependency(drawing *d, baton_value dependency, size_t task) {
    const char *id = value_get_text(dependency, "depends_on");
    baton_value met = baton_value_get(dependency, "satisfied");
    bool dashed = !baton_value_is_true(met);
    value_unref(met);
    const node *on = id ? find(&d->tasks, id) : NULL;
    if (on) {
        put_edge(d, "t", on->number, task, false);
        return true;
    }
    on = external_node(d, value_get_text(dependency, "text"));
    if (on) put_edge(d, "x", on->number, task, dashed);
    return on;
}

static bool draw_task(drawing *d, baton_value task, size_t number) {
    put_node(d, "t", number, task_alias(task), task_subtitle(task), task_status(task));
    baton_value all = baton_value_get(task, "dependencies");
    bool ok = true;
    for (size_t i = 0; i < baton_value_size(all) && ok; i++) {
        baton_value one = baton_value_at(all, i);
        ok = draw_dependency(d, one, number);
        value_unref(one);
    }
    value_unref(all);
    return ok;
}

static bool draw(drawing *d, baton_value tasks) {
    size_t count = baton_value_size(tasks);
    d->nodes = calloc(count + 1, sizeof *d->nodes);
    for (size_t i = 0; i < count; i++) {
        if (!d->nodes || !map_reserve(&d->tasks)) return false;
        baton_value task = baton_value_at(tasks, i); /* the array keeps its id */
        const char *id = value_get_text(task, "id");
        d->nodes[i].number = i + 1;
        map_insert(&d->tasks, &d->nodes[i].map, id, map_hash(&d->tasks, id));
        value_unref(task);
    }
    bool ok = d->nodes;
    for (size_t i = 0; i < count && ok; i++) {
        baton_value task = baton_value_at(tasks, i);
        ok = draw_task(d, task, i + 1);
        value_unref(task);
    }
    return ok && !buffer_failed(&d->text) && !buffer_failed(&d->edges);
}

static void print(const drawing *d) {
    puts(d->dot ? "digraph tasks {\n  node [shape=box];" : "flowchart TD");
    fputs(buffer_text(&d->text), stdout);
    fputs(buffer_text(&d->edges), stdout);
    for (size_t i = 0; i < LOOKS && !d->dot; i++)
        printf("  classDef %s fill:%s,stroke:#555,color:#111%s\n", looks[i].status, looks[i].fill,
               strcmp(looks[i].status, "external") == 0 ? ",stroke-dasharray:5 5" : "");
    if (d->dot) puts("}");
}

/* ---- The command ---- */

static int show_graph(task_look *l, bool dot) {
    baton_error *err = NULL;
    baton_value tasks = task_look_list(l, &err);
    if (!value_is_valid(tasks)) return cli_fail_error(err);
    drawing d = {.dot = dot};
    map_init(&d.tasks);
    map_init(&d.externals);
    bool ok = draw(&d, tasks);
    if (ok) print(&d);
    if (ok && !baton_value_size(tasks)) task_look_explain(l);
    map_done(&d.tasks);
    map_done(&d.externals);
    for (node *n; (n = d.first);) {
        d.first = n->next;
        free(n);
    }
    free(d.nodes);
    buffer_done(&d.text);
    buffer_done(&d.edges);
    value_unref(tasks);
    if (ok) return EXIT_DONE;
    error_memory(&err);
    return cli_fail_error(err);
}

static int run_graph(cli_arguments *args) {
    task_look l = {0};
    bool dot = false;
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        if (option != OPTION_FORMAT) {
            task_look_set(&l, option, value);
            continue;
        }
        dot = strcmp(value, "dot") == 0;
        if (!dot && strcmp(value, "mermaid") != 0)
            return cli_fail(EXIT_USAGE, "--format is mermaid or dot, not '%s'", value);
    }
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count) return cli_fail(EXIT_USAGE, "task graph takes no '%s'", args->rest[0]);
    int code = task_look_open(&l);
    if (code == EXIT_DONE) code = show_graph(&l, dot);
    task_look_close(&l);
    return code;
}

const command command_task_graph = {
    .name = "task graph",
    .arguments = "",
    .summary = "draw which task needs which in Mermaid or Graphviz's language",
    .description =
        "Prints tasks and what they depend on as a graph: Mermaid, which many Markdown viewers draw, or\n"
        "dot. Arrows lead from a task to those that need it; colours tell the status. What a document\n"
        "depends on and is no task here is dashed.",
    .examples = "  baton task graph --format dot | dot -Tsvg > tasks.svg",
    .options = options,
    .run = run_graph};
