/* The compiler's frame: the workflow itself, sequences and their names, what `use` defines, functions.
 *
 * Steps get their ordinals in the order in which they stand in the file, an outer one before those within;
 * the functions of `use` follow. Every step is in c->steps from its first moment, so that a workflow that
 * is given up is released whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "definition/compile.h"

#include "base/limits.h"
#include "base/text.h"
#include "base/value.h"
#include "definition/check.h"

#include <stdlib.h>
#include <string.h>

/* ---- What the parts share ---- */

void *compile_alloc(compiler *c, size_t size) {
    void *p = arena_alloc(&c->workflow->arena, size);
    if (!p) c->no_memory = true;
    return p;
}

const char *compile_copy(compiler *c, const char *text) {
    const char *copy = arena_text(&c->workflow->arena, text);
    if (!copy) c->no_memory = true;
    return copy;
}

place compile_place(const compiler *c, const node *n) {
    return (place){c->document->file, n->line, n->column};
}

void compile_problem(compiler *c, const node *n, const char *format, ...) {
    va_list args;
    va_start(args, format);
    buffer message = {0};
    buffer_vprintf(&message, format, args);
    va_end(args);
    if (buffer_failed(&message))
        c->no_memory = true;
    else
        problems_add(c->found, BATON_ERROR_INVALID, compile_place(c, n), "%s", buffer_text(&message));
    buffer_done(&message);
}

bool compile_grow(compiler *c, void **array, size_t *capacity, size_t count, size_t size) {
    if (count < *capacity) return true;
    size_t wanted = *capacity ? *capacity * 2 : 16;
    void *grown = realloc(*array, wanted * size);
    if (!grown) {
        c->no_memory = true;
        return false;
    }
    *array = grown;
    *capacity = wanted;
    return true;
}

expression_scope compile_scope_with(compiler *c, const expression_scope *scope, const char *name) {
    expression_scope wider = *scope;
    size_t count = scope->variable_count;
    const char **variables = compile_alloc(c, (count + 1) * sizeof *variables);
    if (!variables || !name) return wider;
    for (size_t i = 0; i < count; i++) variables[i] = scope->variables[i];
    variables[count] = name;
    wider.variables = variables;
    wider.variable_count = count + 1;
    return wider;
}

node *compile_use(compiler *c, const char *section, const node *name) {
    const node *entries = node_get(c->use, section);
    node *found = node_get(entries, name->text);
    if (found) return found;
    enum { MAX_NAMES = 1000 };
    const char *names[MAX_NAMES];
    size_t count = 0;
    for (; entries && entries->kind == NODE_OBJECT && count < entries->count && count < MAX_NAMES; count++)
        names[count] = entries->members[count].key;
    const char *nearest = text_nearest(name->text, names, count);
    if (nearest)
        compile_problem(c, name, "'use.%s' has no '%.80s' (did you mean '%s'?)", section, name->text,
                        nearest);
    else
        compile_problem(c, name, "'use.%s' has no '%.80s'", section, name->text);
    return NULL;
}

/* ---- Names and targets ---- */

static int compare_names(const void *a, const void *b) {
    const sequence_name *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static const node_member *step_member(const node *item) {
    return item->kind == NODE_OBJECT && item->count == 1 ? &item->members[0] : NULL;
}

/* Sorted, and each name once; others are told as problems. */
static void collect_names(compiler *c, const node *list, sequence_names *names) {
    names->items = calloc(list->count + 1, sizeof *names->items);
    if (!names->items) {
        c->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const node_member *m = step_member(list->items[i]);
        if (m) names->items[names->count++] = (sequence_name){m->key, i};
    }
    qsort(names->items, names->count, sizeof *names->items, compare_names);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < names->count; i++) {
        if (kept == 0 || strcmp(names->items[kept - 1].name, names->items[i].name) != 0) {
            names->items[kept++] = names->items[i];
            continue;
        }
        const node_member *twice = step_member(list->items[names->items[i].index]);
        problems_add(c->found, BATON_ERROR_INVALID, (place){c->document->file, twice->line, twice->column},
                     "two steps of this list are called '%.80s'", twice->key);
    }
    names->count = kept;
}

static const sequence_name *find_name(const sequence_names *names, const char *name) {
    uint32_t low = 0, high = names->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(name, names->items[middle].name);
        if (order == 0) return &names->items[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static void add_no_target(compiler *c, const node *n, const sequence_names *siblings) {
    enum { MAX_NAMES = 1000 };
    const char *names[MAX_NAMES + 3] = {"continue", "exit", "end"};
    size_t count = 3;
    for (uint32_t i = 0; i < siblings->count && count < MAX_NAMES; i++)
        names[count++] = siblings->items[i].name;
    const char *nearest = text_nearest(n->text, names, count);
    if (nearest)
        compile_problem(c, n, "'then' names no step of this list: '%.80s' (did you mean '%s'?)", n->text,
                        nearest);
    else
        compile_problem(c, n, "'then' names no step of this list: '%.80s'", n->text);
}

flow compile_flow(compiler *c, const node *n, const sequence_names *siblings) {
    const char *text = node_text(n);
    if (!text || !*text || strcmp(text, "continue") == 0) return (flow){.kind = FLOW_CONTINUE};
    if (strcmp(text, "exit") == 0) return (flow){.kind = FLOW_EXIT};
    if (strcmp(text, "end") == 0) return (flow){.kind = FLOW_END};
    const sequence_name *found = find_name(siblings, text);
    if (!found)
        add_no_target(c, n, siblings);
    else if (siblings->branches)
        compile_problem(c, n, "a branch of 'fork' cannot lead to another branch");
    else
        return (flow){.kind = FLOW_STEP, .target = found->index};
    return (flow){.kind = FLOW_CONTINUE};
}

/* ---- Steps ---- */

bool compile_add_step(compiler *c, step *s, const node_member *m, step *parent, const char *reference) {
    if (c->step_count == LIMIT_STEPS) {
        c->too_many = true;
        return false;
    }
    if (!compile_grow(c, (void **)&c->steps, &c->step_capacity, c->step_count, sizeof *c->steps))
        return false;
    s->name = compile_copy(c, m->key);
    s->reference = compile_copy(c, reference);
    s->parent = parent;
    s->ordinal = (uint32_t)c->step_count;
    s->kind = STEP_UNSUPPORTED;
    s->where = (place){c->workflow->file, m->line, m->column};
    s->definition = node_value(m->value);
    if (!baton_value_is_valid(s->definition)) c->no_memory = true;
    c->steps[c->step_count++] = s;
    return s->name && s->reference;
}

static void check_step_name(compiler *c, const node_member *m) {
    place where = {c->document->file, m->line, m->column};
    if (!*m->key) problems_add(c->found, BATON_ERROR_INVALID, where, "a step's name must not be empty");
    if (strlen(m->key) > LIMIT_NAME_BYTES)
        problems_add(c->found, BATON_ERROR_INVALID, where, "a step's name has at most %d bytes",
                     LIMIT_NAME_BYTES);
}

void compile_sequence(compiler *c, const node *list, step *parent, const char *reference, sequence *out,
                      const expression_scope *scope, bool branches) {
    if (!list || list->kind != NODE_ARRAY) return;
    if (branches && list->count > LIMIT_BRANCHES)
        compile_problem(c, list, "'fork' has more than %d branches", LIMIT_BRANCHES);
    sequence_names names = {.branches = branches};
    collect_names(c, list, &names);
    out->steps = compile_alloc(c, list->count * sizeof(step *) + 1);
    for (uint32_t i = 0; out->steps && i < list->count && !c->too_many; i++) {
        const node_member *m = step_member(list->items[i]);
        if (!m || m->value->kind != NODE_OBJECT) continue;
        check_step_name(c, m);
        buffer own = {0};
        buffer_printf(&own, "%s/%u", reference, i);
        text_pointer_segment(&own, m->key);
        step *s = buffer_failed(&own) ? NULL : compile_alloc(c, sizeof *s);
        bool added = s && compile_add_step(c, s, m, parent, buffer_text(&own));
        buffer_done(&own);
        if (!added) break;
        s->siblings = out;
        s->index = out->count;
        out->steps[out->count++] = s;
        compile_step(c, s, m->value, &(step_context){scope, &names});
    }
    free(names.items);
}

/* ---- The workflow ---- */

static void unsupported(compiler *c, const node *n, const char *what) {
    buffer text = {0};
    buffer_printf(&text, "%s: %s", what, n->text);
    check_add_unsupported(c->unsupported, compile_place(c, n), buffer_text(&text));
    buffer_done(&text);
}

static const char *copy_text(compiler *c, const node *n) {
    const char *text = node_text(n);
    return text ? compile_copy(c, text) : NULL;
}

static void compile_document(compiler *c) {
    baton_workflow *w = c->workflow;
    const node *document = node_get(c->document->root, "document"), *dsl = node_get(document, "dsl");
    w->namespace = copy_text(c, node_get(document, "namespace"));
    w->name = copy_text(c, node_get(document, "name"));
    w->version = copy_text(c, node_get(document, "version"));
    if (node_text(dsl) && strncmp(dsl->text, "1.0.", 4) != 0) unsupported(c, dsl, "dsl");
}

/* What the document says of itself, under the workflow's own names: those win. */
static void make_metadata(compiler *c) {
    baton_workflow *w = c->workflow;
    node *own = node_get(node_get(c->document->root, "document"), "metadata");
    baton_value metadata = own && own->kind == NODE_OBJECT ? node_value(own) : baton_value_object();
    baton_value names = baton_value_array();
    for (uint32_t i = 0; i < w->body.count; i++)
        names = baton_value_append(names, baton_value_string(w->body.steps[i]->name));
    metadata = value_set_text(metadata, "name", w->name);
    metadata = value_set_text(metadata, "namespace", w->namespace);
    metadata = value_set_text(metadata, "version", w->version);
    w->metadata = baton_value_set(metadata, "steps", names);
}

static void read_evaluation(compiler *c) {
    const node *evaluate = node_get(c->document->root, "evaluate");
    const node *language = node_get(evaluate, "language"), *mode = node_get(evaluate, "mode");
    if (node_text(language) && strcmp(language->text, "jq") != 0) {
        c->foreign_language = true;
        unsupported(c, language, "evaluate.language");
    }
    if (node_text(mode) && strcmp(mode->text, "loose") == 0) unsupported(c, mode, "evaluate.mode");
}

static void compile_data_flow(compiler *c) {
    baton_workflow *w = c->workflow;
    const node *root = c->document->root, *input = node_get(root, "input"),
               *output = node_get(root, "output");
    expression_scope before = {.arguments = WORKFLOW_ARGUMENTS | c->secrets};
    expression_scope after = {.arguments = WORKFLOW_ARGUMENTS | ARGUMENT(CONTEXT) | c->secrets};
    w->input_schema = compile_schema(c, input);
    w->input_from = compile_transformation(c, node_get(input, "from"), &before);
    w->output_schema = compile_schema(c, output);
    w->output_as = compile_transformation(c, node_get(output, "as"), &after);
    w->timeout = compile_timeout(c, node_get(root, "timeout"), &before);
}

/* The steps by ordinal belong to the workflow from here on, whatever else failed. */
static void give_steps(compiler *c) {
    baton_workflow *w = c->workflow;
    w->steps = compile_alloc(c, c->step_count * sizeof(step *) + 1);
    if (!w->steps) return;
    if (c->step_count > 0) memcpy(w->steps, c->steps, c->step_count * sizeof(step *));
    w->step_count = (uint32_t)c->step_count;
}

void compile_workflow(compiler *c) {
    baton_workflow *w = c->workflow;
    node *root = c->document->root;
    c->use = node_get(root, "use");
    c->function = NO_FUNCTION;
    if (node_get(c->use, "secrets")) c->secrets = ARGUMENT(SECRETS);
    w->definition = node_value(root);
    compile_document(c);
    read_evaluation(c);
    compile_data_flow(c);
    compile_declare_functions(c);
    compile_sequence(c, node_get(root, "do"), NULL, "/do", &w->body, &(expression_scope){0}, false);
    compile_functions(c);
    if (c->too_many)
        problems_add(c->found, BATON_ERROR_INVALID, (place){c->document->file, root->line, root->column},
                     "the workflow has more than %d steps", LIMIT_STEPS);
    give_steps(c);
    make_metadata(c);
}

void compile_done(compiler *c) {
    free(c->steps);
    free(c->functions);
    free(c->calls);
    free(c->records);
}
