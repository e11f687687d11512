/* JSON Schema: from nodes to a verdict on a value.
 *
 * A check that succeeds allocates nothing, but for uniqueItems of long arrays and for what Oniguruma needs
 * during a search: paths are lists on the stack that only a message writes out, and names are compared as
 * they lie in the value. Its work is bounded, since alternatives within a recursive schema can multiply.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/value.h"
#include "definition/json_schema.h"
#include "definition/json_schema_node.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum verdict { FITS, MISFIT, FAILED /* a limit; also *err is set */ } verdict;

/* Where in the value the check is, from the inside out. */
typedef struct path {
    const struct path *parent; /* NULL: the whole value */
    const char *key;           /* NULL: index counts */
    size_t index;
} path;

/* What is checked: a value, or a member's name, which stands for a string without being made one. */
typedef struct subject {
    baton_value value;
    const char *name; /* NULL: value counts */
    const path *where;
} subject;

typedef struct checker {
    baton_error **err;
    unsigned quiet; /* above 0: misfits decide between alternatives and are not told */
    unsigned depth;
    unsigned long checks;
} checker;

static verdict check(checker *c, const schema_node *n, const subject *s);

/* ---- Messages ---- */

static void write_path(buffer *b, const path *p) {
    if (!p || !p->parent) return;
    write_path(b, p->parent);
    if (p->key)
        text_pointer_segment(b, p->key);
    else
        buffer_printf(b, "/%zu", p->index);
}

__attribute__((format(printf, 4, 5))) static void tell(checker *c, baton_error_code code, const subject *s,
                                                       const char *format, ...) {
    if (!c->err) return;
    buffer b = {0};
    write_path(&b, s->where);
    if (b.size) buffer_puts(&b, ": ");
    if (s->name) buffer_puts(&b, "its name ");
    va_list args;
    va_start(args, format);
    buffer_vprintf(&b, format, args);
    va_end(args);
    if (buffer_failed(&b))
        error_memory(c->err);
    else
        baton_error_set(c->err, code, "%s", buffer_text(&b));
    buffer_done(&b);
}

/* Says what is wrong, unless nobody wants to know. */
#define misfit(c, s, ...)  ((c)->quiet ? MISFIT : (tell(c, BATON_ERROR_INVALID, s, __VA_ARGS__), MISFIT))
#define give_up(c, s, ...) (tell(c, BATON_ERROR_LIMIT, s, __VA_ARGS__), FAILED)

static const char *plural(double count) { return count == 1 ? "" : "s"; }

static verdict wrong_type(checker *c, const schema_node *n, const subject *s) {
    static const struct {
        unsigned bit;
        const char *text;
    } names[] = {{1u << BATON_KIND_NULL, "null"},       {1u << BATON_KIND_BOOLEAN, "true or false"},
                 {1u << BATON_KIND_NUMBER, "a number"}, {SCHEMA_INTEGER, "an integer"},
                 {1u << BATON_KIND_STRING, "a string"}, {1u << BATON_KIND_ARRAY, "an array"},
                 {1u << BATON_KIND_OBJECT, "an object"}};
    if (c->quiet) return MISFIT;
    buffer b = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (n->types & names[i].bit) buffer_printf(&b, "%s%s", b.size ? " or " : "", names[i].text);
    tell(c, BATON_ERROR_INVALID, s, "must be %s", buffer_text(&b));
    buffer_done(&b);
    return MISFIT;
}

/* "must be one of [1,2]" where that is short enough to read. */
static verdict wrong_value(checker *c, const char *relation, baton_value allowed, const subject *s) {
    enum { READABLE = 200 };
    if (c->quiet) return MISFIT;
    buffer b = {0};
    value_write(&b, allowed);
    if (b.size > READABLE)
        tell(c, BATON_ERROR_INVALID, s, "is not what the schema allows here");
    else
        tell(c, BATON_ERROR_INVALID, s, "must be %s%s", relation, buffer_text(&b));
    buffer_done(&b);
    return MISFIT;
}

/* ---- Kinds, constants, numbers, strings ---- */

static baton_kind kind_of(const subject *s) {
    return s->name ? BATON_KIND_STRING : baton_value_kind(s->value);
}

static bool equals(const subject *s, baton_value candidate) {
    if (!s->name) return baton_value_equal(s->value, candidate);
    const char *text = baton_value_as_text(candidate);
    return text && strcmp(text, s->name) == 0;
}

static bool fits_type(const schema_node *n, const subject *s) {
    baton_kind kind = kind_of(s);
    if (!n->types || n->types & 1u << kind) return true;
    if (kind != BATON_KIND_NUMBER || !(n->types & SCHEMA_INTEGER)) return false;
    double number = baton_value_as_number(s->value);
    return number == floor(number) && isfinite(number);
}

static bool fits_enum(const schema_node *n, const subject *s) {
    size_t count = baton_value_size(n->values);
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
        baton_value candidate = baton_value_at(n->values, i);
        found = equals(s, candidate);
        baton_value_unref(candidate);
    }
    return found;
}

static verdict check_any_kind(checker *c, const schema_node *n, const subject *s) {
    if (n->refuses) return misfit(c, s, "is not allowed");
    if (!fits_type(n, s)) return wrong_type(c, n, s);
    if (baton_value_is_valid(n->values) && !fits_enum(n, s)) return wrong_value(c, "one of ", n->values, s);
    if (baton_value_is_valid(n->constant) && !equals(s, n->constant))
        return wrong_value(c, "", n->constant, s);
    return FITS;
}

/* Whole numbers are divided exactly; of others, 0.0075 counts as a multiple of 0.0001. */
static bool is_multiple(double number, double of) {
    double quotient = number / of;
    if (!isfinite(quotient) || (number == floor(number) && of == floor(of))) return fmod(number, of) == 0;
    return fabs(quotient - nearbyint(quotient)) <= 4 * DBL_EPSILON * fabs(quotient);
}

static verdict check_number(checker *c, const schema_node *n, const subject *s) {
    const double *b = n->bounds;
    double number = baton_value_as_number(s->value);
    if (number < b[BOUND_MINIMUM]) return misfit(c, s, "must be at least %.15g", b[BOUND_MINIMUM]);
    if (number > b[BOUND_MAXIMUM]) return misfit(c, s, "must be at most %.15g", b[BOUND_MAXIMUM]);
    if (number <= b[BOUND_EXCLUSIVE_MINIMUM])
        return misfit(c, s, "must be above %.15g", b[BOUND_EXCLUSIVE_MINIMUM]);
    if (number >= b[BOUND_EXCLUSIVE_MAXIMUM])
        return misfit(c, s, "must be below %.15g", b[BOUND_EXCLUSIVE_MAXIMUM]);
    if (b[BOUND_MULTIPLE_OF] > 0 && !is_multiple(number, b[BOUND_MULTIPLE_OF]))
        return misfit(c, s, "must be a multiple of %.15g", b[BOUND_MULTIPLE_OF]);
    return FITS;
}

static double count_characters(const char *text, size_t size) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++) count += (text[i] & 0xc0) != 0x80;
    return (double)count;
}

static verdict check_string(checker *c, const schema_node *n, const subject *s) {
    const double least = n->bounds[BOUND_MIN_LENGTH], most = n->bounds[BOUND_MAX_LENGTH];
    const char *text = s->name ? s->name : baton_value_as_text(s->value);
    size_t size = s->name ? strlen(s->name) : baton_value_size(s->value);
    if (least > 0 || most < INFINITY) {
        double length = count_characters(text, size);
        if (length < least)
            return misfit(c, s, "must have at least %.15g character%s", least, plural(least));
        if (length > most) return misfit(c, s, "must have at most %.15g character%s", most, plural(most));
    }
    if (!n->pattern.regex) return FITS;
    int found = pattern_search(n->pattern.regex, text, size);
    if (found < 0)
        return give_up(c, s, "takes too long to match against the pattern '%s'", n->pattern.text);
    return found ? FITS : misfit(c, s, "must match the pattern '%s'", n->pattern.text);
}

/* ---- Arrays ---- */

/* Equal values have equal hashes: the order of members does not count, nor does the sign of a zero. */
static uint64_t hash_value(baton_value value, uint64_t seed) {
    baton_kind kind = baton_value_kind(value);
    uint64_t hash = hash_fold(seed + (uint64_t)kind, seed | 1);
    double number = baton_value_as_number(value) + 0.0;
    size_t size = baton_value_size(value);
    baton_value inner;
    if (kind == BATON_KIND_NUMBER) return hash_bytes((const char *)&number, sizeof number, hash);
    if (kind == BATON_KIND_STRING) return hash_bytes(baton_value_as_text(value), size, hash);
    if (kind == BATON_KIND_BOOLEAN) return hash + baton_value_is_true(value);
    for (size_t i = 0; kind == BATON_KIND_ARRAY && i < size; i++) {
        inner = baton_value_at(value, i);
        hash = hash_value(inner, hash);
        baton_value_unref(inner);
    }
    uint64_t members = 0;
    int cursor = 0;
    const char *key;
    while (baton_value_next(value, &cursor, &key, &inner)) {
        members += hash_text(key, hash_value(inner, seed));
        baton_value_unref(inner);
    }
    return hash + members;
}

typedef struct hashed {
    uint64_t hash;
    size_t index;
} hashed;

static int compare_hashed(const void *a, const void *b) {
    const hashed *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static bool equal_at(baton_value array, size_t i, size_t j) {
    baton_value a = baton_value_at(array, i), b = baton_value_at(array, j);
    bool equal = baton_value_equal(a, b);
    baton_value_unref(a);
    baton_value_unref(b);
    return equal;
}

/* The first item that has an equal one, and that; compares only items with one hash, which most often is a
 * single one. */
static bool find_twins(baton_value array, const hashed *items, size_t count, size_t twins[2]) {
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count && items[j].hash == items[i].hash; j++) {
            if (found && items[i].index >= twins[0]) break;
            if (!equal_at(array, items[i].index, items[j].index)) continue;
            found = true;
            twins[0] = items[i].index;
            twins[1] = items[j].index;
            break;
        }
    }
    return found;
}

static verdict check_unique(checker *c, const subject *s) {
    enum { SHORT = 16 };
    hashed few[SHORT], *items = few;
    /* Where the stack lies is as good as entropy here, and the machine may ask for none. */
    uint64_t seed = (uint64_t)(uintptr_t)few;
    size_t count = baton_value_size(s->value), twins[2] = {0, 0};
    if (count > SHORT) items = malloc(count * sizeof *items);
    if (!items) {
        error_memory(c->err);
        return FAILED;
    }
    for (size_t i = 0; i < count; i++) {
        baton_value item = baton_value_at(s->value, i);
        items[i] = (hashed){hash_value(item, seed), i};
        baton_value_unref(item);
    }
    qsort(items, count, sizeof *items, compare_hashed);
    bool found = find_twins(s->value, items, count, twins);
    if (items != few) free(items);
    if (!found) return FITS;
    return misfit(c, s, "must not have the same item twice (items %zu and %zu)", twins[0], twins[1]);
}

static verdict check_item(checker *c, const schema_node *n, const subject *s, size_t index) {
    path where = {.parent = s->where, .index = index};
    subject item = {.value = baton_value_at(s->value, index), .where = &where};
    verdict v = check(c, n, &item);
    baton_value_unref(item.value);
    return v;
}

static verdict check_contains(checker *c, const schema_node *n, const subject *s) {
    const double least = n->bounds[BOUND_MIN_CONTAINS], most = n->bounds[BOUND_MAX_CONTAINS];
    size_t count = baton_value_size(s->value);
    double found = 0;
    c->quiet++;
    verdict v = FITS;
    for (size_t i = 0; i < count && v != FAILED && (found < least || most < INFINITY); i++) {
        v = check_item(c, n->contains, s, i);
        found += v == FITS;
    }
    c->quiet--;
    if (v == FAILED) return FAILED;
    if (found < least)
        return misfit(c, s, "must have at least %.15g item%s of the kind that `contains` describes", least,
                      plural(least));
    if (found > most)
        return misfit(c, s, "must have at most %.15g item%s of the kind that `contains` describes", most,
                      plural(most));
    return FITS;
}

static verdict check_array(checker *c, const schema_node *n, const subject *s) {
    const double least = n->bounds[BOUND_MIN_ITEMS], most = n->bounds[BOUND_MAX_ITEMS];
    size_t count = baton_value_size(s->value);
    if ((double)count < least) return misfit(c, s, "must have at least %.15g item%s", least, plural(least));
    if ((double)count > most) return misfit(c, s, "must have at most %.15g item%s", most, plural(most));
    verdict v = FITS;
    for (size_t i = 0; i < count && i < n->prefix.count && v == FITS; i++)
        v = check_item(c, n->prefix.nodes[i], s, i);
    for (size_t i = n->prefix.count; n->items && i < count && v == FITS; i++)
        v = check_item(c, n->items, s, i);
    if (v == FITS && n->contains) v = check_contains(c, n, s);
    if (v == FITS && n->unique && count > 1) v = check_unique(c, s);
    return v;
}

/* ---- Objects ---- */

/* As baton_value_has, which would have to make a string of the key. */
static bool has_member(baton_value object, const char *name) {
    int cursor = 0;
    const char *key;
    while (baton_value_next(object, &cursor, &key, NULL))
        if (strcmp(key, name) == 0) return true;
    return false;
}

static const schema_member *find_member(const schema_node *n, const char *name) {
    size_t low = 0, high = n->member_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, n->members[middle].name);
        if (order == 0) return &n->members[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* What follows for the object from having this member. */
static verdict check_dependents(checker *c, const schema_member *m, const subject *object) {
    for (uint32_t i = 0; i < m->need_count; i++)
        if (!has_member(object->value, m->needs[i]))
            return misfit(c, object, "must have the property '%s', because it has '%s'", m->needs[i],
                          m->name);
    return m->dependent ? check(c, m->dependent, object) : FITS;
}

static verdict check_patterns(checker *c, const schema_node *n, const char *key, const subject *member,
                              bool *matched) {
    verdict v = FITS;
    for (uint32_t i = 0; i < n->pattern_count && v == FITS; i++) {
        const schema_pattern *p = &n->patterns[i];
        int found = pattern_search(p->regex, key, strlen(key));
        if (found < 0)
            return give_up(c, member, "takes too long to match against the pattern '%s'", p->text);
        if (!found) continue;
        *matched = true;
        v = check(c, p->node, member);
    }
    return v;
}

static verdict check_member(checker *c, const schema_node *n, const subject *object, const schema_member *m,
                            const subject *member) {
    const char *key = member->where->key;
    verdict v = FITS;
    bool matched = m && m->node;
    if (n->names) {
        subject name = {.name = key, .where = member->where};
        v = check(c, n->names, &name);
    }
    if (v == FITS && m && m->node) v = check(c, m->node, member);
    if (v == FITS) v = check_patterns(c, n, key, member, &matched);
    if (v == FITS && n->additional && !matched) v = check(c, n->additional, member);
    if (v == FITS && m) v = check_dependents(c, m, object);
    return v;
}

static verdict missing_member(checker *c, const schema_node *n, const subject *s) {
    const schema_member *m = n->members;
    while (!m->required || has_member(s->value, m->name)) m++;
    return misfit(c, s, "must have the property '%s'", m->name);
}

static verdict check_object(checker *c, const schema_node *n, const subject *s) {
    if (!n->has_members) return FITS;
    const double least = n->bounds[BOUND_MIN_PROPERTIES], most = n->bounds[BOUND_MAX_PROPERTIES];
    double count = (double)baton_value_size(s->value);
    if (count < least)
        return misfit(c, s, "must have at least %.15g propert%s", least, least == 1 ? "y" : "ies");
    if (count > most)
        return misfit(c, s, "must have at most %.15g propert%s", most, most == 1 ? "y" : "ies");
    uint32_t required = 0;
    path where = {.parent = s->where};
    subject member = {.where = &where};
    verdict v = FITS;
    int cursor = 0;
    while (v == FITS && baton_value_next(s->value, &cursor, &where.key, &member.value)) {
        const schema_member *m = find_member(n, where.key);
        required += m && m->required;
        v = check_member(c, n, s, m, &member);
        baton_value_unref(member.value);
    }
    if (v == FITS && required < n->required_count) return missing_member(c, n, s);
    return v;
}

/* ---- Combinations ---- */

static verdict check_quietly(checker *c, const schema_node *n, const subject *s) {
    c->quiet++;
    verdict v = check(c, n, s);
    c->quiet--;
    return v;
}

static verdict check_any_of(checker *c, const schema_node *n, const subject *s) {
    verdict v = n->any_of.count ? MISFIT : FITS;
    for (uint32_t i = 0; i < n->any_of.count && v == MISFIT; i++)
        v = check_quietly(c, n->any_of.nodes[i], s);
    if (v != MISFIT) return v;
    return misfit(c, s, "fits none of the %u schemas of anyOf", (unsigned)n->any_of.count);
}

static verdict check_one_of(checker *c, const schema_node *n, const subject *s) {
    uint32_t fitting[2], count = 0;
    for (uint32_t i = 0; i < n->one_of.count && count < 2; i++) {
        verdict v = check_quietly(c, n->one_of.nodes[i], s);
        if (v == FAILED) return FAILED;
        if (v == FITS) fitting[count++] = i;
    }
    if (count == 1 || n->one_of.count == 0) return FITS;
    if (count == 0) return misfit(c, s, "fits none of the %u schemas of oneOf", (unsigned)n->one_of.count);
    return misfit(c, s, "must fit only one schema of oneOf, but fits numbers %u and %u",
                  (unsigned)fitting[0], (unsigned)fitting[1]);
}

static verdict check_condition(checker *c, const schema_node *n, const subject *s) {
    verdict v = check_quietly(c, n->if_, s);
    if (v == FAILED) return FAILED;
    const schema_node *then = v == FITS ? n->then : n->else_;
    return then ? check(c, then, s) : FITS;
}

static verdict check_combinations(checker *c, const schema_node *n, const subject *s) {
    verdict v = n->reference ? check(c, n->reference, s) : FITS;
    for (uint32_t i = 0; i < n->all_of.count && v == FITS; i++) v = check(c, n->all_of.nodes[i], s);
    if (v == FITS && n->not_) {
        v = check_quietly(c, n->not_, s);
        if (v != FAILED) v = v == MISFIT ? FITS : misfit(c, s, "must not fit the schema of not");
    }
    if (v == FITS) v = check_any_of(c, n, s);
    if (v == FITS) v = check_one_of(c, n, s);
    if (v == FITS && n->if_) v = check_condition(c, n, s);
    return v;
}

/* ---- The whole ---- */

static verdict check_kind(checker *c, const schema_node *n, const subject *s) {
    switch (kind_of(s)) {
    case BATON_KIND_NUMBER: return check_number(c, n, s);
    case BATON_KIND_STRING: return check_string(c, n, s);
    case BATON_KIND_ARRAY: return check_array(c, n, s);
    case BATON_KIND_OBJECT: return check_object(c, n, s);
    default: return FITS;
    }
}

static verdict check(checker *c, const schema_node *n, const subject *s) {
    if (++c->checks > LIMIT_SCHEMA_CHECKS)
        return give_up(c, s, "takes more than %d checks against its schema", LIMIT_SCHEMA_CHECKS);
    if (c->depth >= LIMIT_SCHEMA_DEPTH)
        return give_up(c, s, "is nested too deep for its schema (limit %d)", LIMIT_SCHEMA_DEPTH);
    c->depth++;
    verdict v = check_any_kind(c, n, s);
    if (v == FITS) v = check_kind(c, n, s);
    if (v == FITS) v = check_combinations(c, n, s);
    c->depth--;
    return v;
}

int json_schema_check(const json_schema *schema, baton_value value, baton_error **err) {
    checker c = {.err = err};
    path root = {0};
    subject whole = {.value = value, .where = &root};
    return check(&c, schema->root, &whole) == FITS ? 0 : -1;
}
