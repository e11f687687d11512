/* From a file to a workflow: read the nodes, check them against the tables, compile them, have libjq
 * compile the expressions. The checker and the compiler both run over a file with problems, so that all of
 * them are told at once; libjq is asked last and only about expressions that stood up until then.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "definition/read.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/value.h"
#include "definition/check.h"
#include "definition/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static baton_workflow *new_workflow(const document *d, const read_options *options) {
    baton_workflow *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    atomic_init(&w->references, 1);
    w->registry = registry_ref(options->registry);
    w->digest = hash_stable(HASH_STABLE, d->text, d->size);
    w->program = expression_program_new();
    if (options->name) w->file = arena_text(&w->arena, options->name);
    w->text = arena_text_sized(&w->arena, d->text, d->size);
    w->text_size = d->size;
    if (w->program && w->text && (w->file || !options->name)) return w;
    workflow_unref(w);
    return NULL;
}

/* Everything after the syntax. 0 when the workflow is whole. */
static int compile(compiler *c, bool lazy_expressions, baton_error **err) {
    compile_workflow(c);
    if (!lazy_expressions && !c->no_memory) compile_expressions(c);
    baton_error *list = c->no_memory ? NULL : problems_give(c->found);
    c->workflow->unsupported = c->no_memory ? NULL : problems_give(c->unsupported);
    if (c->no_memory || baton_error_get_code(c->workflow->unsupported) == BATON_ERROR_MEMORY) {
        baton_error_free(list);
        return error_memory(err);
    }
    if (!list) return baton_workflow_validate(c->workflow, err);
    if (err)
        *err = list;
    else
        baton_error_free(list);
    return -1;
}

static baton_workflow *read_document(document *d, const read_options *options, baton_error **err) {
    baton_workflow *w = new_workflow(d, options);
    if (!w) {
        error_memory(err);
        return NULL;
    }
    problems found = d->faults, unsupported = {0};
    d->faults = (problems){0};
    compiler c = {.document = d, .workflow = w, .found = &found, .unsupported = &unsupported};
    check_document(d, &found, &unsupported);
    int rc = compile(&c, options->lazy_expressions, err);
    problems_done(&found);
    problems_done(&unsupported);
    compile_done(&c);
    if (rc == 0) return w;
    workflow_unref(w);
    return NULL;
}

static bool is_json(const char *name) {
    size_t size = name ? strlen(name) : 0;
    return size > 5 && strcmp(name + size - 5, ".json") == 0;
}

baton_workflow *workflow_read(const char *text, size_t size, const read_options *options,
                              baton_error **err) {
    if (is_json(options->name)) { /* YAML would take more than JSON allows */
        baton_value value = value_parse(text, size, options->name, err);
        bool valid = baton_value_is_valid(value);
        baton_value_unref(value);
        if (!valid) return NULL;
    }
    document d;
    if (document_read(&d, text, size, options->name, err) != 0) return NULL;
    baton_workflow *w = read_document(&d, options, err);
    document_done(&d);
    return w;
}

baton_workflow *baton_workflow_parse(const char *text, size_t size, const char *name,
                                     baton_registry *registry, baton_error **err) {
    return workflow_read(text, size, &(read_options){.name = name, .registry = registry}, err);
}

baton_workflow *baton_workflow_load(const char *path, baton_registry *registry, baton_error **err) {
    buffer text = {0};
    baton_workflow *w = NULL;
    if (file_read(path, LIMIT_FILE_BYTES, &text, err) == 0)
        w = baton_workflow_parse(buffer_text(&text), text.size, path, registry, err);
    buffer_done(&text);
    return w;
}

int baton_workflow_executable(const baton_workflow *workflow, baton_error **err) {
    const baton_error *e = workflow->unsupported;
    if (!e) return 0;
    baton_error *list = NULL;
    for (; err && e; e = baton_error_next(e)) {
        baton_error *copy = baton_error_new(baton_error_get_code(e), "%s", baton_error_message(e));
        error_set_place(copy, (place){baton_error_file(e), baton_error_line(e), baton_error_column(e)});
        error_append(&list, copy);
    }
    if (err) *err = list;
    return -1;
}
