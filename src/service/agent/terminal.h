/* What a program wrote to a terminal, as plain text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_TERMINAL_H
#define BATON_SERVICE_TERMINAL_H

#include "base/buffer.h"

/* Appends the text without escape sequences (colours, cursor moves, titles, links) and control characters;
 * tabs and line breaks stay. What a carriage return led to be written over is left out: of a line of
 * progress the last state stays. Any bytes; linear in their number. */
void terminal_plain(buffer *b, const char *text, size_t size);

#endif
