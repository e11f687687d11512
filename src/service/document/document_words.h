/* What people write where a value is asked for: quotes, remarks, templates that were left as they are, and
 * times.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_DOCUMENT_WORDS_H
#define BATON_SERVICE_DOCUMENT_WORDS_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

/* "Feature/Component Name" as "feature_component_name"; cut where it does not fit. */
void words_key(const char *text, char *key, size_t size);

/* A text without blanks around it, and without the quotes ('...', "...", `...`) around all of it. NULL
 * without memory. */
char *words_unquoted(arena *a, const char *text);
/* A text without symbols and quotes around it and without a remark behind it: "3 (default)", "'ui' - set by
 * hand", "🔴 High". NULL without memory. */
char *words_without_remark(arena *a, const char *text);

/* "[Name]", "<name>", "{name}": brackets around all of it. */
bool words_are_placeholder(const char *text);
/* "true | false", "'a' | 'b' | 'c'": nothing was chosen. */
bool words_are_choice(const char *text);
/* "None (foundation layer)", "N/A", "-", "No changes", "Keine". */
bool words_are_none(const char *text);
/* One word of letters, digits, dashes and underscores. */
bool words_are_word(const char *text);

/* Reads a time as hours of work, 8 a day and 40 a week: "80 hours (2 weeks)", "4 weeks (160 hours)",
 * "2 days 4 hours", "90 minutes". False when it is none, or no single one: "2-3 hours", "20+ hours". */
bool words_hours(const char *text, double *hours);

/* True when text has one of the words, which are separated by blanks; a word with a star stands for all
 * that begin with it. Case does not count. *found and *size tell where. */
bool words_have(const char *text, const char *words, const char **found, size_t *size);

#endif
