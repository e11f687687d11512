/* baton graph: a workflow as a picture, in Mermaid or Graphviz's language.
 *
 * Both are drawn by the same walk over the steps; a dialect says how nodes, groups and edges are written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/cli.h"
#include "definition/workflow.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_FORMAT };

static const cli_option options[] = {
    [OPTION_FORMAT] = {"format", "NAME", "mermaid (the default) or dot", 'f'}, {NULL, NULL, NULL, 0}};

typedef struct drawing {
    buffer nodes, edges;
    bool dot;
    int depth;
} drawing;

/* Where an edge can begin or end: a step's own node, or the node that stands for it inside its group. */
static void put_name(buffer *b, const step *s) { buffer_printf(b, "s%u", s->ordinal); }

static void put_label(buffer *b, const char *text) {
    for (; *text; text++) {
        if (*text == '"')
            buffer_puts(b, "'");
        else if (*text == '\\')
            buffer_puts(b, "\\\\");
        else if ((unsigned char)*text < ' ')
            buffer_putc(b, ' ');
        else
            buffer_putc(b, *text);
    }
}

static const char *kind_name(const step *s) {
    static const char *const names[] = {"do",   "set", "switch",    "for",  "fork",     "raise", "try",
                                        "wait", "run", "call http", "call", "function", ""};
    return names[s->kind];
}

static void indent(drawing *d) {
    for (int i = 0; i <= d->depth; i++) buffer_puts(&d->nodes, "  ");
}

static void put_node(drawing *d, const step *s) {
    static const char *const open[] = {"[", "{", "([", NULL}, *const close[] = {"]", "}", "])", NULL};
    int shape = s->kind == STEP_SWITCH ? 1 : s->kind == STEP_WAIT || s->kind == STEP_RAISE ? 2 : 0;
    indent(d);
    put_name(&d->nodes, s);
    if (d->dot)
        buffer_puts(&d->nodes, " [label=\"");
    else
        buffer_printf(&d->nodes, "%s\"", open[shape]);
    put_label(&d->nodes, s->name);
    const char *kind = kind_name(s);
    if (*kind) buffer_printf(&d->nodes, "%s%s", d->dot ? "\\n" : "<br/>", kind);
    if (d->dot)
        buffer_printf(&d->nodes, "\"%s];\n", shape == 1 ? " shape=diamond" : "");
    else
        buffer_printf(&d->nodes, "\"%s\n", close[shape]);
}

static void put_edge(drawing *d, const char *from, const char *to, const char *label) {
    buffer *b = &d->edges;
    buffer_printf(b, "  %s", from);
    if (d->dot) {
        buffer_printf(b, " -> %s", to);
        if (label) {
            buffer_puts(b, " [label=\"");
            put_label(b, label);
            buffer_puts(b, "\"]");
        }
        buffer_puts(b, ";\n");
        return;
    }
    buffer_puts(b, " -->");
    if (label) {
        buffer_puts(b, "|\"");
        put_label(b, label);
        buffer_puts(b, "\"|");
    }
    buffer_printf(b, " %s\n", to);
}

typedef struct target {
    char name[24];
} target;

static target of_step(const step *s) {
    target t;
    snprintf(t.name, sizeof t.name, "s%u", s->ordinal);
    return t;
}

/* Where `then` leads from s; `out` is where the end of its sequence leads. */
static target destination(const step *s, flow then, const char *out) {
    target t;
    snprintf(t.name, sizeof t.name, "%s", then.kind == FLOW_END ? "finish" : out);
    if (then.kind == FLOW_STEP) return of_step(s->siblings->steps[then.target]);
    bool is_branch = s->parent && s->parent->kind == STEP_FORK;
    if (then.kind == FLOW_CONTINUE && !is_branch && s->index + 1 < s->siblings->count)
        return of_step(s->siblings->steps[s->index + 1]);
    return t;
}

static void draw_sequence(drawing *d, const sequence *steps, const char *from, const char *label,
                          const char *out);

static void open_group(drawing *d, const step *s, const char *title) {
    indent(d);
    if (d->dot) {
        buffer_printf(&d->nodes, "subgraph cluster_%u { label=\"", s->ordinal);
        put_label(&d->nodes, title);
        buffer_puts(&d->nodes, "\";\n");
    } else {
        buffer_printf(&d->nodes, "subgraph g%u[\"", s->ordinal);
        put_label(&d->nodes, title);
        buffer_puts(&d->nodes, "\"]\n");
    }
    d->depth++;
}

static void close_group(drawing *d) {
    d->depth--;
    indent(d);
    buffer_puts(&d->nodes, d->dot ? "}\n" : "end\n");
}

static void draw_switch(drawing *d, const step *s, const char *out) {
    target self = of_step(s);
    bool has_default = false;
    for (uint32_t i = 0; i < s->u.switch_.count; i++) {
        const switch_case *c = &s->u.switch_.cases[i];
        target to = destination(s, c->then, out);
        put_edge(d, self.name, to.name, c->when ? expression_text(c->when) : c->name);
        has_default |= !c->when;
    }
    target to = destination(s, s->then, out);
    if (!has_default) put_edge(d, self.name, to.name, "else");
}

/* A step with steps inside: they are a group around its own node. */
static void draw_inside(drawing *d, const step *s, const char *self, const char *out) {
    switch (s->kind) {
    case STEP_DO: draw_sequence(d, &s->u.do_, self, NULL, out); break;
    case STEP_FOR: {
        draw_sequence(d, &s->u.for_.body, self, "each", self);
        put_edge(d, self, out, "done");
        break;
    }
    case STEP_FORK:
        for (uint32_t i = 0; i < s->u.fork.branches.count; i++) {
            const sequence one = {&s->u.fork.branches.steps[i], 1};
            draw_sequence(d, &one, self, NULL, out);
        }
        break;
    case STEP_TRY: {
        draw_sequence(d, &s->u.try_.body, self, NULL, out);
        target caught = destination(s, s->u.try_.then, out);
        const char *after = s->u.try_.has_then ? caught.name : out;
        if (s->u.try_.handler.count)
            draw_sequence(d, &s->u.try_.handler, self, "caught", after);
        else
            put_edge(d, self, after, "caught");
        if (s->u.try_.retry) put_edge(d, self, self, "retry");
        break;
    }
    default: break;
    }
}

static void draw_step(drawing *d, const step *s, const char *out) {
    target self = of_step(s), next = destination(s, s->then, out);
    bool inside = s->kind == STEP_DO || s->kind == STEP_FOR || s->kind == STEP_FORK || s->kind == STEP_TRY;
    if (inside) open_group(d, s, s->name);
    put_node(d, s);
    if (inside) {
        draw_inside(d, s, self.name, next.name);
        close_group(d);
    } else if (s->kind == STEP_SWITCH) {
        draw_switch(d, s, out);
    } else if (s->kind != STEP_RAISE) {
        put_edge(d, self.name, next.name, NULL);
    }
    if (s->if_ && !inside) {
        target skipped = destination(s, (flow){FLOW_CONTINUE, 0}, out);
        put_edge(d, self.name, skipped.name, "skipped");
    }
}

static void draw_sequence(drawing *d, const sequence *steps, const char *from, const char *label,
                          const char *out) {
    target first = steps->count ? of_step(steps->steps[0]) : (target){""};
    put_edge(d, from, steps->count ? first.name : out, label);
    for (uint32_t i = 0; i < steps->count; i++) draw_step(d, steps->steps[i], out);
}

static void print_graph(const baton_workflow *w, bool dot) {
    drawing d = {.dot = dot};
    draw_sequence(&d, &w->body, "start", NULL, "finish");
    if (dot)
        printf("digraph \"%s\" {\n  node [shape=box];\n  start [shape=circle label=\"\"];\n"
               "  finish [shape=doublecircle label=\"\"];\n%s%s}\n",
               w->name, buffer_text(&d.nodes), buffer_text(&d.edges));
    else
        printf("flowchart TD\n  start((\" \"))\n  finish(((\" \")))\n%s%s", buffer_text(&d.nodes),
               buffer_text(&d.edges));
    buffer_done(&d.nodes);
    buffer_done(&d.edges);
}

static int run_graph(cli_arguments *args) {
    bool dot = false;
    const char *value;
    int option;
    while ((option = cli_option_next(args, &value)) >= 0) {
        dot = strcmp(value, "dot") == 0;
        if (!dot && strcmp(value, "mermaid") != 0)
            return cli_fail(EXIT_USAGE, "--format is mermaid or dot, not '%s'", value);
    }
    if (option < -1) return EXIT_USAGE;
    if (args->rest_count != 1)
        return cli_fail(EXIT_USAGE, "graph needs one workflow file; see 'baton help graph'");
    baton_error *err = NULL;
    baton_workflow *w = cli_look_at_workflow(args->rest[0], &err);
    if (!w) return cli_fail_error(err);
    print_graph(w, dot);
    baton_workflow_free(w);
    return EXIT_DONE;
}

const command command_graph = {
    .name = "graph",
    .arguments = "FILE",
    .summary = "draw a workflow file in Mermaid or Graphviz's language",
    .description = "Prints a workflow file as a graph: Mermaid, which many Markdown viewers draw, or dot.",
    .examples = "  baton graph order.yaml --format dot | dot -Tsvg > order.svg",
    .options = options,
    .run = run_graph};
