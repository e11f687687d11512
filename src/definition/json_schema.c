/* JSON Schema: from the document to nodes.
 *
 * One table names every keyword and who reads it. Subschemas are compiled where they stand and remembered
 * by their JSON pointer (and anchor) in one search tree; references are bound when all else is done, so
 * that they may lead anywhere in the document. Last, cycles that would go round at one value are refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "definition/json_schema.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/value.h"
#include "definition/json_schema_node.h"

#include <math.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

/* A place of the document that a reference can name: a pointer, or an anchor's name. */
typedef struct named {
    const char *name;
    schema_node *node;
} named;

typedef struct reference {
    struct reference *next;
    schema_node *from;
    const char *pointer; /* of the schema that holds it */
    const char *target;
} reference;

typedef struct compiler {
    json_schema *schema;
    baton_value document;
    const char *id; /* the root's $id; may be NULL */
    void *names;    /* a tree of `named`, in the arena */
    reference *references;
    unsigned depth;
    baton_error **err;
} compiler;

/* The schema being read, and where it stands. */
typedef struct site {
    schema_node *node;
    const char *pointer;
} site;

typedef struct keyword {
    const char *name;
    int (*read)(compiler *c, site *s, const struct keyword *k, baton_value value);
    size_t argument; /* a bound, or the offset of the field in schema_node */
    const char *hint;
} keyword;

static const char *const type_names[] = {
    [BATON_KIND_NULL] = "null",     [BATON_KIND_BOOLEAN] = "boolean", [BATON_KIND_NUMBER] = "number",
    [BATON_KIND_STRING] = "string", [BATON_KIND_ARRAY] = "array",     [BATON_KIND_OBJECT] = "object",
};

static const schema_node *compile(compiler *c, baton_value value, const char *pointer);

/* ---- Small helps ---- */

#define fail(c, code, pointer, format, ...) \
    baton_error_set((c)->err, code, "%s%s" format, pointer, *(pointer) ? ": " : "", __VA_ARGS__)
#define fail_keyword(c, s, k, code, format, ...) \
    baton_error_set((c)->err, code, "%s/%s: " format, (s)->pointer, (k)->name, __VA_ARGS__)
#define expect(c, s, k, what) fail_keyword(c, s, k, BATON_ERROR_INVALID, "must be %s", what)

/* Of the error in hand, which is about to be wrapped. */
static baton_error_code code_in_hand(const compiler *c) {
    return c->err ? baton_error_get_code(*c->err) : BATON_ERROR_NONE;
}

static void *allocate(compiler *c, size_t size) {
    void *p = arena_alloc(&c->schema->arena, size);
    if (!p) error_memory(c->err);
    return p;
}

static const char *keep_text(compiler *c, const char *text) {
    const char *copy = arena_text(&c->schema->arena, text);
    if (!copy) error_memory(c->err);
    return copy;
}

static int compare_named(const void *a, const void *b) {
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

static schema_node *find_name(const compiler *c, const char *name) {
    named key = {.name = name};
    named **found = tfind(&key, &c->names, compare_named);
    return found ? (*found)->node : NULL;
}

static int add_name(compiler *c, const char *name, schema_node *node) {
    named *added = allocate(c, sizeof *added);
    if (!added) return -1;
    *added = (named){name, node};
    return tsearch(added, &c->names, compare_named) ? 0 : error_memory(c->err);
}

static void keep_entry(void *entry) { (void)entry; /* in the arena */ }

/* pointer + "/" + segment, in the arena. */
static const char *join(compiler *c, const char *pointer, const char *segment) {
    buffer b = {0};
    buffer_puts(&b, pointer);
    text_pointer_segment(&b, segment);
    const char *joined = buffer_failed(&b) ? NULL : arena_text(&c->schema->arena, buffer_text(&b));
    buffer_done(&b);
    if (!joined) error_memory(c->err);
    return joined;
}

static const char *join_index(compiler *c, const char *pointer, size_t index) {
    const char *joined = arena_printf(&c->schema->arena, "%s/%zu", pointer, index);
    if (!joined) error_memory(c->err);
    return joined;
}

/* ---- Keywords that hold schemas ---- */

static int read_schema(compiler *c, site *s, const keyword *k, baton_value value) {
    const char *pointer = join(c, s->pointer, k->name);
    const schema_node *node = pointer ? compile(c, value, pointer) : NULL;
    if (!node) return -1;
    *(const schema_node **)((char *)s->node + k->argument) = node;
    return 0;
}

static int read_list(compiler *c, site *s, const keyword *k, baton_value value) {
    size_t count = baton_value_size(value);
    if (baton_value_kind(value) != BATON_KIND_ARRAY || count == 0)
        return expect(c, s, k, "a list of schemas, not empty");
    schema_list *list = (schema_list *)((char *)s->node + k->argument);
    const char *pointer = join(c, s->pointer, k->name);
    list->nodes = allocate(c, count * sizeof *list->nodes);
    if (!pointer || !list->nodes) return -1;
    for (size_t i = 0; i < count; i++) {
        const char *place = join_index(c, pointer, i);
        baton_value element = baton_value_at(value, i);
        const schema_node *node = place ? compile(c, element, place) : NULL;
        baton_value_unref(element);
        if (!node) return -1;
        list->nodes[list->count++] = node;
    }
    return 0;
}

static int read_items(compiler *c, site *s, const keyword *k, baton_value value) {
    if (baton_value_kind(value) == BATON_KIND_ARRAY)
        return expect(c, s, k, "one schema; a list of schemas is called prefixItems since draft 2020-12");
    return read_schema(c, s, k, value);
}

/* Calls `each` with every member of an object of schemas. */
static int read_map(compiler *c, site *s, const keyword *k, baton_value value,
                    int (*each)(compiler *c, site *s, const char *key, const schema_node *node)) {
    if (baton_value_kind(value) != BATON_KIND_OBJECT) return expect(c, s, k, "an object of schemas");
    const char *base = join(c, s->pointer, k->name), *key;
    if (!base) return -1;
    int cursor = 0, failed = 0;
    baton_value member;
    while (!failed && baton_value_next(value, &cursor, &key, &member)) {
        const char *place = join(c, base, key);
        const schema_node *node = place ? compile(c, member, place) : NULL;
        baton_value_unref(member);
        failed = node ? each(c, s, key, node) : -1;
    }
    return failed ? -1 : 0;
}

/* An entry for a name, to be merged with others of that name when the schema is read. */
static schema_member *add_member(compiler *c, site *s, const char *name) {
    const char *copy = keep_text(c, name);
    if (!copy) return NULL;
    schema_member *m = &s->node->members[s->node->member_count++];
    m->name = copy;
    return m;
}

static int add_property(compiler *c, site *s, const char *key, const schema_node *node) {
    schema_member *m = add_member(c, s, key);
    if (!m) return -1;
    m->node = node;
    return 0;
}

static int add_dependent(compiler *c, site *s, const char *key, const schema_node *node) {
    schema_member *m = add_member(c, s, key);
    if (!m) return -1;
    m->dependent = node;
    return 0;
}

static int add_definition(compiler *c, site *s, const char *key, const schema_node *node) {
    (void)c, (void)s, (void)key, (void)node; /* is found by its pointer */
    return 0;
}

static int add_pattern(compiler *c, site *s, const char *key, const schema_node *node) {
    schema_pattern *p = &s->node->patterns[s->node->pattern_count];
    p->text = keep_text(c, key);
    if (!p->text) return -1;
    p->regex = pattern_new(key, strlen(key), c->err);
    if (!p->regex)
        return baton_error_wrap(c->err, code_in_hand(c),
                                "%s/patternProperties: '%s' is no regular expression", s->pointer, key);
    p->node = node;
    s->node->pattern_count++;
    return 0;
}

static int read_properties(compiler *c, site *s, const keyword *k, baton_value value) {
    return read_map(c, s, k, value, add_property);
}

static int read_dependent_schemas(compiler *c, site *s, const keyword *k, baton_value value) {
    return read_map(c, s, k, value, add_dependent);
}

static int read_definitions(compiler *c, site *s, const keyword *k, baton_value value) {
    return read_map(c, s, k, value, add_definition);
}

static int read_pattern_properties(compiler *c, site *s, const keyword *k, baton_value value) {
    s->node->patterns = allocate(c, baton_value_size(value) * sizeof *s->node->patterns);
    return s->node->patterns ? read_map(c, s, k, value, add_pattern) : -1;
}

/* ---- Keywords that hold data ---- */

static int read_type_name(compiler *c, site *s, const keyword *k, baton_value value) {
    static const char *const names[] = {"null",  "boolean", "number", "string",
                                        "array", "object",  "integer"};
    const char *name = baton_value_as_text(value);
    if (!name) return expect(c, s, k, "the name of a type or a list of such names");
    if (strcmp(name, "integer") == 0) {
        s->node->types |= SCHEMA_INTEGER;
        return 0;
    }
    for (unsigned kind = BATON_KIND_NULL; kind <= BATON_KIND_OBJECT; kind++) {
        if (strcmp(name, type_names[kind]) != 0) continue;
        s->node->types |= 1u << kind;
        return 0;
    }
    const char *nearest = text_nearest(name, names, sizeof names / sizeof *names);
    if (nearest)
        return fail_keyword(c, s, k, BATON_ERROR_INVALID, "unknown type '%s' (did you mean '%s'?)", name,
                            nearest);
    return fail_keyword(
        c, s, k, BATON_ERROR_INVALID,
        "unknown type '%s': the types are null, boolean, number, integer, string, array and object", name);
}

static int read_type(compiler *c, site *s, const keyword *k, baton_value value) {
    if (baton_value_kind(value) != BATON_KIND_ARRAY) return read_type_name(c, s, k, value);
    size_t count = baton_value_size(value);
    if (count == 0) return expect(c, s, k, "the name of a type or a list of such names");
    for (size_t i = 0; i < count; i++) {
        baton_value element = baton_value_at(value, i);
        int failed = read_type_name(c, s, k, element);
        baton_value_unref(element);
        if (failed) return -1;
    }
    return 0;
}

static int read_enum(compiler *c, site *s, const keyword *k, baton_value value) {
    if (baton_value_kind(value) != BATON_KIND_ARRAY) return expect(c, s, k, "a list of values");
    s->node->values = baton_value_ref(value);
    return 0;
}

static int read_const(compiler *c, site *s, const keyword *k, baton_value value) {
    (void)c, (void)k;
    s->node->constant = baton_value_ref(value);
    return 0;
}

static int read_bound(compiler *c, site *s, const keyword *k, baton_value value) {
    double number = baton_value_as_number(value);
    if (baton_value_kind(value) != BATON_KIND_NUMBER) return expect(c, s, k, "a number");
    if (k->argument == BOUND_MULTIPLE_OF && !(number > 0)) return expect(c, s, k, "a number above 0");
    if (k->argument > BOUND_MULTIPLE_OF && (number < 0 || number != floor(number)))
        return expect(c, s, k, "a whole number, 0 or more");
    s->node->bounds[k->argument] = number;
    return 0;
}

static int read_unique(compiler *c, site *s, const keyword *k, baton_value value) {
    if (baton_value_kind(value) != BATON_KIND_BOOLEAN) return expect(c, s, k, "true or false");
    s->node->unique = baton_value_is_true(value);
    return 0;
}

static int read_pattern(compiler *c, site *s, const keyword *k, baton_value value) {
    const char *text = baton_value_as_text(value);
    if (!text) return expect(c, s, k, "a string");
    schema_pattern *p = &s->node->pattern;
    p->text = keep_text(c, text);
    if (!p->text) return -1;
    p->regex = pattern_new(text, baton_value_size(value), c->err);
    if (p->regex) return 0;
    return baton_error_wrap(c->err, code_in_hand(c), "%s/pattern: '%s' is no regular expression",
                            s->pointer, text);
}

/* Copies a list of names into the arena; NULL after an error. */
static const char **read_names(compiler *c, site *s, const keyword *k, baton_value value) {
    size_t count = baton_value_size(value);
    const char **names = NULL;
    if (baton_value_kind(value) != BATON_KIND_ARRAY)
        expect(c, s, k, "a list of names");
    else
        names = allocate(c, count * sizeof *names);
    for (size_t i = 0; names && i < count; i++) {
        baton_value element = baton_value_at(value, i);
        const char *text = baton_value_as_text(element);
        if (text)
            names[i] = keep_text(c, text);
        else
            expect(c, s, k, "a list of names");
        baton_value_unref(element);
        if (!names[i]) return NULL;
    }
    return names;
}

static int read_required(compiler *c, site *s, const keyword *k, baton_value value) {
    const char **names = read_names(c, s, k, value);
    if (!names) return -1;
    for (size_t i = 0; i < baton_value_size(value); i++) {
        schema_member *m = add_member(c, s, names[i]);
        if (!m) return -1;
        m->required = true;
    }
    return 0;
}

static int read_dependent_required(compiler *c, site *s, const keyword *k, baton_value value) {
    if (baton_value_kind(value) != BATON_KIND_OBJECT) return expect(c, s, k, "an object of lists of names");
    int cursor = 0;
    const char *key;
    baton_value member;
    while (baton_value_next(value, &cursor, &key, &member)) {
        schema_member *m = add_member(c, s, key);
        if (m) m->needs = read_names(c, s, k, member);
        if (m) m->need_count = (uint32_t)baton_value_size(member);
        baton_value_unref(member);
        if (!m || !m->needs) return -1;
    }
    return 0;
}

static int read_reference(compiler *c, site *s, const keyword *k, baton_value value) {
    const char *text = baton_value_as_text(value);
    if (!text) return expect(c, s, k, "a string");
    reference *r = allocate(c, sizeof *r);
    if (!r) return -1;
    size_t id_size = c->id ? strcspn(c->id, "#") : 0;
    if (id_size && strncmp(text, c->id, id_size) == 0 && (text[id_size] == '#' || !text[id_size]))
        text += id_size;
    if (*text && *text != '#')
        return fail_keyword(c, s, k, BATON_ERROR_UNSUPPORTED,
                            "'%s' is outside of the schema's own document", text);
    *r = (reference){c->references, s->node, s->pointer, keep_text(c, text)};
    c->references = r;
    return r->target ? 0 : -1;
}

static int read_anchor(compiler *c, site *s, const keyword *k, baton_value value) {
    const char *text = baton_value_as_text(value);
    if (!text || !*text || strchr(text, '/')) return expect(c, s, k, "a name");
    if (find_name(c, text))
        return fail_keyword(c, s, k, BATON_ERROR_INVALID, "'%s' is the name of another schema", text);
    const char *name = keep_text(c, text);
    return name ? add_name(c, name, s->node) : -1;
}

static int read_id(compiler *c, site *s, const keyword *k, baton_value value) {
    if (!baton_value_as_text(value)) return expect(c, s, k, "a string");
    if (*s->pointer)
        return fail_keyword(c, s, k, BATON_ERROR_UNSUPPORTED, "%s",
                            "is supported at the schema's root only");
    return 0;
}

static int read_annotation(compiler *c, site *s, const keyword *k, baton_value value) {
    (void)c, (void)s, (void)k, (void)value; /* says nothing about values */
    return 0;
}

static int refuse_keyword(compiler *c, site *s, const keyword *k, baton_value value) {
    (void)value;
    return fail(c, BATON_ERROR_UNSUPPORTED, s->pointer, "the keyword '%s' is not supported%s%s", k->name,
                k->hint ? ": " : "", k->hint ? k->hint : "");
}

/* ---- The table ---- */

#define FIELD(name) offsetof(schema_node, name)

static const keyword keywords[] = {
    {"$anchor", read_anchor, 0, NULL},
    {"$comment", read_annotation, 0, NULL},
    {"$defs", read_definitions, 0, NULL},
    {"$dynamicAnchor", read_anchor, 0, NULL},
    {"$dynamicRef", refuse_keyword, 0, NULL},
    {"$id", read_id, 0, NULL},
    {"$recursiveAnchor", refuse_keyword, 0, NULL},
    {"$recursiveRef", refuse_keyword, 0, "write $ref"},
    {"$ref", read_reference, 0, NULL},
    {"$schema", read_annotation, 0, NULL},
    {"$vocabulary", refuse_keyword, 0, NULL},
    {"additionalItems", refuse_keyword, 0, "write prefixItems and items"},
    {"additionalProperties", read_schema, FIELD(additional), NULL},
    {"allOf", read_list, FIELD(all_of), NULL},
    {"anyOf", read_list, FIELD(any_of), NULL},
    {"const", read_const, 0, NULL},
    {"contains", read_schema, FIELD(contains), NULL},
    {"contentEncoding", read_annotation, 0, NULL},
    {"contentMediaType", read_annotation, 0, NULL},
    {"contentSchema", read_annotation, 0, NULL},
    {"default", read_annotation, 0, NULL},
    {"definitions", read_definitions, 0, NULL},
    {"dependencies", refuse_keyword, 0, "write dependentRequired or dependentSchemas"},
    {"dependentRequired", read_dependent_required, 0, NULL},
    {"dependentSchemas", read_dependent_schemas, 0, NULL},
    {"deprecated", read_annotation, 0, NULL},
    {"description", read_annotation, 0, NULL},
    {"else", read_schema, FIELD(else_), NULL},
    {"enum", read_enum, 0, NULL},
    {"examples", read_annotation, 0, NULL},
    {"exclusiveMaximum", read_bound, BOUND_EXCLUSIVE_MAXIMUM, NULL},
    {"exclusiveMinimum", read_bound, BOUND_EXCLUSIVE_MINIMUM, NULL},
    {"format", read_annotation, 0, NULL},
    {"if", read_schema, FIELD(if_), NULL},
    {"items", read_items, FIELD(items), NULL},
    {"maxContains", read_bound, BOUND_MAX_CONTAINS, NULL},
    {"maxItems", read_bound, BOUND_MAX_ITEMS, NULL},
    {"maxLength", read_bound, BOUND_MAX_LENGTH, NULL},
    {"maxProperties", read_bound, BOUND_MAX_PROPERTIES, NULL},
    {"maximum", read_bound, BOUND_MAXIMUM, NULL},
    {"minContains", read_bound, BOUND_MIN_CONTAINS, NULL},
    {"minItems", read_bound, BOUND_MIN_ITEMS, NULL},
    {"minLength", read_bound, BOUND_MIN_LENGTH, NULL},
    {"minProperties", read_bound, BOUND_MIN_PROPERTIES, NULL},
    {"minimum", read_bound, BOUND_MINIMUM, NULL},
    {"multipleOf", read_bound, BOUND_MULTIPLE_OF, NULL},
    {"not", read_schema, FIELD(not_), NULL},
    {"oneOf", read_list, FIELD(one_of), NULL},
    {"pattern", read_pattern, 0, NULL},
    {"patternProperties", read_pattern_properties, 0, NULL},
    {"prefixItems", read_list, FIELD(prefix), NULL},
    {"properties", read_properties, 0, NULL},
    {"propertyNames", read_schema, FIELD(names), NULL},
    {"readOnly", read_annotation, 0, NULL},
    {"required", read_required, 0, NULL},
    {"then", read_schema, FIELD(then), NULL},
    {"title", read_annotation, 0, NULL},
    {"type", read_type, 0, NULL},
    {"unevaluatedItems", refuse_keyword, 0, "write items: false"},
    {"unevaluatedProperties", refuse_keyword, 0, "write additionalProperties: false"},
    {"uniqueItems", read_unique, 0, NULL},
    {"writeOnly", read_annotation, 0, NULL},
};

enum { KEYWORDS = sizeof keywords / sizeof *keywords };

static int compare_keyword(const void *name, const void *k) {
    return strcmp(name, ((const keyword *)k)->name);
}

static int read_keyword(compiler *c, site *s, const char *name, baton_value value) {
    const keyword *k = bsearch(name, keywords, KEYWORDS, sizeof *keywords, compare_keyword);
    if (k) return k->read(c, s, k, value);
    if (strncmp(name, "x-", 2) == 0) return 0;
    const char *names[KEYWORDS];
    for (size_t i = 0; i < KEYWORDS; i++) names[i] = keywords[i].name;
    const char *nearest = text_nearest(name, names, KEYWORDS);
    if (nearest)
        return fail(c, BATON_ERROR_INVALID, s->pointer, "unknown keyword '%s' (did you mean '%s'?)", name,
                    nearest);
    return fail(c, BATON_ERROR_INVALID, s->pointer, "unknown keyword '%s'", name);
}

/* ---- One schema ---- */

static const double no_bounds[BOUNDS] = {
    [BOUND_MINIMUM] = -INFINITY,
    [BOUND_MAXIMUM] = INFINITY,
    [BOUND_EXCLUSIVE_MINIMUM] = -INFINITY,
    [BOUND_EXCLUSIVE_MAXIMUM] = INFINITY,
    [BOUND_MAX_LENGTH] = INFINITY,
    [BOUND_MAX_ITEMS] = INFINITY,
    [BOUND_MIN_CONTAINS] = 1,
    [BOUND_MAX_CONTAINS] = INFINITY,
    [BOUND_MAX_PROPERTIES] = INFINITY,
};

static schema_node *new_node(compiler *c, const char *pointer) {
    schema_node *node = allocate(c, sizeof *node);
    if (!node) return NULL;
    node->pointer = pointer;
    memcpy(node->bounds, no_bounds, sizeof no_bounds);
    node->next = c->schema->nodes;
    c->schema->nodes = node;
    return node;
}

static int compare_members(const void *a, const void *b) {
    return strcmp(((const schema_member *)a)->name, ((const schema_member *)b)->name);
}

/* Makes one entry of those with one name, sorted for the search. */
static void merge_members(schema_node *node) {
    uint32_t count = 0;
    qsort(node->members, node->member_count, sizeof *node->members, compare_members);
    for (uint32_t i = 0; i < node->member_count; i++) {
        schema_member *m = &node->members[i];
        if (count == 0 || strcmp(node->members[count - 1].name, m->name) != 0) {
            node->members[count++] = *m;
            continue;
        }
        schema_member *merged = &node->members[count - 1];
        if (m->node) merged->node = m->node;
        if (m->dependent) merged->dependent = m->dependent;
        if (m->needs) merged->needs = m->needs, merged->need_count = m->need_count;
        if (m->required) merged->required = true;
    }
    node->member_count = count;
    for (uint32_t i = 0; i < count; i++) node->required_count += node->members[i].required;
}

/* Room for one entry a name that any keyword mentions. */
static int reserve_members(compiler *c, site *s, baton_value value) {
    static const char *const holders[] = {"properties", "required", "dependentRequired",
                                          "dependentSchemas"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++) {
        baton_value held = baton_value_get(value, holders[i]);
        if (baton_value_kind(held) >= BATON_KIND_ARRAY) count += baton_value_size(held);
        baton_value_unref(held);
    }
    if (count) s->node->members = allocate(c, count * sizeof *s->node->members);
    return count && !s->node->members ? -1 : 0;
}

static int read_members(compiler *c, site *s, baton_value value) {
    if (reserve_members(c, s, value)) return -1;
    int cursor = 0, failed = 0;
    const char *key;
    baton_value member;
    while (!failed && baton_value_next(value, &cursor, &key, &member)) {
        failed = read_keyword(c, s, key, member);
        baton_value_unref(member);
    }
    if (failed) return -1;
    schema_node *node = s->node;
    if (node->member_count) merge_members(node);
    node->has_members = node->member_count || node->pattern_count || node->additional || node->names ||
                        node->bounds[BOUND_MIN_PROPERTIES] > 0 ||
                        node->bounds[BOUND_MAX_PROPERTIES] < INFINITY;
    return 0;
}

/* The node of the schema at `pointer`, which stays with the compiler; NULL after an error. */
static const schema_node *compile(compiler *c, baton_value value, const char *pointer) {
    schema_node *node = find_name(c, pointer);
    if (node) return node;
    if (c->depth >= LIMIT_VALUE_DEPTH) {
        fail(c, BATON_ERROR_LIMIT, pointer, "the schema is nested more than %d deep", LIMIT_VALUE_DEPTH);
        return NULL;
    }
    node = new_node(c, pointer);
    if (!node || add_name(c, pointer, node)) return NULL;
    site s = {.node = node, .pointer = pointer};
    int failed = 0;
    c->depth++;
    if (baton_value_kind(value) == BATON_KIND_OBJECT)
        failed = read_members(c, &s, value);
    else if (baton_value_kind(value) == BATON_KIND_BOOLEAN)
        node->refuses = !baton_value_is_true(value);
    else
        failed = fail(c, BATON_ERROR_INVALID, pointer, "%s", "a schema must be an object, true or false");
    c->depth--;
    return failed ? NULL : node;
}

/* ---- References ---- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX in place; false when that gives no text. */
static bool decode_percents(char *text) {
    char *to = text;
    for (const char *from = text; *from; from++) {
        char byte = *from;
        if (byte == '%') {
            int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);
            if (low < 0 || (high == 0 && low == 0)) return false;
            byte = (char)(high << 4 | low);
            from += 2;
        }
        *to++ = byte;
    }
    *to = '\0';
    return true;
}

/* Decodes ~0 and ~1 of one segment in place. */
static void decode_segment(char *segment) {
    char *to = segment;
    for (const char *from = segment; *from; from++) {
        bool escape = *from == '~' && (from[1] == '0' || from[1] == '1');
        *to++ = !escape ? *from : from[1] == '0' ? '~' : '/';
        from += escape;
    }
    *to = '\0';
}

/* The member or element that a segment names; given. */
static baton_value step_into(baton_value value, const char *segment) {
    if (baton_value_kind(value) == BATON_KIND_OBJECT) return baton_value_get(value, segment);
    size_t digits = strspn(segment, "0123456789");
    if (digits == 0 || digits > 9 || segment[digits] || (*segment == '0' && digits > 1))
        return VALUE_INVALID;
    return baton_value_at(value, strtoul(segment, NULL, 10));
}

/* What stands at a pointer in the document; given; invalid when nothing does. The text is used up. */
static baton_value follow(baton_value document, char *pointer) {
    baton_value value = baton_value_ref(document);
    while (pointer && baton_value_is_valid(value)) {
        char *end = strchr(pointer + 1, '/');
        if (end) *end = '\0';
        decode_segment(++pointer);
        value_assign(&value, step_into(value, pointer));
        pointer = end;
    }
    return value;
}

/* Binds a reference to a schema at a place where none was compiled yet, such as below an unknown "x-"
 * keyword. */
static const schema_node *compile_target(compiler *c, const char *pointer) {
    char *path = strdup(pointer);
    if (!path) {
        error_memory(c->err);
        return NULL;
    }
    baton_value value = *path == '/' ? follow(c->document, path) : VALUE_INVALID;
    free(path);
    const schema_node *node = NULL;
    if (baton_value_is_valid(value))
        node = compile(c, value, pointer);
    else
        baton_error_set(c->err, BATON_ERROR_INVALID, "there is no schema at '#%s'", pointer);
    baton_value_unref(value);
    return node;
}

static int bind_reference(compiler *c, reference *r) {
    const char *target = *r->target == '#' ? r->target + 1 : r->target;
    char *name = arena_text(&c->schema->arena, target);
    if (!name) return error_memory(c->err);
    if (!decode_percents(name))
        return baton_error_set(c->err, BATON_ERROR_INVALID, "%s/$ref: '%s' is no URI", r->pointer,
                               r->target);
    r->from->reference = find_name(c, name);
    if (!r->from->reference) r->from->reference = compile_target(c, name);
    if (!r->from->reference)
        return baton_error_wrap(c->err, code_in_hand(c), "%s/$ref: '%s'", r->pointer, r->target);
    return 0;
}

static int bind_references(compiler *c) {
    while (c->references) {
        reference *r = c->references; /* compiling its target may add others */
        c->references = r->next;
        if (bind_reference(c, r)) return -1;
    }
    return 0;
}

/* ---- Cycles ---- */

enum { HEIGHT_UNDER_WAY = -1 };

static int measure(compiler *c, const schema_node *n, int depth);

/* Raises *height to that of a node in hand; -1 after an error. */
static int raise_height(compiler *c, const schema_node *n, int depth, int *height) {
    int found = n ? measure(c, n, depth) : 0;
    if (found > *height) *height = found;
    return found < 0 ? -1 : 0;
}

static int raise_by_list(compiler *c, const schema_list *list, int depth, int *height) {
    for (uint32_t i = 0; i < list->count; i++)
        if (raise_height(c, list->nodes[i], depth, height)) return -1;
    return 0;
}

/* How many nodes follow one another from this one by edges that stay at the same value; -1 when they come
 * back to it or are too many. */
static int measure(compiler *c, const schema_node *n, int depth) {
    if (n->height > 0) return n->height;
    if (n->height == HEIGHT_UNDER_WAY)
        return fail(c, BATON_ERROR_INVALID, n->pointer, "%s",
                    "a $ref leads back to this schema without going inwards");
    schema_node *node = (schema_node *)n; /* all nodes are still the compiler's */
    const schema_node *const edges[] = {n->reference, n->not_, n->if_, n->then, n->else_};
    const schema_list *const lists[] = {&n->all_of, &n->any_of, &n->one_of};
    int height =
        depth < LIMIT_SCHEMA_DEPTH ? 0 : LIMIT_SCHEMA_DEPTH; /* enough to know that it is too high */
    node->height = HEIGHT_UNDER_WAY;
    for (size_t i = 0; i < sizeof edges / sizeof *edges && height < LIMIT_SCHEMA_DEPTH; i++)
        if (raise_height(c, edges[i], depth + 1, &height)) return -1;
    for (size_t i = 0; i < sizeof lists / sizeof *lists && height < LIMIT_SCHEMA_DEPTH; i++)
        if (raise_by_list(c, lists[i], depth + 1, &height)) return -1;
    for (uint32_t i = 0; i < n->member_count && height < LIMIT_SCHEMA_DEPTH; i++)
        if (raise_height(c, n->members[i].dependent, depth + 1, &height)) return -1;
    if (height >= LIMIT_SCHEMA_DEPTH)
        return fail(c, BATON_ERROR_LIMIT, n->pointer,
                    "more than %d schemas follow this one for the same value", LIMIT_SCHEMA_DEPTH);
    return node->height = height + 1;
}

static int refuse_cycles(compiler *c) {
    for (const schema_node *n = c->schema->nodes; n; n = n->next)
        if (measure(c, n, 0) < 0) return -1;
    return 0;
}

/* ---- The whole ---- */

json_schema *json_schema_new(baton_value document, baton_error **err) {
    json_schema *schema = calloc(1, sizeof *schema);
    if (!schema) {
        error_memory(err);
        return NULL;
    }
    compiler c = {
        .schema = schema, .document = document, .id = value_get_text(document, "$id"), .err = err};
    schema->root = compile(&c, document, "");
    bool failed = !schema->root || bind_references(&c) || refuse_cycles(&c);
    tdestroy(c.names, keep_entry);
    if (!failed) return schema;
    json_schema_free(schema);
    return NULL;
}

void json_schema_free(json_schema *schema) {
    if (!schema) return;
    for (schema_node *n = schema->nodes; n; n = n->next) {
        baton_value_unref(n->values);
        baton_value_unref(n->constant);
        pattern_free(n->pattern.regex);
        for (uint32_t i = 0; i < n->pattern_count; i++) pattern_free(n->patterns[i].regex);
    }
    arena_done(&schema->arena);
    free(schema);
}
