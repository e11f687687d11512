/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/context.h"

#include "base/error.h"
#include "base/value.h"

#include <stdlib.h>

struct baton_context {
    unsigned references;
    baton_value entries; /* an object; invalid while empty */
    context_view view;
};

baton_context *baton_context_new(void) {
    baton_context *context = calloc(1, sizeof *context);
    if (context) context->references = 1;
    return context;
}

baton_context *context_ref(baton_context *context) {
    context->references++;
    return context;
}

void context_unref(baton_context *context) {
    if (!context || --context->references) return;
    context_set_view(context, NULL);
    value_unref(context->entries);
    free(context);
}

baton_value context_entries(const baton_context *context) { return context->entries; }

void baton_context_free(baton_context *context) { context_unref(context); }

void context_set_view(baton_context *context, const context_view *view) {
    context_view old = context->view;
    context->view = view ? *view : (context_view){0};
    if (old.release) old.release(old.data);
}

baton_value baton_context_get(const baton_context *context, const char *key) {
    baton_value value = baton_value_get(context->entries, key);
    if (!value_is_valid(value) && context->view.get) value = context->view.get(context->view.data, key);
    return value;
}

void baton_context_set(baton_context *context, const char *key, baton_value value) {
    if (!value_is_valid(context->entries)) context->entries = baton_value_object();
    context->entries = baton_value_set(context->entries, key, value);
}

bool baton_context_has(const baton_context *context, const char *key) {
    baton_value value = baton_context_get(context, key);
    bool has = value_is_valid(value);
    value_unref(value);
    return has;
}

bool baton_context_remove(baton_context *context, const char *key) {
    if (!baton_value_has(context->entries, key)) return false;
    context->entries = baton_value_remove(context->entries, key);
    return true;
}

char *baton_context_to_json(const baton_context *context) {
    baton_value all = baton_value_object(), keys = baton_value_array();
    if (context->view.names) keys = context->view.names(context->view.data, keys);
    for (size_t i = 0; i < baton_value_size(keys); i++) {
        baton_value key = baton_value_at(keys, i);
        const char *name = baton_value_as_text(key);
        all = baton_value_set(all, name, baton_context_get(context, name));
        value_unref(key);
    }
    value_unref(keys);
    int cursor = 0;
    const char *name;
    baton_value member;
    while (baton_value_next(context->entries, &cursor, &name, &member))
        all = baton_value_set(all, name, member);
    char *json = baton_value_to_json(all);
    value_unref(all);
    return json;
}

baton_context *baton_context_from_json(const char *json, size_t size, baton_error **err) {
    baton_value entries = baton_value_parse(json, size, err);
    if (!value_is_valid(entries)) return NULL;
    baton_context *context = NULL;
    if (baton_value_kind(entries) != BATON_KIND_OBJECT)
        baton_error_set(err, BATON_ERROR_INVALID, "a context must be a JSON object");
    else if (!(context = baton_context_new()))
        error_memory(err);
    if (!context) {
        value_unref(entries);
        return NULL;
    }
    context->entries = entries;
    return context;
}
