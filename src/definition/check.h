/* Checks a file's nodes against the DSL's tables.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_DEFINITION_CHECK_H
#define BATON_DEFINITION_CHECK_H

#include "definition/node.h"
#include "definition/problems.h"

/* Adds all that the tables alone can tell: to `found` what is invalid, to `unsupported` what is valid but
 * not executed by this version. */
void check_document(const document *d, problems *found, problems *unsupported);
/* "'emit' is not executed by this version". */
void check_add_unsupported(problems *unsupported, place where, const char *what);

#endif
