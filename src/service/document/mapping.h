/* The seed's "Database Task Creation Instructions": the INSERT statement that a document carries, and the
 * ones that Baton writes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_MAPPING_H
#define BATON_SERVICE_MAPPING_H

#include "base/buffer.h"

#include <baton/baton.h>

struct store_task;

/* Reads the first row of `INSERT INTO tasks (columns) VALUES (values), ...;` from a text of SQL. Gives an
 * object {column: text, number, boolean or null}; left out are values that are no literal (uuid(),
 * '{}'::jsonb), and placeholders: texts that one pair of brackets is around, [Full markdown content],
 * <title> or {title}, and that are not JSON. Columns are in lower case. Given; invalid when the text has no
 * such statement (then *err stays NULL) or it cannot be read (*err says why, with the line within the text
 * as its place). */
baton_value mapping_read(const char *sql, size_t size, baton_error **err);

/* Appends a statement that makes the table if it is not there, in words that SQLite and PostgreSQL both
 * take. */
void mapping_write_table(buffer *b);
/* Appends one INSERT with the seed's columns in the seed's order. Loads the same way into SQLite and
 * PostgreSQL (UTF8, standard_conforming_strings on), also into columns of type uuid and jsonb, as long as
 * metadata has no carriage returns between its values. */
void mapping_write_task(buffer *b, const struct store_task *task);

#endif
