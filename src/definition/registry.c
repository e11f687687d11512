/* Step types by name (the seed's StepRegistry).
 *
 * Types are copied into the registry's arena and never move, so that what baton_registry_find gave stays
 * valid while others are added; only the sorted array of pointers to them grows. The count of references is
 * atomic; all else belongs to one thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "base/text.h"
#include "definition/workflow.h"

#include <stdlib.h>
#include <string.h>

struct baton_registry {
    atomic_uint references;
    arena arena;
    baton_step_type **types; /* by name */
    size_t count, capacity;
};

/* What `call:` means by itself in a workflow file. */
static const char *const keywords[] = {"http", "grpc", "openapi", "asyncapi", "a2a", "mcp"};

baton_registry *baton_registry_new(void) {
    baton_registry *registry = calloc(1, sizeof *registry);
    if (registry) atomic_init(&registry->references, 1);
    return registry;
}

baton_registry *registry_ref(baton_registry *registry) {
    if (registry) atomic_fetch_add_explicit(&registry->references, 1, memory_order_relaxed);
    return registry;
}

void baton_registry_free(baton_registry *registry) {
    if (!registry || atomic_fetch_sub_explicit(&registry->references, 1, memory_order_acq_rel) != 1) return;
    arena_done(&registry->arena);
    free(registry->types);
    free(registry);
}

/* Where the name is, or would be put in. */
static size_t position(const baton_registry *registry, const char *name, bool *found) {
    size_t low = 0, high = registry->count;
    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, registry->types[middle]->name);
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
        *found = order == 0;
    }
    return *found ? high : low;
}

static int check_name(const char *name, baton_error **err) {
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    strchr("_-.", c) != NULL;
        if (!fits)
            return baton_error_set(err, BATON_ERROR_USAGE,
                                   "step type '%s': a name has letters, digits, '_', '-' and '.' only",
                                   name);
    }
    if (size > LIMIT_NAME_BYTES)
        return baton_error_set(err, BATON_ERROR_USAGE, "a step type's name has at most %d bytes",
                               LIMIT_NAME_BYTES);
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcmp(name, keywords[i]) == 0)
            return baton_error_set(err, BATON_ERROR_USAGE,
                                   "step type '%s': the name has a meaning of its own in workflow files",
                                   name);
    return 0;
}

static int make_room(baton_registry *registry) {
    if (registry->count < registry->capacity) return 0;
    size_t capacity = registry->capacity ? 2 * registry->capacity : 16;
    baton_step_type **types = realloc(registry->types, capacity * sizeof *types);
    if (!types) return -1;
    registry->types = types;
    registry->capacity = capacity;
    return 0;
}

int baton_registry_add(baton_registry *registry, const baton_step_type *type, baton_error **err) {
    if (!type->name || !*type->name)
        return baton_error_set(err, BATON_ERROR_USAGE, "a step type needs a name");
    if (!type->execute)
        return baton_error_set(err, BATON_ERROR_USAGE, "step type '%s' needs an execute operation",
                               type->name);
    if (check_name(type->name, err)) return -1;
    bool found;
    size_t at = position(registry, type->name, &found);
    if (found)
        return baton_error_set(err, BATON_ERROR_CONFLICT, "step type '%s' is registered already",
                               type->name);
    baton_step_type *copy = arena_alloc(&registry->arena, sizeof *copy);
    char *name = arena_text(&registry->arena, type->name);
    if (!copy || !name || make_room(registry)) return error_memory(err);
    *copy = *type;
    copy->name = name;
    memmove(registry->types + at + 1, registry->types + at,
            (registry->count - at) * sizeof *registry->types);
    registry->types[at] = copy;
    registry->count++;
    return 0;
}

const baton_step_type *baton_registry_find(const baton_registry *registry, const char *name) {
    bool found;
    size_t at = position(registry, name, &found);
    return found ? registry->types[at] : NULL;
}

size_t baton_registry_size(const baton_registry *registry) { return registry->count; }

const char *registry_nearest(const baton_registry *registry, const char *name) {
    if (!registry || registry->count == 0) return NULL;
    const char **names = calloc(registry->count, sizeof *names);
    if (!names) return NULL;
    for (size_t i = 0; i < registry->count; i++) names[i] = registry->types[i]->name;
    const char *nearest = text_nearest(name, names, registry->count);
    free(names);
    return nearest;
}
