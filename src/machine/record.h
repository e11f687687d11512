/* Records: what happened, for the journal. The machine numbers them 1, 2, 3... within an execution.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_MACHINE_RECORD_H
#define BATON_MACHINE_RECORD_H

#include "definition/workflow.h"

typedef enum record_kind {
    RECORD_STARTED,   /* of the execution; data: its input */
    RECORD_COMPLETED, /* data: its output */
    RECORD_FAULTED,   /* data: the error */
    RECORD_CANCELLED,
    RECORD_SUSPENDED,
    RECORD_RESUMED,
    RECORD_STEP_STARTED, /* an occurrence begins, or (attempt > 1) is tried again; data: {"interrupted":
                          * true} where the attempt before died with its process */
    RECORD_STEP_SKIPPED,
    RECORD_STEP_COMPLETED, /* data: its output */
    RECORD_STEP_FAULTED,   /* data: the error */
    RECORD_STEP_CANCELLED,
    RECORD_STEP_RETRIED, /* a try begins again, or an attempt of a step in C failed and another follows */
    RECORD_STEPS_COMPLETED,  /* `count` steps in a row, under a strategy that journals no steps */
    RECORD_ROLLBACK_STARTED, /* data: as RECORD_STEP_STARTED */
    RECORD_ROLLBACK_COMPLETED,
    RECORD_ROLLBACK_FAULTED, /* data: the error */
} record_kind;

typedef struct record {
    record_kind kind;
    uint32_t number;
    uint32_t key;     /* number of the record that first began this occurrence */
    uint32_t attempt; /* of the occurrence, from 1; 0 for records of the execution */
    uint32_t count;   /* RECORD_STEPS_COMPLETED */
    const step *step; /* NULL for records of the execution */
    int64_t time_ns;
    int64_t duration_ns; /* of what ended: since its (first) start */
    /* Owned by the output the record stands in. The last four only where the execution keeps_data, and
     * where they are not what `data` or the record that began the step says already. */
    baton_value data;
    baton_value raw_input;  /* RECORD_STEP_STARTED, of a first attempt */
    baton_value input;      /* RECORD_STEP_COMPLETED, _FAULTED of a step with input.from */
    baton_value raw_output; /* RECORD_STEP_COMPLETED, where output.as made something else of it */
    baton_value context;    /* RECORD_STEP_COMPLETED of a step with export.as: $context after it */
} record;

/* "step_completed": as the journal names it. */
const char *record_kind_name(record_kind kind);

#endif
