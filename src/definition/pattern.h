/* Regular expressions as JSON Schema has them (ECMA-262, Unicode), with a bound on the work of a search.
 * One thread at a time may search with a pattern.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_DEFINITION_PATTERN_H
#define BATON_DEFINITION_PATTERN_H

#include <baton/baton.h>

typedef struct pattern pattern;

/* NULL after an error, which says what is wrong with the text. */
pattern *pattern_new(const char *text, size_t size, baton_error **err);
void pattern_free(pattern *p);
/* Whether some part of the text fits: 1 or 0; -1 when finding out would take too long or too much memory.
 */
int pattern_search(const pattern *p, const char *text, size_t size);

#endif
