/* What the outside brings back: the outcome of a process or an HTTP call, and the faults they make.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_ENGINE_EFFECT_H
#define BATON_ENGINE_EFFECT_H

#include "base/buffer.h"
#include "base/value.h"

/* One of the two is valid, or none: an effect without an output, after which the step keeps its input. */
typedef struct effect_outcome {
    baton_value output;
    baton_value fault; /* {type, status, title, detail}; the engine adds the instance */
} effect_outcome;

/* Ends an effect: called once, on the loop thread, never from inside the call that started it, and not at
 * all after a cancel. Takes both values. The effect's handle is gone when it is called. It may start and
 * cancel other effects, but not free the runner or the client that calls it. */
typedef void (*effect_done)(void *data, effect_outcome outcome);

/* A fault of the standard type `name` ("runtime", "communication", "timeout", "configuration").
 * Given. */
baton_value effect_fault(const char *name, int status, const char *title, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Appends a text as it is, a number or a boolean as JSON has it; false for other kinds. */
bool effect_write_scalar(buffer *b, baton_value value);
/* How many of the first `size` bytes to keep so that no UTF-8 character is cut at the end. */
size_t effect_cut_utf8(const char *text, size_t size);

#endif
