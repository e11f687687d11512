/* Workflows built in C (the seed's WorkflowBuilder).
 *
 * A builder keeps copies of what it was given and complains about nothing; baton_builder_build checks all
 * of it, tells every problem at once, and makes a workflow that shares nothing with the builder but
 * reference counted values. The workflow gets its own copies of the types that come from operations and
 * from nested workflows; types of the registry stay there, and the workflow keeps the registry.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/value.h"
#include "definition/workflow.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    baton_step step; /* its texts are in the builder's arena, its arguments are held */
    bool is_nested;
    const baton_workflow *nested; /* held */
    bool duplicate;               /* another step before it has its name */
} entry;

struct baton_builder {
    arena arena;
    baton_registry *registry;
    const char *namespace, *name, *version;
    baton_value metadata;
    entry *entries;
    size_t entry_count, entry_capacity;
    struct workflow_rule *rules;
    size_t rule_count, rule_capacity;
    bool rollback;
    bool failed; /* some call found no memory */
};

static const char *const reserved_metadata[] = {"name", "namespace", "version", "steps"};

/* ---- Gathering ---- */

static const char *keep_text(baton_builder *builder, const char *text) {
    const char *copy = text ? arena_text(&builder->arena, text) : NULL;
    if (text && !copy) builder->failed = true;
    return copy;
}

/* Room for one more element behind the last of an array; NULL without memory. */
static void *grow(void *array, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity) return array;
    size_t more = *capacity ? 2 * *capacity : 8;
    void *grown = realloc(array, more * size);
    if (grown) *capacity = more;
    return grown;
}

baton_builder *baton_builder_new(const char *name, baton_registry *registry) {
    baton_builder *builder = calloc(1, sizeof *builder);
    if (!builder) return NULL;
    builder->name = arena_text(&builder->arena, name);
    if (!builder->name) {
        free(builder);
        return NULL;
    }
    builder->registry = registry_ref(registry);
    builder->namespace = "default";
    builder->version = "0.1.0";
    builder->metadata = baton_value_object();
    return builder;
}

void baton_builder_free(baton_builder *builder) {
    if (!builder) return;
    for (size_t i = 0; i < builder->entry_count; i++) {
        baton_value_unref(builder->entries[i].step.arguments);
        workflow_unref((baton_workflow *)builder->entries[i].nested);
    }
    free(builder->entries);
    free(builder->rules);
    baton_value_unref(builder->metadata);
    baton_registry_free(builder->registry);
    arena_done(&builder->arena);
    free(builder);
}

void baton_builder_namespace(baton_builder *builder, const char *name) {
    builder->namespace = keep_text(builder, name);
}

void baton_builder_version(baton_builder *builder, const char *version) {
    builder->version = keep_text(builder, version);
}

void baton_builder_metadata(baton_builder *builder, const char *key, baton_value value) {
    if (!baton_value_is_valid(value)) value = baton_value_null();
    builder->metadata = baton_value_set(builder->metadata, key, value);
}

static entry *add_entry(baton_builder *builder) {
    entry *entries =
        grow(builder->entries, builder->entry_count, &builder->entry_capacity, sizeof *builder->entries);
    if (!entries) {
        builder->failed = true;
        return NULL;
    }
    builder->entries = entries;
    entry *added = &entries[builder->entry_count++];
    *added = (entry){0};
    return added;
}

void baton_builder_step(baton_builder *builder, const baton_step *step) {
    entry *added = add_entry(builder);
    if (!added) return;
    added->step = *step;
    added->step.name = keep_text(builder, step->name);
    added->step.type = keep_text(builder, step->type);
    added->step.arguments = baton_value_ref(step->arguments);
}

void baton_builder_nested(baton_builder *builder, const char *name, const baton_workflow *workflow) {
    entry *added = add_entry(builder);
    if (!added) return;
    added->step.name = keep_text(builder, name);
    added->is_nested = true;
    added->nested = workflow_ref(workflow);
}

void baton_builder_rule(baton_builder *builder, baton_rule_function rule, void *data) {
    struct workflow_rule *rules =
        grow(builder->rules, builder->rule_count, &builder->rule_capacity, sizeof *builder->rules);
    if (!rules) {
        builder->failed = true;
        return;
    }
    builder->rules = rules;
    rules[builder->rule_count++] = (struct workflow_rule){rule, data};
}

void baton_builder_rollback(baton_builder *builder, bool enabled) { builder->rollback = enabled; }

/* ---- Checking ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
}

/* DSL: letters, digits and dashes, at most 63, no dash at either end. */
static bool is_name(const char *text) {
    size_t size = text ? strlen(text) : 0;
    if (size == 0 || size > 63 || text[0] == '-' || text[size - 1] == '-') return false;
    for (size_t i = 0; i < size; i++)
        if (!is_alphanumeric(text[i]) && text[i] != '-') return false;
    return true;
}

/* The end of a number without leading zeros, or NULL. */
static const char *skip_number(const char *p) {
    if (!is_digit(*p) || (*p == '0' && is_digit(p[1]))) return NULL;
    while (is_digit(*p)) p++;
    return p;
}

/* The end of a semantic version's identifiers between dots, or NULL. Among those of a pre-release, numbers
 * have no leading zeros. */
static const char *skip_identifiers(const char *p, bool prerelease) {
    for (;; p++) {
        const char *start = p;
        bool number = true;
        for (; is_alphanumeric(*p) || *p == '-'; p++) number = number && is_digit(*p);
        if (p == start || (prerelease && number && *start == '0' && p - start > 1)) return NULL;
        if (*p != '.') return p;
    }
}

static bool is_version(const char *text) {
    const char *p = text;
    for (int i = 0; i < 3 && p; i++) {
        if (i > 0 && *p++ != '.') return false;
        p = skip_number(p);
    }
    if (p && *p == '-') p = skip_identifiers(p + 1, true);
    if (p && *p == '+') p = skip_identifiers(p + 1, false);
    return p && !*p;
}

#define add_problem(problems, code, ...) error_append(problems, baton_error_new(code, __VA_ARGS__))

static void check_document(const baton_builder *builder, baton_error **problems) {
    static const char allowed[] = "has 1 to 63 letters, digits and dashes, with no dash at either end";
    if (!is_name(builder->name))
        add_problem(problems, BATON_ERROR_INVALID, "workflow name '%s': a name %s", builder->name, allowed);
    if (!is_name(builder->namespace))
        add_problem(problems, BATON_ERROR_INVALID, "namespace '%s': a namespace %s",
                    builder->namespace ? builder->namespace : "", allowed);
    if (!builder->version || !is_version(builder->version))
        add_problem(problems, BATON_ERROR_INVALID, "version '%s': a version looks like \"1.0.0\"",
                    builder->version ? builder->version : "");
    for (size_t i = 0; i < sizeof reserved_metadata / sizeof *reserved_metadata; i++)
        if (baton_value_has(builder->metadata, reserved_metadata[i]))
            add_problem(problems, BATON_ERROR_INVALID, "metadata '%s' is the workflow's own",
                        reserved_metadata[i]);
    for (size_t i = 0; i < builder->rule_count; i++)
        if (!builder->rules[i].check)
            add_problem(problems, BATON_ERROR_INVALID, "rule %zu has no function", i + 1);
}

static int compare_entries(const void *a, const void *b) {
    const entry *x = *(entry *const *)a, *y = *(entry *const *)b;
    int order = strcmp(x->step.name ? x->step.name : "", y->step.name ? y->step.name : "");
    return order ? order : (x > y) - (x < y);
}

/* Marks all but the first of each name. */
static int mark_duplicates(baton_builder *builder) {
    size_t count = builder->entry_count;
    if (count == 0) return 0;
    entry **sorted = calloc(count, sizeof *sorted);
    if (!sorted) return -1;
    for (size_t i = 0; i < count; i++) sorted[i] = &builder->entries[i];
    qsort(sorted, count, sizeof *sorted, compare_entries);
    for (size_t i = 1; i < count; i++) {
        const char *before = sorted[i - 1]->step.name, *name = sorted[i]->step.name;
        sorted[i]->duplicate = before && name && strcmp(before, name) == 0;
    }
    free(sorted);
    return 0;
}

static bool check_step_name(const entry *e, size_t index, baton_error **problems) {
    const char *name = e->step.name;
    size_t size = name ? strlen(name) : 0;
    if (size == 0)
        add_problem(problems, BATON_ERROR_INVALID, "step %zu has no name", index + 1);
    else if (size > LIMIT_NAME_BYTES)
        add_problem(problems, BATON_ERROR_LIMIT, "step %zu: a name has at most %d bytes", index + 1,
                    LIMIT_NAME_BYTES);
    else if (!text_is_utf8(name, size))
        add_problem(problems, BATON_ERROR_INVALID, "step %zu: the name is not UTF-8", index + 1);
    else
        return true;
    return false;
}

static size_t nesting_of(const baton_workflow *workflow) {
    size_t most = 0;
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        size_t nesting = 1;
        for (const step *s = workflow->steps[i]->parent; s; s = s->parent) nesting++;
        if (nesting > most) most = nesting;
    }
    return most;
}

static void check_nested(const entry *e, baton_error **problems) {
    if (!e->nested || !e->nested->built)
        add_problem(problems, BATON_ERROR_INVALID, "step '%s': only a workflow built in C can be nested",
                    e->step.name);
    else if (nesting_of(e->nested) >= LIMIT_NESTING)
        add_problem(problems, BATON_ERROR_LIMIT, "step '%s': workflows are nested more than %d deep",
                    e->step.name, LIMIT_NESTING);
}

static void check_type(const baton_builder *builder, const baton_step *s, baton_error **problems) {
    if (builder->registry && baton_registry_find(builder->registry, s->type)) return;
    const char *nearest = registry_nearest(builder->registry, s->type);
    if (nearest)
        add_problem(problems, BATON_ERROR_INVALID, "step '%s': unknown step type '%s' (did you mean '%s'?)",
                    s->name, s->type, nearest);
    else
        add_problem(problems, BATON_ERROR_INVALID, "step '%s': unknown step type '%s'%s", s->name, s->type,
                    builder->registry ? "" : ": the builder has no registry");
}

static void check_step(const baton_builder *builder, const baton_step *s, baton_error **problems) {
    baton_kind arguments = baton_value_kind(s->arguments);
    if (!s->type == !s->execute)
        add_problem(problems, BATON_ERROR_INVALID, "step '%s' needs a type or an execute operation%s",
                    s->name, s->type ? ", not both" : "");
    else if (s->type && (s->rollback || s->validate || s->data || s->pure))
        add_problem(problems, BATON_ERROR_INVALID,
                    "step '%s': rollback, validate, data and pure come from its type", s->name);
    else if (s->type)
        check_type(builder, s, problems);
    if (arguments != BATON_KIND_INVALID && arguments != BATON_KIND_NULL && arguments != BATON_KIND_OBJECT)
        add_problem(problems, BATON_ERROR_INVALID, "step '%s': arguments must be an object", s->name);
    if (s->timeout_ms < 0)
        add_problem(problems, BATON_ERROR_INVALID, "step '%s': a timeout cannot be negative", s->name);
    if (s->timeout_ms > LIMIT_DURATION_MS)
        add_problem(problems, BATON_ERROR_LIMIT, "step '%s': a timeout of more than 100 years", s->name);
}

/* True when nothing was found against it. */
static bool check_entry(const baton_builder *builder, size_t index, baton_error **problems) {
    const entry *e = &builder->entries[index];
    baton_error *found = NULL;
    if (check_step_name(e, index, &found)) {
        if (e->duplicate)
            add_problem(&found, BATON_ERROR_INVALID, "step '%s': the name is taken by a step before it",
                        e->step.name);
        if (e->is_nested)
            check_nested(e, &found);
        else
            check_step(builder, &e->step, &found);
    }
    if (found) error_append(problems, found);
    return !found;
}

/* ---- Making ---- */

/* Adds a step to `siblings`, whose array has room for it; NULL without memory. */
static step *make_step(baton_workflow *workflow, sequence *siblings, const step *parent, const char *name) {
    arena *a = &workflow->arena;
    buffer b = {0};
    buffer_printf(&b, "%s/do/%u", parent ? parent->reference : "", (unsigned)siblings->count);
    text_pointer_segment(&b, name);
    step *s = arena_alloc(a, sizeof *s);
    char *reference = buffer_failed(&b) ? NULL : arena_text(a, buffer_text(&b));
    char *own_name = arena_text(a, name);
    buffer_done(&b);
    if (!s || !reference || !own_name) return NULL;
    s->name = own_name;
    s->reference = reference;
    s->parent = parent;
    s->siblings = siblings;
    s->index = siblings->count;
    s->ordinal = workflow->step_count;
    s->plain = true;
    s->definition = baton_value_null();
    siblings->steps[siblings->count++] = s;
    workflow->steps[workflow->step_count++] = s;
    return s;
}

static int make_room(baton_workflow *workflow, sequence *steps, size_t count) {
    steps->steps = arena_alloc(&workflow->arena, count * sizeof *steps->steps);
    return steps->steps ? 0 : -1;
}

static baton_step_type *copy_type(arena *a, const baton_step_type *type) {
    baton_step_type *copy = arena_alloc(a, sizeof *copy);
    char *name = arena_text(a, type->name);
    if (!copy || !name) return NULL;
    *copy = *type;
    copy->name = name;
    return copy;
}

static int set_timeout(baton_workflow *workflow, step *s, int64_t timeout_ms) {
    if (timeout_ms == 0) return 0;
    duration *timeout = arena_alloc(&workflow->arena, sizeof *timeout);
    if (!timeout) return -1;
    timeout->ms = timeout_ms;
    s->timeout = timeout;
    s->plain = false;
    return 0;
}

static int set_function(baton_workflow *workflow, step *s, const baton_step_type *type,
                        baton_value arguments) {
    s->kind = STEP_FUNCTION;
    s->u.function.arguments =
        baton_value_is_valid(arguments) ? baton_value_ref(arguments) : baton_value_null();
    s->u.function.type = type;
    if (!type) return -1;
    if (type->rollback) workflow->has_rollbacks = true;
    return 0;
}

/* Copies the steps of a nested workflow under `parent`; as deep as LIMIT_NESTING at most. */
static int copy_steps(baton_workflow *workflow, step *parent, const sequence *from) {
    sequence *to = &parent->u.do_;
    parent->kind = STEP_DO;
    if (make_room(workflow, to, from->count)) return -1;
    for (uint32_t i = 0; i < from->count; i++) {
        const step *source = from->steps[i];
        step *s = make_step(workflow, to, parent, source->name);
        if (!s || set_timeout(workflow, s, source->timeout ? source->timeout->ms : 0)) return -1;
        int failed = source->kind == STEP_DO
                         ? copy_steps(workflow, s, &source->u.do_)
                         : set_function(workflow, s, copy_type(&workflow->arena, source->u.function.type),
                                        source->u.function.arguments);
        if (failed) return -1;
    }
    return 0;
}

static int make_entry(const baton_builder *builder, baton_workflow *workflow, const entry *e) {
    step *s = make_step(workflow, &workflow->body, NULL, e->step.name);
    if (!s) return -1;
    if (e->is_nested) return copy_steps(workflow, s, &e->nested->body);
    baton_step_type own = {.name = s->name,
                           .execute = e->step.execute,
                           .rollback = e->step.rollback,
                           .validate = e->step.validate,
                           .pure = e->step.pure,
                           .data = e->step.data};
    const baton_step_type *type = e->step.type ? baton_registry_find(builder->registry, e->step.type)
                                               : copy_type(&workflow->arena, &own);
    if (set_function(workflow, s, type, e->step.arguments)) return -1;
    return set_timeout(workflow, s, e->step.timeout_ms);
}

static void describe(const baton_builder *builder, baton_workflow *workflow) {
    baton_value names = baton_value_array();
    for (uint32_t i = 0; i < workflow->body.count; i++)
        names = baton_value_append(names, baton_value_string(workflow->body.steps[i]->name));

    baton_value document = value_set_text(baton_value_object(), "dsl", "1.0.3");
    document = value_set_text(document, "namespace", workflow->namespace);
    document = value_set_text(document, "name", workflow->name);
    document = value_set_text(document, "version", workflow->version);
    workflow->definition = baton_value_set(baton_value_object(), "document", document);
    workflow->definition = baton_value_set(workflow->definition, "do", baton_value_ref(names));

    baton_value metadata = value_set_text(baton_value_object(), "name", workflow->name);
    metadata = value_set_text(metadata, "namespace", workflow->namespace);
    metadata = value_set_text(metadata, "version", workflow->version);
    metadata = baton_value_set(metadata, "steps", names);
    int cursor = 0;
    const char *key;
    baton_value member;
    while (baton_value_next(builder->metadata, &cursor, &key, &member))
        metadata = baton_value_set(metadata, key, member);
    workflow->metadata = metadata;
}

/* Each text with its NUL, so that "ab", "c" and "a", "bc" differ. */
static void digest_text(uint64_t *digest, const char *text) {
    *digest = hash_stable(*digest, text, strlen(text) + 1);
}

static int digest_step(uint64_t *digest, const step *s) {
    digest_text(digest, s->reference);
    if (s->kind != STEP_FUNCTION) return 0;
    char *arguments = baton_value_to_json(s->u.function.arguments);
    if (!arguments) return -1;
    digest_text(digest, s->u.function.type->name);
    digest_text(digest, arguments);
    free(arguments);
    return 0;
}

static int digest_all(baton_workflow *workflow) {
    uint64_t digest = HASH_STABLE;
    digest_text(&digest, workflow->namespace);
    digest_text(&digest, workflow->name);
    digest_text(&digest, workflow->version);
    for (uint32_t i = 0; i < workflow->step_count; i++)
        if (digest_step(&digest, workflow->steps[i])) return -1;
    workflow->digest = digest;
    return 0;
}

/* What a workflow in C looks like from outside, for those who do not have it. */
static bool outline(baton_workflow *w) {
    buffer text = {0}, *b = &text;
    buffer_puts(b, "{\"steps\":[");
    for (uint32_t i = 0; i < w->step_count; i++) {
        const step *s = w->steps[i];
        buffer_puts(b, i ? ",{\"name\":" : "{\"name\":");
        value_write_text(b, s->name);
        buffer_puts(b, ",\"reference\":");
        value_write_text(b, s->reference);
        if (s->kind == STEP_FUNCTION) {
            buffer_puts(b, ",\"type\":");
            value_write_text(b, s->u.function.type->name);
        }
        buffer_putc(b, '}');
    }
    buffer_puts(b, "]}");
    w->text = buffer_failed(b) ? NULL : arena_text_sized(&w->arena, b->data, b->size);
    w->text_size = b->size;
    buffer_done(b);
    return w->text;
}

static size_t count_steps(const baton_builder *builder) {
    size_t count = builder->entry_count;
    for (size_t i = 0; i < builder->entry_count; i++)
        if (builder->entries[i].nested) count += builder->entries[i].nested->step_count;
    return count;
}

/* A workflow with room for its steps and without any; NULL without memory. */
static baton_workflow *new_workflow(const baton_builder *builder, size_t step_count) {
    baton_workflow *workflow = calloc(1, sizeof *workflow);
    if (!workflow) return NULL;
    arena *a = &workflow->arena;
    atomic_init(&workflow->references, 1);
    workflow->registry = registry_ref(builder->registry);
    workflow->built = true;
    workflow->rollback = builder->rollback;
    workflow->namespace = arena_text(a, builder->namespace ? builder->namespace : "");
    workflow->name = arena_text(a, builder->name);
    workflow->version = arena_text(a, builder->version ? builder->version : "");
    workflow->steps = arena_alloc(a, step_count * sizeof *workflow->steps);
    workflow->rules = arena_alloc(a, builder->rule_count * sizeof *workflow->rules);
    if (!workflow->namespace || !workflow->name || !workflow->version || !workflow->steps ||
        !workflow->rules || make_room(workflow, &workflow->body, builder->entry_count)) {
        workflow_unref(workflow);
        return NULL;
    }
    return workflow;
}

/* Makes the steps that have no problem; -1 without memory. */
static int fill_workflow(const baton_builder *builder, baton_workflow *workflow, baton_error **problems) {
    for (size_t i = 0; i < builder->entry_count; i++)
        if (check_entry(builder, i, problems) && make_entry(builder, workflow, &builder->entries[i]))
            return -1;
    describe(builder, workflow);
    return digest_all(workflow) == 0 && outline(workflow) ? 0 : -1;
}

/* Steps check their arguments even when others have problems, so that all are told at once; the workflow's
 * rules are asked only about a workflow that is whole. */
static void validate(const baton_builder *builder, baton_workflow *workflow, baton_error **problems) {
    if (!*problems) {
        if (builder->rule_count)
            memcpy(workflow->rules, builder->rules, builder->rule_count * sizeof *builder->rules);
        workflow->rule_count = builder->rule_count;
    }
    baton_error *found = NULL;
    if (baton_workflow_validate(workflow, &found)) error_append(problems, found);
}

baton_workflow *baton_builder_build(baton_builder *builder, baton_error **err) {
    baton_error *problems = NULL;
    size_t step_count = count_steps(builder);
    if (step_count > LIMIT_STEPS) {
        baton_error_set(err, BATON_ERROR_LIMIT, "workflow '%s' has %zu steps; the limit is %d",
                        builder->name, step_count, LIMIT_STEPS);
        return NULL;
    }
    baton_workflow *workflow =
        builder->failed || mark_duplicates(builder) ? NULL : new_workflow(builder, step_count);
    if (!workflow) {
        error_memory(err);
        return NULL;
    }
    check_document(builder, &problems);
    if (fill_workflow(builder, workflow, &problems)) {
        baton_error_free(problems);
        problems = NULL;
        error_memory(&problems);
    } else
        validate(builder, workflow, &problems);
    if (!problems) return workflow;
    workflow_unref(workflow);
    if (err)
        *err = problems;
    else
        baton_error_free(problems);
    return NULL;
}
