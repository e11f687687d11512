/* Small questions about texts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_TEXT_H
#define BATON_BASE_TEXT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* The candidate nearest to `word` (case does not count), or NULL when none is near enough to suggest. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);
/* Appends one segment of a JSON pointer: "/" and the name, with ~ and / escaped. */
void text_pointer_segment(buffer *b, const char *name);
/* How many of the leading bytes are whole, valid UTF-8. */
size_t text_utf8_prefix(const char *text, size_t size);
bool text_is_utf8(const char *text, size_t size);
/* Appends base-64 of the bytes. */
void text_base64(buffer *b, const void *bytes, size_t size);

#endif
