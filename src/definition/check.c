/* Walks nodes and tables side by side. A node of the wrong kind is told once and not walked into, so that
 * one mistake stays one problem; the walk then goes on beside it. What needs more than the tables (names,
 * targets, expressions) is told where it is compiled.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "definition/check.h"

#include "base/limits.h"
#include "base/text.h"
#include "definition/schema.h"

#include <stdio.h>
#include <string.h>

enum { MAX_NAMES = 64 };

typedef struct checker {
    const char *file;
    problems *found, *unsupported;
    unsigned ignored; /* how many nodes around this one are not executed: they were told of already */
} checker;

/* What messages call a node, and where its key stands. */
typedef struct spot {
    const char *name;
    bool item; /* of the list called so */
    int line, column;
} spot;

static void check_node(checker *c, const dsl_type *type, node *n, spot at);

enum { LABEL_BYTES = 160 };

static const char *label(spot at, char text[LABEL_BYTES]) {
    if (!at.name) return "the workflow";
    snprintf(text, LABEL_BYTES, "%s'%.100s'", at.item ? "each item of " : "", at.name);
    return text;
}
#define LABEL(at) label(at, (char[LABEL_BYTES]){0})

static place place_of(const checker *c, const node *n) { return (place){c->file, n->line, n->column}; }

static place key_place(const checker *c, const node_member *m) {
    return (place){c->file, m->line, m->column};
}

void check_add_unsupported(problems *unsupported, place where, const char *what) {
    problems_add(unsupported, BATON_ERROR_UNSUPPORTED, where, "'%s' is not executed by this version", what);
}

static void add_unsupported(checker *c, place where, const char *what) {
    if (!c->ignored) check_add_unsupported(c->unsupported, where, what);
}

/* ---- Kinds and texts ---- */

static bool is_expression(const node *n) {
    if (n->kind != NODE_STRING) return false;
    size_t blanks = strspn(n->text, " \t\r\n"), size = n->size;
    while (size > blanks && strchr(" \t\r\n", n->text[size - 1])) size--;
    return size >= blanks + 3 && strncmp(n->text + blanks, "${", 2) == 0 && n->text[size - 1] == '}';
}

static void check_kind(checker *c, const dsl_type *type, const node *n, spot at) {
    buffer wanted = {0};
    for (unsigned kind = NODE_OBJECT; kind >= NODE_NULL; kind /= 2) {
        if (!(type->kinds & kind)) continue;
        if (wanted.size > 0) buffer_puts(&wanted, " or ");
        buffer_puts(&wanted, node_kind_name((node_kind)kind));
    }
    if (type->or_expression) buffer_puts(&wanted, " or an expression");
    bool quotable = type->kinds == NODE_STRING && (n->kind == NODE_NUMBER || n->kind == NODE_BOOLEAN);
    if (quotable)
        problems_add(c->found, BATON_ERROR_INVALID, place_of(c, n), "%s must be %s (quote it: '%s')",
                     LABEL(at), buffer_text(&wanted), n->text);
    else
        problems_add(c->found, BATON_ERROR_INVALID, place_of(c, n), "%s must be %s, not %s", LABEL(at),
                     buffer_text(&wanted), node_kind_name(n->kind));
    buffer_done(&wanted);
}

static bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A run of letters, digits and dashes that an identifier of a semantic version may be. */
static size_t identifier_size(const char *text, bool no_leading_zeros) {
    size_t size = 0;
    bool digits = true;
    for (; is_alphanumeric(text[size]) || text[size] == '-'; size++)
        if (text[size] < '0' || text[size] > '9') digits = false;
    return no_leading_zeros && digits && size > 1 && *text == '0' ? 0 : size;
}

static const char *skip_identifiers(const char *text, bool no_leading_zeros) {
    for (;;) {
        size_t size = identifier_size(text, no_leading_zeros);
        if (size == 0) return NULL;
        text += size;
        if (*text != '.') return text;
        text++;
    }
}

static bool is_semver(const char *text) {
    for (int part = 0; part < 3; part++) {
        size_t size = strspn(text, "0123456789");
        if (size == 0 || (size > 1 && *text == '0')) return false;
        text += size;
        if (part < 2 && *text++ != '.') return false;
    }
    if (*text == '-') text = skip_identifiers(text + 1, true);
    if (text && *text == '+') text = skip_identifiers(text + 1, false);
    return text && *text == '\0';
}

static bool is_name(const char *text) {
    size_t size = strlen(text);
    if (size == 0 || size > 63 || !is_alphanumeric(text[0]) || !is_alphanumeric(text[size - 1]))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_alphanumeric(text[i]) && text[i] != '-') return false;
    return true;
}

static void check_words(checker *c, const dsl_type *type, const node *n, spot at) {
    size_t count = 0;
    for (; type->words[count]; count++)
        if (strcmp(type->words[count], n->text) == 0) return;
    buffer list = {0};
    for (size_t i = 0; i < count; i++)
        buffer_printf(&list, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", type->words[i]);
    problems_add(c->found, BATON_ERROR_INVALID, place_of(c, n), "%s must be %s, not '%.80s'", LABEL(at),
                 buffer_text(&list), n->text);
    buffer_done(&list);
}

static void check_text(checker *c, const dsl_type *type, const node *n, spot at) {
    const char *wanted = NULL;
    if (type->words) {
        check_words(c, type, n, at);
        return;
    }
    if (type->not_empty && n->size == 0) {
        problems_add(c->found, BATON_ERROR_INVALID, place_of(c, n), "%s must not be empty", LABEL(at));
        return;
    }
    switch (type->text) {
    case DSL_ANY_TEXT: break;
    case DSL_SEMVER:
        if (!is_semver(n->text)) wanted = "a semantic version like '1.0.0'";
        break;
    case DSL_NAME:
        if (!is_name(n->text)) wanted = "at most 63 letters, digits and inner dashes";
        break;
    case DSL_URI:
        if (n->size == 0 || (!strstr(n->text, "${") && n->text[strcspn(n->text, " \t\r\n")]))
            wanted = "a URI without blanks";
        break;
    case DSL_EXPRESSION:
        if (!is_expression(n)) wanted = "an expression, '${ ... }'";
        break;
    }
    if (wanted)
        problems_add(c->found, BATON_ERROR_INVALID, place_of(c, n), "%s must be %s, not '%.80s'", LABEL(at),
                     wanted, n->text);
}

static void check_integer(checker *c, const node *n, spot at) {
    if (n->number < 0 || n->number > LIMIT_EXACT_INTEGER || n->number != (double)(int64_t)n->number)
        problems_add(c->found, BATON_ERROR_INVALID, place_of(c, n), "%s must be a whole number, 0 or more",
                     LABEL(at));
}

static void check_duration(checker *c, node *n, spot at) {
    if (is_expression(n)) return;
    baton_value value = node_value(n);
    int64_t ms;
    baton_error *error = NULL;
    if (duration_read(value, &ms, &error) != 0) {
        problems_add(c->found, BATON_ERROR_INVALID, place_of(c, n), "%s: %s", LABEL(at),
                     baton_error_message(error));
        baton_error_free(error);
    }
    baton_value_unref(value);
}

/* ---- Objects ---- */

static void check_property(checker *c, const dsl_property *property, const node_member *m) {
    if (property->unsupported) add_unsupported(c, key_place(c, m), property->unsupported);
    c->ignored += property->unsupported != NULL;
    check_node(c, property->type, m->value, (spot){m->key, false, m->line, m->column});
    c->ignored -= property->unsupported != NULL;
}

/* What a key that is not known was probably meant to be. */
static void add_unknown(checker *c, const node_member *m, const char *what,
                        const dsl_property *const *lists, size_t list_count) {
    const char *names[MAX_NAMES];
    size_t count = 0;
    for (size_t i = 0; i < list_count; i++)
        for (const dsl_property *p = lists[i]; p && p->name && count < MAX_NAMES; p++)
            names[count++] = p->name;
    const char *nearest = text_nearest(m->key, names, count);
    if (nearest)
        problems_add(c->found, BATON_ERROR_INVALID, key_place(c, m),
                     "unknown %s '%.80s' (did you mean '%s'?)", what, m->key, nearest);
    else
        problems_add(c->found, BATON_ERROR_INVALID, key_place(c, m), "unknown %s '%.80s'", what, m->key);
}

static void check_other(checker *c, const dsl_type *type, const node_member *m, spot at) {
    if (type->members) {
        check_node(c, type->members, m->value, (spot){m->key, false, m->line, m->column});
    } else if (type->others == DSL_UNKNOWN) {
        add_unknown(c, m, "property", &type->properties, 1);
    } else if (type->others == DSL_NOT_EXECUTED && !c->ignored) {
        buffer what = {0};
        buffer_printf(&what, "%s.%.80s", at.name, m->key);
        add_unsupported(c, key_place(c, m), buffer_text(&what));
        buffer_done(&what);
    }
}

static void add_missing(checker *c, const char *property, spot at) {
    problems_add(c->found, BATON_ERROR_INVALID, (place){c->file, at.line, at.column},
                 "%s must have the property '%s'", LABEL(at), property);
}

/* Exactly one of the properties that exclude each other. That there is none is told unless a property was
 * found wrong: a property that seems to be missing is often the one that was misspelt. */
static void check_choice(checker *c, const dsl_type *type, const node *n, bool others_wrong, spot at) {
    buffer list = {0};
    const node_member *first = NULL, *second = NULL;
    for (const dsl_property *p = type->properties; p && p->name; p++) {
        if (!(p->flags & DSL_CHOICE)) continue;
        buffer_printf(&list, "%s%s", list.size ? ", " : "", p->name);
        const node_member *m = node_member_of(n, p->name);
        if (!m) continue;
        if (!first || m < first)
            second = first, first = m;
        else if (!second || m < second)
            second = m;
    }
    if (second)
        problems_add(c->found, BATON_ERROR_INVALID, key_place(c, second), "%s must have only one of %s",
                     LABEL(at), buffer_text(&list));
    else if (list.size > 0 && !first && !others_wrong)
        problems_add(c->found, BATON_ERROR_INVALID, (place){c->file, at.line, at.column},
                     "%s must have one of %s", LABEL(at), buffer_text(&list));
    buffer_done(&list);
}

/* Then its absence is told already. */
static bool is_misspelt(const dsl_type *type, const node *n, const dsl_property *missing) {
    for (size_t i = 0; i < n->count; i++) {
        const char *key = n->members[i].key;
        if (!dsl_property_find(type->properties, key) && text_nearest(key, &missing->name, 1)) return true;
    }
    return false;
}

static void check_object(checker *c, const dsl_type *type, const node *n, spot at) {
    if (type->single && n->count != 1) {
        place where = n->count > 1 ? key_place(c, &n->members[1]) : place_of(c, n);
        problems_add(c->found, BATON_ERROR_INVALID, where,
                     "%s must have exactly one key, its name (further lines may need more indentation)",
                     LABEL(at));
        return;
    }
    if (type->not_empty && n->count == 0) {
        problems_add(c->found, BATON_ERROR_INVALID, place_of(c, n), "%s must not be empty", LABEL(at));
    }
    size_t before = c->found->added;
    for (size_t i = 0; i < n->count; i++) {
        const dsl_property *property = dsl_property_find(type->properties, n->members[i].key);
        if (property)
            check_property(c, property, &n->members[i]);
        else
            check_other(c, type, &n->members[i], at);
    }
    check_choice(c, type, n, c->found->added > before, at);
    if (type->instead && node_member_of(n, type->instead)) return;
    for (const dsl_property *p = type->properties; p && p->name; p++)
        if ((p->flags & DSL_REQUIRED) && !node_member_of(n, p->name) && !is_misspelt(type, n, p))
            add_missing(c, p->name, at);
}

/* ---- Steps ---- */

static bool is_catalogued(const char *function) { return strchr(function, '@') || strstr(function, "://"); }

static void check_call(checker *c, const node *n, spot at) {
    const node *call = node_get(n, "call");
    const node_member *with = node_member_of(n, "with");
    const char *function = node_text(call);
    if (!function) return;
    const dsl_property *protocol = dsl_property_find(dsl_calls, function);
    const char *unsupported = protocol ? protocol->unsupported : NULL;
    buffer what = {0};
    if (is_catalogued(function)) {
        buffer_printf(&what, "call: %s", function);
        unsupported = buffer_text(&what);
    }
    if (unsupported) add_unsupported(c, place_of(c, call), unsupported);
    static const dsl_type arguments = {.kinds = NODE_OBJECT, .others = DSL_FREE};
    c->ignored += unsupported != NULL;
    if (with)
        check_node(c, protocol ? protocol->type : &arguments, with->value,
                   (spot){"with", false, with->line, with->column});
    else if (protocol)
        add_missing(c, "with", at);
    c->ignored -= unsupported != NULL;
    buffer_done(&what);
}

static void add_no_type(checker *c, const node *n, spot at) {
    const char *names[MAX_NAMES];
    for (size_t i = 0; i < dsl_step_count; i++) names[i] = dsl_steps[i].keyword;
    for (size_t i = 0; i < n->count; i++) {
        const node_member *m = &n->members[i];
        if (dsl_property_find(dsl_step_base, m->key)) continue;
        const char *nearest = text_nearest(m->key, names, dsl_step_count);
        if (nearest)
            problems_add(c->found, BATON_ERROR_INVALID, key_place(c, m),
                         "unknown step type '%.80s' (did you mean '%s'?)", m->key, nearest);
        else
            problems_add(c->found, BATON_ERROR_INVALID, key_place(c, m), "unknown step type '%.80s'",
                         m->key);
        return;
    }
    problems_add(c->found, BATON_ERROR_INVALID, (place){c->file, at.line, at.column},
                 "the step '%.80s' has no type, like 'set' or 'call'", at.name);
}

/* A second keyword is told instead of all its properties, which would be unknown. */
static bool check_one_type(checker *c, const dsl_step *type, const node *n) {
    for (size_t i = 0; i < dsl_step_count; i++) {
        const dsl_step *other = &dsl_steps[i];
        const node_member *m = other == type ? NULL : node_member_of(n, other->keyword);
        if (!m || dsl_property_find(type->properties, other->keyword)) continue;
        const node_member *first = node_member_of(n, type->keyword), *second = m;
        if (second < first) second = first, first = m;
        problems_add(c->found, BATON_ERROR_INVALID, key_place(c, second),
                     "a step has one type, not both '%s' and '%s'", first->key, second->key);
        return false;
    }
    return true;
}

static void check_step(checker *c, const node *n, spot at) {
    const dsl_step *type = dsl_step_find(n);
    bool known = type && check_one_type(c, type, n);
    if (!type) add_no_type(c, n, at);
    for (size_t i = 0; i < n->count; i++) {
        const node_member *m = &n->members[i];
        const dsl_property *property = dsl_property_find(dsl_step_base, m->key);
        if (property) {
            check_property(c, property, m);
            continue;
        }
        if (!known) continue;
        bool is_keyword = strcmp(m->key, type->keyword) == 0;
        property = dsl_property_find(type->properties, m->key);
        if (is_keyword && type->unsupported) add_unsupported(c, key_place(c, m), type->unsupported);
        c->ignored += type->unsupported != NULL;
        if (property)
            check_property(c, property, m);
        else
            add_unknown(c, m, "property", (const dsl_property *const[]){type->properties, dsl_step_base},
                        2);
        c->ignored -= type->unsupported != NULL;
    }
    if (!known) return;
    for (const dsl_property *p = type->properties; p->name; p++)
        if ((p->flags & DSL_REQUIRED) && !node_member_of(n, p->name)) add_missing(c, p->name, at);
    if (type->kind == STEP_CALL) check_call(c, n, at);
}

/* ---- All ---- */

static void check_node(checker *c, const dsl_type *type, node *n, spot at) {
    if (type->kinds == 0 || n->faulty) return;
    if (!(n->kind & type->kinds)) {
        if (!type->or_expression || !is_expression(n)) check_kind(c, type, n, at);
        return;
    }
    if (type->form == DSL_DURATION) {
        check_duration(c, n, at);
    } else if (type->form == DSL_STEP) {
        check_step(c, n, at);
    } else if (n->kind == NODE_STRING) {
        check_text(c, type, n, at);
    } else if (n->kind == NODE_NUMBER && type->integer) {
        check_integer(c, n, at);
    } else if (n->kind == NODE_OBJECT) {
        check_object(c, type, n, at);
    } else if (n->kind == NODE_ARRAY) {
        if (type->not_empty && n->count == 0)
            problems_add(c->found, BATON_ERROR_INVALID, place_of(c, n), "%s must not be empty", LABEL(at));
        for (size_t i = 0; type->items && i < n->count; i++)
            check_node(c, type->items, n->items[i],
                       (spot){at.name, true, n->items[i]->line, n->items[i]->column});
    }
}

void check_document(const document *d, problems *found, problems *unsupported) {
    checker c = {.file = d->file, .found = found, .unsupported = unsupported};
    node *root = d->root;
    check_node(&c, &dsl_workflow, root, (spot){NULL, false, root->line, root->column});
}
