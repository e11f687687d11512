/* What a scalar of a workflow file is: YAML 1.2's core schema, less what JSON cannot hold.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_DEFINITION_SCALAR_H
#define BATON_DEFINITION_SCALAR_H

#include "base/buffer.h"
#include "definition/node.h"

/* Sets kind, number and boolean of a node from its text, style and tag (in full; NULL: none). Returns NULL,
 * or what is wrong, written to `message`. */
enum { SCALAR_MESSAGE = 200 };
const char *scalar_resolve(node *n, const char *tag, char message[SCALAR_MESSAGE]);

/* Appends the text of a quoted scalar that is well formed and begins at `start`, behind its quote. */
void scalar_unquote(const document *d, node_style style, size_t start, buffer *text);
/* Bytes of the line break at `at`; 0 when there is none. */
size_t scalar_break_size(const document *d, size_t at);
/* The first position from `at` that is neither blank nor tab, at most `limit` bytes on. */
size_t scalar_skip_blanks(const document *d, size_t at, size_t limit);

#endif
