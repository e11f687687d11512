/* How a task is to be carried out: the settings of the seed's section 11, their kinds and defaults.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_SETTINGS_H
#define BATON_SERVICE_SETTINGS_H

#include <baton/baton.h>

/* 0 when this is a setting's or an editable column's name and the value is of its kind and in its range, or
 * null; else BATON_ERROR_INVALID that says what it may be. */
int settings_check(const char *key, baton_value value, baton_error **err);
/* The same question for what documents say: null is no value of a setting, and true is also given for a key
 * that is none. If not, what it must be ("true or false") is written to `expected`. */
enum { SETTINGS_EXPECTED = 160 };
bool settings_fits(const char *key, baton_value value, char expected[SETTINGS_EXPECTED]);
/* True of columns that may be edited: title, type, category, priority, estimated_hours. */
bool settings_is_column(const char *key);
/* All settings of a task, with defaults where nobody said anything or what was said is of the wrong kind.
 * Given: an object; git_branch_name and verify may be missing. Lists of texts are arrays, also where one
 * text alone was said. */
baton_value settings_of(baton_value task);

#endif
