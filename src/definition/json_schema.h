/* JSON Schema (draft 2020-12) for `input.schema`, `output.schema` and `export.schema` (DSL, "Schema").
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_DEFINITION_JSON_SCHEMA_H
#define BATON_DEFINITION_JSON_SCHEMA_H

#include <baton/baton.h>

typedef struct json_schema json_schema;

/* Compiles a schema document (borrowed). NULL after an error: what is malformed (BATON_ERROR_INVALID), or
 * a keyword that is not checked (BATON_ERROR_UNSUPPORTED, by name); both with the JSON pointer inside the
 * schema in the message. Annotations (title, description, default, examples, format, $comment, ...) are
 * accepted. */
json_schema *json_schema_new(baton_value document, baton_error **err);
void json_schema_free(json_schema *schema);
/* 0 when the value fits. -1 otherwise: one BATON_ERROR_INVALID whose message names the first place that
 * does not, as a JSON pointer into the value, and what is wrong: "/order/id: must be a string". */
int json_schema_check(const json_schema *schema, baton_value value, baton_error **err);

#endif
