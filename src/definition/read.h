/* Reading workflow files, with the choices that the public functions do not offer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_DEFINITION_READ_H
#define BATON_DEFINITION_READ_H

#include <baton/baton.h>

typedef struct read_options {
    const char *name;         /* what errors call the file; may be NULL */
    baton_registry *registry; /* may be NULL */
    bool lazy_expressions;    /* leave libjq's part of the check to the first need: it costs milliseconds */
} read_options;

baton_workflow *workflow_read(const char *text, size_t size, const read_options *options,
                              baton_error **err);

#endif
