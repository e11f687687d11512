/* Idempotency keys: all attempts of one occurrence of a step bear one key, the number of the record that
 * first began it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_MACHINE_KEYS_H
#define BATON_MACHINE_KEYS_H

#include "machine/execution.h"

/* The key of the occurrence that f begins: the number that an earlier attempt of an enclosing `try` with
 * retry gave to it, else `number`, which all enclosing tries then remember; 0 without memory. */
uint32_t keys_resolve(frame *f, uint32_t number);
/* A `try` begins again: its occurrences are counted from the first. */
void keys_rewind(frame *f);

/* The list of a step on a path, new when there was none; NULL without memory. */
struct key_list *keys_list(key_memory *keys, uint32_t ordinal, uint32_t path);
/* Appends to a list; false without memory. */
bool keys_append(struct key_list *list, uint32_t key);

#endif
