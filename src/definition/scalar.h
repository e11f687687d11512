/* What a scalar of a workflow file is: YAML 1.2's core schema, less what JSON cannot hold.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_DEFINITION_SCALAR_H
#define BATON_DEFINITION_SCALAR_H

#include "definition/node.h"

/* Sets kind, number and boolean of a node from its text, style and tag (in full; NULL: none). Returns NULL,
 * or what is wrong, written to `message`. */
enum { SCALAR_MESSAGE = 200 };
const char *scalar_resolve(node *n, const char *tag, char message[SCALAR_MESSAGE]);

#endif
