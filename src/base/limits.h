/* Every maximum of Baton, in one place. What can grow has a line here; what a line names is refused
 * with an error that says the limit, never cut short.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_LIMITS_H
#define BATON_BASE_LIMITS_H

/* Values. */
#define LIMIT_VALUE_DEPTH       256                /* nesting of a JSON text */
#define LIMIT_INPUT_BYTES       (64u << 20)        /* an execution's input, as text */
#define LIMIT_OUTPUT_BYTES      (64u << 20)        /* a step's output, as text */
#define LIMIT_VALUE_WRITE_DEPTH 10000              /* nesting of a value that is written as text */
#define LIMIT_OUTPUT_DEPTH      9984               /* nesting of an output: more stands around it */
#define LIMIT_JSON_BYTES        (1u << 30)         /* a JSON text or a string */
#define LIMIT_NUMBER_BYTES      1024               /* one number in a JSON text */
#define LIMIT_EXACT_INTEGER     9007199254740992.0 /* 2^53: above it a double skips integers */

/* Workflow files. */
#define LIMIT_FILE_BYTES    (1u << 20)    /* a workflow file */
#define LIMIT_FILE_DEPTH    64            /* nesting of its nodes */
#define LIMIT_FILE_BRACKETS 512           /* open brackets before the YAML reader sees them */
#define LIMIT_FILE_NODES    200000        /* nodes after aliases were followed */
#define LIMIT_FILE_TEXT     (8u << 20)    /* bytes of its texts after aliases were followed */
#define LIMIT_FILE_ANCHORS  1000          /* anchors (&name) of one file */
#define LIMIT_FILE_PROBLEMS 100           /* problems reported of one file */
#define LIMIT_STEPS         10000         /* steps of one workflow */
#define LIMIT_NAME_BYTES    256           /* a step's or variable's name */
#define LIMIT_NESTING       64            /* workflows in C within one another */
#define LIMIT_DURATION_MS   3153600000000 /* 100 years of 365 days */

/* JSON Schema. */
#define LIMIT_SCHEMA_DEPTH    2048        /* schemas under check at once, within one another */
#define LIMIT_SCHEMA_CHECKS   50000000    /* schemas checked for one value */
#define LIMIT_PATTERN_BYTES   (16u << 10) /* one regular expression's text */
#define LIMIT_PATTERN_RETRIES 10000000    /* steps back in one search */
#define LIMIT_PATTERN_STACK   1000000     /* places kept for steps back in one search */

/* Expressions. */
#define LIMIT_EXPRESSION_BYTES (64u << 10) /* one expression's text */
#define LIMIT_EXPRESSION_DEPTH 200         /* nesting of its brackets */
#define LIMIT_ARRAY_INDEX      10000000    /* an index that an expression may assign to */
#define LIMIT_STRING_REPEAT    16777216    /* bytes that "text" * n may make */
#define LIMIT_EXPRESSION_OPERATORS                                         \
    1000 /* operators of one expression: libjq compiles in squares of them \
          */

/* The machine. */
#define LIMIT_TURN_STEPS 512   /* steps moved through before the engine commits */
#define LIMIT_FRAMES     10000 /* frames of one execution at once */
#define LIMIT_BRANCHES   1000  /* branches of one fork */

/* The engine. */
#define LIMIT_QUEUE_SIZE       10000000     /* what max_queue_size may be */
#define LIMIT_QUEUE_PRIORITY   1000         /* priorities go from minus this to this */
#define LIMIT_QUEUE_PRIORITIES 64           /* different priorities that are queued at once */
#define LIMIT_ESTIMATE_MS      315360000000 /* what an execution's duration is estimated at */
#define LIMIT_HISTORIES        10000        /* workflows whose durations are remembered */
#define LIMIT_ID_BYTES         128          /* an execution id of the caller's choice */
#define LIMIT_DEPENDENCIES     1000         /* dependencies of one execution */
#define LIMIT_EARLY_DELIVERIES 1000         /* deliveries kept before anybody waits for them */

/* Effects. */
#define LIMIT_PROCESSES            4096        /* processes of one engine at once */
#define LIMIT_PROCESS_OUTPUT       (16u << 20) /* what a process may write to stdout, and to stderr */
#define LIMIT_PROCESS_KILL_MS      5000        /* from TERM to KILL */
#define LIMIT_PROCESS_STDERR_BYTES 1000        /* the end of stderr in a fault's detail */
#define LIMIT_GUARDIAN_KILL_MS     500         /* from TERM to KILL after Baton died */
#define LIMIT_HTTP_RESPONSE        (16u << 20) /* a response's body */
#define LIMIT_HTTP_CONNECT_MS      10000       /* until a connection stands */
#define LIMIT_HTTP_TOTAL_MS        300000      /* a whole call, unless the step has a timeout */
#define LIMIT_HTTP_REDIRECTS       10
#define LIMIT_HTTP_HEADERS         (256u << 10) /* a response's headers */
#define LIMIT_HTTP_EXCERPT_BYTES   500          /* the begin of a response in a fault's detail */

/* Tasks. */
#define LIMIT_TASK_FILES     20000      /* documents of one import */
#define LIMIT_DOCUMENT_BYTES (1u << 20) /* a task document */
#define LIMIT_FOLDER_DEPTH   64         /* folders that are looked into, within one another */

#endif
