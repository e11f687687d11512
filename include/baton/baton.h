/* baton.h - Baton, a durable sequential workflow engine: the whole public interface.
 *
 * Conventions, which hold unless a function says otherwise:
 *  - Functions that can fail return 0 or a handle, and -1 or NULL after a failure. Then *err, when err is
 *    not NULL, holds an error that the caller frees. Results are written only on success.
 *  - A parameter is *borrowed* (the callee keeps nothing), *taken* (the callee owns it from the call on,
 *    also when the call fails) or *given* (the caller owns what came back). Values passed to functions
 *    whose comment does not say so are borrowed.
 *  - Destructors accept NULL.
 *  - Text is UTF-8, ended by a NUL, and not NULL unless said. Times are milliseconds since 1970 UTC.
 *  - A handle belongs to one thread at a time. What other threads may call is said at baton_engine.
 *
 * "Seed" names the sequential execution engine whose concepts Baton implements; "DSL" is the Open
 * Workflow DSL 1.0.3.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BATON_H
#define BATON_BATON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BATON_API __attribute__((visibility("default")))

#define BATON_VERSION "0.1.0"

/* The version of the library that is loaded, as BATON_VERSION was when it was built. Any thread. */
BATON_API const char *baton_version(void);

/* ---- Errors ------------------------------------------------------------------------------------------
 * Seed: ExecutionException and its kinds, with cause. */

typedef enum baton_error_code {
    BATON_ERROR_NONE = 0,
    BATON_ERROR_USAGE,       /* an argument makes no sense */
    BATON_ERROR_INVALID,     /* a definition or an input is invalid */
    BATON_ERROR_UNSUPPORTED, /* valid, but not executed by this version */
    BATON_ERROR_LIMIT,       /* larger than a documented limit */
    BATON_ERROR_NOT_FOUND,
    BATON_ERROR_NOT_ALLOWED,
    BATON_ERROR_CONFLICT,   /* the id exists with other content */
    BATON_ERROR_QUEUE_FULL, /* max_queue_size executions are queued; nothing was lost */
    BATON_ERROR_EXECUTION,  /* "Workflow execution failed": its cause says why */
    BATON_ERROR_STEP,       /* a step failed */
    BATON_ERROR_EXPRESSION, /* an expression failed */
    BATON_ERROR_TIMEOUT,    /* a step or an execution ran out of time */
    BATON_ERROR_CANCELLED,
    BATON_ERROR_SUSPENDED,
    BATON_ERROR_DEPENDENCY, /* an execution that this one depends on failed or is unknown */
    BATON_ERROR_CYCLE,      /* dependencies that lead back to themselves */
    BATON_ERROR_STORE,      /* the store failed; the engine takes no more work */
    BATON_ERROR_SYSTEM,     /* the operating system refused something */
    BATON_ERROR_MEMORY
} baton_error_code;

typedef struct baton_error baton_error;

/* Makes an error with a printf-style message. Given; never NULL (a static error stands for one that found
 * no memory). */
BATON_API baton_error *baton_error_new(baton_error_code code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Puts a new error into *err (freeing nothing) when err is not NULL. Returns -1, to be returned on. */
BATON_API int baton_error_set(baton_error **err, baton_error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Wraps *err: a new error whose cause is the old *err takes its place. Returns -1. err may be NULL. */
BATON_API int baton_error_wrap(baton_error **err, baton_error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Frees an error with its causes and followers. */
BATON_API void baton_error_free(baton_error *error);

BATON_API baton_error_code baton_error_get_code(const baton_error *error);
/* The code's name, "queue_full"; static text. */
BATON_API const char *baton_error_code_name(baton_error_code code);
/* The message alone; lives as long as the error. */
BATON_API const char *baton_error_message(const baton_error *error);
/* Where: the file (NULL when unknown), and line and column from 1 (0 when unknown). */
BATON_API const char *baton_error_file(const baton_error *error);
BATON_API int baton_error_line(const baton_error *error);
BATON_API int baton_error_column(const baton_error *error);
/* The error that led to this one, or NULL. Lives as long as this one. */
BATON_API const baton_error *baton_error_cause(const baton_error *error);
/* The next of several problems found together (validation reports all of them), or NULL. */
BATON_API const baton_error *baton_error_next(const baton_error *error);
/* One line: "order.yaml:12:7: message: cause: its cause". Given, to be freed with free(); NULL without
 * memory. */
BATON_API char *baton_error_text(const baton_error *error);

/* ---- Values ------------------------------------------------------------------------------------------
 * JSON data: a 16-byte handle passed by value, reference-counted, copied on write. Each handle that a
 * function gives must be released once with baton_value_unref or given on. A value and all its copies
 * belong to one thread at a time. A zeroed handle is the invalid value, "nothing". */

typedef struct baton_value {
    uint64_t head, tail; /* private */
} baton_value;

typedef enum baton_kind {
    BATON_KIND_INVALID = 0,
    BATON_KIND_NULL,
    BATON_KIND_BOOLEAN,
    BATON_KIND_NUMBER,
    BATON_KIND_STRING,
    BATON_KIND_ARRAY,
    BATON_KIND_OBJECT
} baton_kind;

BATON_API baton_value baton_value_invalid(void);
BATON_API baton_value baton_value_null(void);
BATON_API baton_value baton_value_boolean(bool value);
BATON_API baton_value baton_value_number(double value);
/* Invalid UTF-8 is replaced by U+FFFD. size is in bytes, at most 2^30. */
BATON_API baton_value baton_value_string(const char *text);
BATON_API baton_value baton_value_string_sized(const char *text, size_t size);
BATON_API baton_value baton_value_array(void);
BATON_API baton_value baton_value_object(void);

/* Another handle to the same data. */
BATON_API baton_value baton_value_ref(baton_value value);
BATON_API void baton_value_unref(baton_value value);

BATON_API baton_kind baton_value_kind(baton_value value);
BATON_API bool baton_value_is_valid(baton_value value);
/* As jq has it: everything but null, false and the invalid value. */
BATON_API bool baton_value_is_true(baton_value value);
/* 0 unless the value is a number. */
BATON_API double baton_value_as_number(baton_value value);
/* NULL unless the value is a string; else its text, which lives as long as the value. */
BATON_API const char *baton_value_as_text(baton_value value);
/* Bytes of a string, elements of an array, members of an object; else 0. */
BATON_API size_t baton_value_size(baton_value value);
BATON_API bool baton_value_equal(baton_value a, baton_value b);

/* The element or member; given; invalid when there is none or the value is of another kind. */
BATON_API baton_value baton_value_at(baton_value array, size_t index);
BATON_API baton_value baton_value_get(baton_value object, const char *key);
BATON_API bool baton_value_has(baton_value object, const char *key);
/* These take container and element, and give the changed container. */
BATON_API baton_value baton_value_append(baton_value array, baton_value element);
BATON_API baton_value baton_value_set(baton_value object, const char *key, baton_value member);
BATON_API baton_value baton_value_remove(baton_value object, const char *key);
/* Walks an object: start with *cursor = 0; false at the end. *key lives as long as the object is not
 * changed; *member (may be NULL) is given. */
BATON_API bool baton_value_next(baton_value object, int *cursor, const char **key, baton_value *member);

/* Reads one JSON text (RFC 8259). Given; invalid after an error (BATON_ERROR_INVALID or _LIMIT, with line
 * and column): a syntax error, a key twice in one object, nesting above 256, or an integer that a double
 * cannot hold exactly. */
BATON_API baton_value baton_value_parse(const char *json, size_t size, baton_error **err);
/* Writes a value as compact JSON. Given, to be freed with free(); NULL without memory. */
BATON_API char *baton_value_to_json(baton_value value);

/* ---- Context -----------------------------------------------------------------------------------------
 * Seed: WorkflowContext. Named values that the steps of an execution share. During and after an execution
 * a context also answers for the keys that the engine sets: executionId, executionStrategy,
 * scheduledExecution, and step_<i>_result for each top-level step that succeeded under strategy `basic`.
 * Those are a view of what was recorded, made when asked for; setting such a key hides the view. */

typedef struct baton_context baton_context;

BATON_API baton_context *baton_context_new(void);
/* Drops the caller's hold; an execution that uses the context keeps it. */
BATON_API void baton_context_free(baton_context *context);
/* Given; invalid when the key is not there. */
BATON_API baton_value baton_context_get(const baton_context *context, const char *key);
/* Takes the value. */
BATON_API void baton_context_set(baton_context *context, const char *key, baton_value value);
BATON_API bool baton_context_has(const baton_context *context, const char *key);
/* True when the key was there. */
BATON_API bool baton_context_remove(baton_context *context, const char *key);
/* All keys as one JSON object. Given, to be freed with free(). */
BATON_API char *baton_context_to_json(const baton_context *context);
/* Given; NULL after an error: text that is not a JSON object. */
BATON_API baton_context *baton_context_from_json(const char *json, size_t size, baton_error **err);

/* ---- Steps in C --------------------------------------------------------------------------------------
 * Seed: IWorkflowStep (execute, validate, rollback, getMetadata). */

typedef struct baton_step_call baton_step_call;
typedef struct baton_completion baton_completion;
typedef struct baton_execution baton_execution;
typedef struct baton_workflow baton_workflow;
typedef struct baton_engine baton_engine;

/* Runs a step or rolls one back, on the engine's loop thread. Returns 0 when the step is done (or was
 * deferred or waits, see below), -1 when it failed, with the reason in *err (which is never NULL here). */
typedef int (*baton_step_function)(baton_step_call *call, baton_error **err);

/* A step type. Borrowed by baton_registry_add, which copies it with its texts; `data` is the program's. */
typedef struct baton_step_type {
    const char *name;
    baton_step_function execute;  /* not NULL */
    baton_step_function rollback; /* may be NULL */
    /* Checks a step's arguments (an object; null when it has none) before anything runs. May be NULL. */
    int (*validate)(baton_value arguments, void *data, baton_error **err);
    bool pure;  /* has no outside effect: is not committed before the next step begins */
    void *data; /* what baton_step_call_data answers */
} baton_step_type;

/* Of the call in hand. What they return lives as long as the call; values are given. */
BATON_API const char *baton_step_call_name(const baton_step_call *call);
BATON_API const char *baton_step_call_reference(const baton_step_call *call);
BATON_API const baton_execution *baton_step_call_execution(const baton_step_call *call);
BATON_API baton_context *baton_step_call_context(baton_step_call *call);
/* What the step before gave; the execution's input for the first; `with` for `call:` in a file. */
BATON_API baton_value baton_step_call_input(const baton_step_call *call);
/* The arguments that the builder was given for this step; null when none. */
BATON_API baton_value baton_step_call_arguments(const baton_step_call *call);
BATON_API void *baton_step_call_data(const baton_step_call *call);
/* 1 for the first attempt of an occurrence, 2 for its first retry. */
BATON_API int baton_step_call_attempt(const baton_step_call *call);
/* "<execution id>/<number>": one key for all attempts of one occurrence. */
BATON_API const char *baton_step_call_key(baton_step_call *call);
/* True when the execution was cancelled or is out of time. May be asked from any thread during the call. */
BATON_API bool baton_step_call_cancelled(const baton_step_call *call);
/* Sets the step's output; takes the value. The last call counts; null when there was none. */
BATON_API void baton_step_call_output(baton_step_call *call, baton_value output);
/* If this attempt fails, it must not be tried again. */
BATON_API void baton_step_call_no_retry(baton_step_call *call);

/* The step will end later: return 0 after this. Given; NULL without memory. The handle may be used from
 * any thread, also after the engine was freed (then it does nothing), and is released by
 * baton_completion_free. */
BATON_API baton_completion *baton_step_call_defer(baton_step_call *call);
/* End a deferred step. The first of them counts; later ones, and those for a step that has ended
 * otherwise (timeout, cancellation), return -1 (BATON_ERROR_CONFLICT) and do no harm. The JSON text is
 * borrowed; NULL stands for null. Any thread. */
BATON_API int baton_completion_succeed(baton_completion *completion, const char *json, size_t size,
                                       baton_error **err);
BATON_API int baton_completion_fail(baton_completion *completion, const char *message, baton_error **err);
BATON_API void baton_completion_free(baton_completion *completion);

/* The step waits for baton_engine_deliver with its reference: return 0 after this. The execution may leave
 * memory until then. Its output will be the value delivered. */
BATON_API void baton_step_call_wait(baton_step_call *call);

/* ---- Registry ----------------------------------------------------------------------------------------
 * Seed: StepRegistry. Step types by name: for the builder, and for `call: NAME` in workflow files. */

typedef struct baton_registry baton_registry;

BATON_API baton_registry *baton_registry_new(void);
/* Drops the caller's hold; workflows and engines that use the registry keep it. */
BATON_API void baton_registry_free(baton_registry *registry);
/* BATON_ERROR_CONFLICT when the name is taken; BATON_ERROR_USAGE when type has no name or execute. */
BATON_API int baton_registry_add(baton_registry *registry, const baton_step_type *type, baton_error **err);
/* NULL when there is none; lives as long as the registry. */
BATON_API const baton_step_type *baton_registry_find(const baton_registry *registry, const char *name);
BATON_API size_t baton_registry_size(const baton_registry *registry);

/* ---- Workflows ---------------------------------------------------------------------------------------
 * Seed: IWorkflow and ComposedWorkflow. Immutable once built; may be used by several executions of one
 * engine at once. */

/* Reads a workflow file (YAML or JSON, DSL 1.0.3), checked completely. Given; NULL after an error, which
 * lists every problem (baton_error_next) with its place. `registry` (may be NULL) holds the functions that
 * `call:` may name. A workflow that uses what this version does not execute is read (see
 * baton_workflow_executable). */
BATON_API baton_workflow *baton_workflow_load(const char *path, baton_registry *registry,
                                              baton_error **err);
/* The same of a text; `name` is what errors call the file. */
BATON_API baton_workflow *baton_workflow_parse(const char *text, size_t size, const char *name,
                                               baton_registry *registry, baton_error **err);
/* Drops the caller's hold; executions that use the workflow keep it. */
BATON_API void baton_workflow_free(baton_workflow *workflow);
/* 0 when this version executes everything that the workflow uses; else BATON_ERROR_UNSUPPORTED, one error
 * for each type or property. An execution of such a workflow is refused before its first step. */
BATON_API int baton_workflow_executable(const baton_workflow *workflow, baton_error **err);
/* Seed: WorkflowValidator. Runs the workflow's checks again (steps' validate, the builder's rules), and
 * reports every problem. */
BATON_API int baton_workflow_validate(const baton_workflow *workflow, baton_error **err);
BATON_API const char *baton_workflow_namespace(const baton_workflow *workflow);
BATON_API const char *baton_workflow_name(const baton_workflow *workflow);
BATON_API const char *baton_workflow_version(const baton_workflow *workflow);
/* Number of top-level steps, and their names (NULL beyond the last). */
BATON_API size_t baton_workflow_step_count(const baton_workflow *workflow);
BATON_API const char *baton_workflow_step_name(const baton_workflow *workflow, size_t index);
/* Seed: getMetadata. An object: name, namespace, version, steps (names), and what the builder or
 * document.metadata added. Given. */
BATON_API baton_value baton_workflow_metadata(const baton_workflow *workflow);

/* Seed: WorkflowBuilder. Errors are collected and told by baton_builder_build, all of them. */
typedef struct baton_builder baton_builder;

/* One step of a workflow in C. Zero what is not needed. Borrowed. */
typedef struct baton_step {
    const char *name; /* unique within its workflow */
    /* Either a type of the registry, by name, or the operations themselves. */
    const char *type;
    baton_step_function execute;
    baton_step_function rollback;
    int (*validate)(baton_value arguments, void *data, baton_error **err);
    void *data;
    bool pure;
    baton_value arguments; /* borrowed */
    int64_t timeout_ms;    /* 0: none */
} baton_step;

/* A rule of validation over the whole workflow: 0, or -1 with *err. */
typedef int (*baton_rule_function)(const baton_workflow *workflow, void *data, baton_error **err);

/* name: letters, digits and dashes, as the DSL has it. registry may be NULL. Given; NULL without memory. */
BATON_API baton_builder *baton_builder_new(const char *name, baton_registry *registry);
BATON_API void baton_builder_free(baton_builder *builder);
BATON_API void baton_builder_namespace(baton_builder *builder, const char *name);  /* default "default" */
BATON_API void baton_builder_version(baton_builder *builder, const char *version); /* default "0.1.0" */
/* Takes the value. */
BATON_API void baton_builder_metadata(baton_builder *builder, const char *key, baton_value value);
BATON_API void baton_builder_step(baton_builder *builder, const baton_step *step);
/* Adds the steps of another workflow in C as one step. Borrowed; copied. */
BATON_API void baton_builder_nested(baton_builder *builder, const char *name,
                                    const baton_workflow *workflow);
BATON_API void baton_builder_rule(baton_builder *builder, baton_rule_function rule, void *data);
/* After a failure, timeout or cancellation, roll back the steps that succeeded, in reverse order. */
BATON_API void baton_builder_rollback(baton_builder *builder, bool enabled);
/* Checks everything and gives the workflow; NULL after an error that lists every problem. The builder can
 * be used again. */
BATON_API baton_workflow *baton_builder_build(baton_builder *builder, baton_error **err);

/* ---- Strategies --------------------------------------------------------------------------------------
 * Seed: BasicSequentialStrategy, SimpleSequentialStrategy. A pure callback that decides, after each step
 * of a sequence, what comes next. */

typedef enum baton_strategy_action {
    BATON_STRATEGY_NEXT,  /* go on with the next step, also past a failure */
    BATON_STRATEGY_RETRY, /* try this step again after delay_ms */
    BATON_STRATEGY_STOP   /* end the sequence with this outcome */
} baton_strategy_action;

typedef struct baton_step_outcome {
    const char *name;
    bool success;
    bool no_retry; /* the step said that it must not be tried again */
    int attempt;   /* 1 for the first */
    size_t index;  /* of the step in its sequence */
} baton_step_outcome;

typedef struct baton_strategy_options {
    int retry_attempts;     /* retries after the first attempt */
    int64_t retry_delay_ms; /* before the first retry */
    bool stop_on_failure;
} baton_strategy_options;

typedef struct baton_strategy_decision {
    baton_strategy_action action;
    int64_t delay_ms;
} baton_strategy_decision;

typedef struct baton_strategy {
    const char *name; /* what results call it, as "basic_sequential" */
    /* May be NULL: as `basic` decides. */
    baton_strategy_decision (*decide)(const baton_step_outcome *outcome,
                                      const baton_strategy_options *options, void *data);
    void *data;
    bool keep_results;  /* keep each step's value, not only its name and outcome */
    bool journal_steps; /* journal each step; without it only an execution's begin and end */
} baton_strategy;

/* ---- Queue -------------------------------------------------------------------------------------------
 * Seed: ExecutionQueue. Bounded; the highest priority first, first in first out among equals. Waiting
 * ages: an entry that waited `aging_ms` longer counts as one priority higher. All operations take constant
 * time but baton_queue_remove's search by id, which takes constant time on average. */

typedef struct baton_queue baton_queue;

typedef struct baton_queue_options {
    size_t max_size;  /* 0: the seed's 100 */
    int64_t aging_ms; /* 0: 10000; negative: entries do not age */
} baton_queue_options;

typedef struct baton_queue_entry {
    const char *id; /* borrowed: must live, unchanged, as long as the entry is queued; unique */
    int priority;   /* from -1000 to 1000; at most 64 different ones at once */
    void *data;     /* the program's */
    int64_t queued_at_ms;
} baton_queue_entry;

typedef struct baton_queue_statistics {
    size_t length;
    size_t max_size;
    int64_t oldest_ms; /* queued_at of the oldest entry; 0 when empty */
    int64_t newest_ms;
} baton_queue_statistics;

/* options may be NULL. Given; NULL without memory. */
BATON_API baton_queue *baton_queue_new(const baton_queue_options *options);
BATON_API void baton_queue_free(baton_queue *queue);
/* False when full (BATON_ERROR_QUEUE_FULL), the id is queued already (BATON_ERROR_CONFLICT), or memory or
 * a limit ends; then nothing changed. The entry's queued_at_ms says when it came. */
BATON_API bool baton_queue_enqueue(baton_queue *queue, const baton_queue_entry *entry, baton_error **err);
/* Takes the next entry out as of now_ms; false when empty. */
BATON_API bool baton_queue_dequeue(baton_queue *queue, int64_t now_ms, baton_queue_entry *entry);
/* Takes the entry with this id out; false when there is none. entry may be NULL. */
BATON_API bool baton_queue_remove(baton_queue *queue, const char *id, baton_queue_entry *entry);
/* False when there is none. entry may be NULL. */
BATON_API bool baton_queue_find(const baton_queue *queue, const char *id, baton_queue_entry *entry);
BATON_API size_t baton_queue_length(const baton_queue *queue);
BATON_API bool baton_queue_is_empty(const baton_queue *queue);
BATON_API void baton_queue_clear(baton_queue *queue);
BATON_API baton_queue_statistics baton_queue_get_statistics(const baton_queue *queue);

/* ---- Scheduler ---------------------------------------------------------------------------------------
 * Seed: ExecutionScheduler. Gives each execution a priority, an estimate and its dependencies, and knows
 * which executions wait for which. */

typedef struct baton_scheduler baton_scheduler;

typedef struct baton_schedule_request {
    const char *id;
    const char *workflow; /* what its history is kept under; NULL: no history */
    size_t step_count;    /* 0 counts as 1 */
    const char *priority; /* "high", "normal", "low", or NULL; others count as "normal" */
    bool critical;
    const char *const *dependencies; /* ids; may be NULL when the count is 0 */
    size_t dependency_count;
    int64_t now_ms;
    void *data; /* the program's */
} baton_schedule_request;

typedef struct baton_scheduled {
    const char *id; /* lives until the execution is removed from the scheduler */
    int64_t scheduled_at_ms;
    int priority;                  /* 1, low 0; +10 critical, +5 high */
    int64_t estimated_duration_ms; /* 30000 a step, until runs of that workflow were learned from */
    const char *const *dependencies;
    size_t dependency_count;
    void *data;
} baton_scheduled;

typedef struct baton_scheduler_statistics {
    size_t scheduled_executions;
    double average_priority;
    double average_duration; /* of the estimates, in ms */
} baton_scheduler_statistics;

BATON_API baton_scheduler *baton_scheduler_new(void);
BATON_API void baton_scheduler_free(baton_scheduler *scheduler);
/* Schedules one execution. BATON_ERROR_CONFLICT when the id is scheduled; BATON_ERROR_CYCLE when its
 * dependencies lead back to it. scheduled may be NULL. */
BATON_API int baton_scheduler_schedule(baton_scheduler *scheduler, const baton_schedule_request *request,
                                       baton_scheduled *scheduled, baton_error **err);
/* False when there is none. scheduled may be NULL. */
BATON_API bool baton_scheduler_get(const baton_scheduler *scheduler, const char *id,
                                   baton_scheduled *scheduled);
BATON_API bool baton_scheduler_remove(baton_scheduler *scheduler, const char *id);
/* Learns from a run: later estimates of that workflow are an average weighted to the latest. */
BATON_API void baton_scheduler_learn(baton_scheduler *scheduler, const char *workflow, int64_t duration_ms);
BATON_API baton_scheduler_statistics baton_scheduler_get_statistics(const baton_scheduler *scheduler);

/* ---- Engine ------------------------------------------------------------------------------------------
 * Seed: SequentialExecutionEngine. An engine is used by one thread, its loop thread: the one that calls
 * baton_engine_execute or _run. Only _submit, _cancel, _suspend and completions may come from others.
 * Values and contexts from another thread than the one that ran it last (before the first
 * run: that made it) are copied; so let the thread that made it run it, or submit from others. */

typedef enum baton_log_level {
    BATON_LOG_DEBUG,
    BATON_LOG_INFO,
    BATON_LOG_WARN,
    BATON_LOG_ERROR
} baton_log_level;

typedef struct baton_log_field {
    const char *key;
    const char *text; /* NULL: `number` counts */
    double number;
} baton_log_field;

/* Called on the loop thread (on the caller's in _submit). Borrowed. It must not use the engine. */
typedef void (*baton_log_function)(void *data, baton_log_level level, const char *message,
                                   const baton_log_field *fields, size_t field_count);

/* Zero what shall be the default. Borrowed by baton_engine_new. */
typedef struct baton_engine_options {
    size_t max_queue_size;        /* 0: 50 */
    int64_t execution_timeout_ms; /* of workflows built in C; 0: 300000; negative: none */
    int retry_attempts;           /* of workflows built in C; 0: 2; negative: none */
    int64_t retry_delay_ms; /* before the first retry, doubled for each more; 0: 100; negative: none */
    size_t max_concurrent;  /* executions under way at once; 0: 64 */
    int64_t aging_ms;       /* as in baton_queue_options */
    const char *store;      /* where executions are kept: NULL or "memory:", "sqlite:PATH" or a path */
    bool sync_normal;       /* a power cut may take the last moments back; a killed process loses nothing */
    bool attended; /* a person watches: what this engine leaves behind by dying goes on when asked for */
    baton_registry *registry; /* functions for `call:`; kept; may be NULL */
    baton_log_function log;
    void *log_data;
    baton_log_level log_level;
} baton_engine_options;

/* Zero what is not needed. Borrowed. Seed: options of executeWorkflow. */
typedef struct baton_execution_options {
    const char *id; /* NULL: exec_<ms>_<9 base-36 digits>; else letters, digits and -_.: , at most 128 */
    const char *strategy; /* NULL or unknown: "basic" */
    const char *priority; /* "high", "normal", "low" */
    bool critical;
    const char *const *dependencies;
    size_t dependency_count;
    baton_value input;        /* borrowed; invalid: {} for a file, null for a workflow in C */
    int64_t timeout_ms;       /* 0: the engine's, or the file's; negative: none */
    bool continue_on_failure; /* strategy `simple`: go on past failed steps */
} baton_execution_options;

typedef struct baton_result baton_result;

typedef struct baton_status {
    /* "not_found"; "pending" (queued, or waiting for dependencies); "active" (running); "waiting" (for a
     * timer or a delivery); "suspended". From a durable store also "completed", "faulted", "cancelled", and
     * "interrupted" (under way, and its process is dead); the memory store keeps nothing that has ended. */
    const char *status;
    const char *execution_id; /* these three live until the engine is used again */
    const char *workflow_name;
    const char *strategy;
    int64_t start_time_ms;
    int64_t duration_ms;
} baton_status;

typedef struct baton_metrics {
    size_t active_executions; /* queued ones excluded */
    size_t max_queue_size;
    size_t queue_length;
    size_t waiting_executions;              /* for timers, deliveries, dependencies */
    uint64_t completed, faulted, cancelled; /* since the engine was made */
} baton_metrics;

/* options may be NULL. Given; NULL after an error. */
BATON_API baton_engine *baton_engine_new(const baton_engine_options *options, baton_error **err);
/* Ends what runs (processes are killed) and frees the engine. */
BATON_API void baton_engine_free(baton_engine *engine);
/* Seed: executionStrategies. Copies the strategy; `key` is what options name it by. "basic" and "simple"
 * may be replaced. */
BATON_API int baton_engine_register_strategy(baton_engine *engine, const char *key,
                                             const baton_strategy *strategy, baton_error **err);
/* Makes a workflow in C known, so that its executions can be taken up from the store. Kept. */
BATON_API int baton_engine_provide(baton_engine *engine, baton_workflow *workflow, baton_error **err);
/* Takes up what is in the store under way without a living owner: all of it that this engine can run
 * (`id` NULL), or one execution, which may also be suspended, waiting or pending. They go on with the next
 * baton_engine_run, exactly where they were: what was under way begins again with the same key. count (may
 * be NULL): how many. With an id: BATON_ERROR_NOT_FOUND, _CONFLICT when it has ended or somebody runs it.
 */
BATON_API int baton_engine_recover(baton_engine *engine, const char *id, size_t *count, baton_error **err);
/* Runs a workflow to its end: through the queue, with everything else that is ready. `context` may be
 * NULL; options may be NULL. 0 when it ended, however it ended, or when only
 * somebody else can move it on (it is suspended, or waits for a delivery): then *result (given, may not be
 * NULL) tells. -1 when it could not begin (invalid, queue full, conflict) or the store failed. */
BATON_API int baton_engine_execute(baton_engine *engine, baton_workflow *workflow, baton_context *context,
                                   const baton_execution_options *options, baton_result **result,
                                   baton_error **err);
/* Called once on the loop thread when a submitted execution ended; the result is borrowed. It may submit,
 * cancel and deliver, not free the engine. Not called when the store failed or the engine is freed before.
 */
typedef void (*baton_done_function)(void *data, const baton_result *result);
/* Queues an execution; returns after its commit. `id` (at least 129 bytes) receives its id when not NULL.
 * The same id with the same workflow, input and options returns 0 without beginning another; with other
 * content it is BATON_ERROR_CONFLICT. done may be NULL. Any thread. */
BATON_API int baton_engine_submit(baton_engine *engine, baton_workflow *workflow, baton_context *context,
                                  const baton_execution_options *options, baton_done_function done,
                                  void *done_data, char *id, baton_error **err);
/* One of several submissions made together: all are queued or none. They may depend on each other by
 * their `id`s; a circle is refused (BATON_ERROR_CYCLE). */
typedef struct baton_submission {
    baton_workflow *workflow;
    baton_context *context;
    const baton_execution_options *options;
    baton_done_function done;
    void *done_data;
} baton_submission;
BATON_API int baton_engine_submit_batch(baton_engine *engine, const baton_submission *submissions,
                                        size_t count, baton_error **err);
/* Runs until nothing is queued or running and nothing waits for a timer or a completion. Executions that
 * wait for a delivery do not keep it (unless a timeout that was asked for will end them): deliver, and run
 * again. 0, or -1 when the store failed. */
BATON_API int baton_engine_run(baton_engine *engine, baton_error **err);
/* Wakes the step `reference` (its JSON pointer, or its name) of execution `id` that answered with
 * baton_step_call_wait. A delivery that comes before the step waits is kept. Takes the value.
 * BATON_ERROR_NOT_FOUND when there is no such execution. */
BATON_API int baton_engine_deliver(baton_engine *engine, const char *id, const char *reference,
                                   baton_value value, baton_error **err);
/* Asks an execution to end, to pause, to go on. BATON_ERROR_NOT_FOUND when there is none (from another
 * thread: 0, and nothing happens). _cancel and _suspend: any thread. */
BATON_API int baton_engine_cancel(baton_engine *engine, const char *id, baton_error **err);
BATON_API int baton_engine_suspend(baton_engine *engine, const char *id, baton_error **err);
BATON_API int baton_engine_resume(baton_engine *engine, const char *id, baton_error **err);
BATON_API baton_status baton_engine_status(baton_engine *engine, const char *id);
BATON_API baton_metrics baton_engine_metrics(const baton_engine *engine);
/* The engine's own queue and scheduler, to look at. Live as long as the engine. */
BATON_API const baton_queue *baton_engine_queue(const baton_engine *engine);
BATON_API const baton_scheduler *baton_engine_scheduler(const baton_engine *engine);

/* ---- Execution ---------------------------------------------------------------------------------------
 * Seed: ExecutionContext (id, workflow, context, strategy, startTime, options). Seen from a step; what
 * these return lives as long as the execution. */

BATON_API const char *baton_execution_id(const baton_execution *execution);
BATON_API const baton_workflow *baton_execution_workflow(const baton_execution *execution);
BATON_API baton_context *baton_execution_context(const baton_execution *execution);
BATON_API const char *baton_execution_strategy(const baton_execution *execution);
BATON_API int64_t baton_execution_started_at(const baton_execution *execution);
BATON_API int baton_execution_priority(const baton_execution *execution);

/* ---- Result ------------------------------------------------------------------------------------------
 * Seed: ExecutionResult (success, strategy, duration, results, stepCount, error). */

/* One step's outcome: {success, stepName, result or error, duration}, and attempts. */
typedef struct baton_step_result {
    const char *name; /* these live as long as the result */
    const char *reference;
    const char *status; /* "completed", "faulted", "cancelled", "skipped", "running" */
    bool success;
    const char *error;   /* NULL when it succeeded */
    int64_t duration_ns; /* of all its occurrences and attempts */
    uint64_t count;      /* occurrences */
    uint64_t attempts;   /* of all occurrences */
} baton_step_result;

BATON_API void baton_result_free(baton_result *result);
BATON_API bool baton_result_success(const baton_result *result);
BATON_API const char *baton_result_execution_id(const baton_result *result);
/* A phase of the DSL: "completed", "faulted", "cancelled", "suspended", "waiting", "pending". */
BATON_API const char *baton_result_status(const baton_result *result);
BATON_API const char *baton_result_strategy(const baton_result *result);
BATON_API int64_t baton_result_started_at(const baton_result *result);
BATON_API int64_t baton_result_duration_ms(const baton_result *result);
BATON_API int64_t baton_result_duration_ns(const baton_result *result);
/* Seed: stepCount. The workflow's top-level steps, run or not. */
BATON_API size_t baton_result_step_count(const baton_result *result);
/* Seed: results. The top-level steps that ran, in the order of the definition. False beyond the last. */
BATON_API size_t baton_result_size(const baton_result *result);
BATON_API bool baton_result_step(const baton_result *result, size_t index, baton_step_result *step);
/* The step's value; given; invalid when it failed or the strategy keeps none. */
BATON_API baton_value baton_result_step_value(const baton_result *result, size_t index);
/* The execution's output; given; invalid when it did not complete. */
BATON_API baton_value baton_result_output(const baton_result *result);
/* Why it failed: BATON_ERROR_EXECUTION with its cause; NULL when it succeeded. Lives as long as the
 * result. */
BATON_API const baton_error *baton_result_error(const baton_result *result);
/* The same as a DSL error {type, status, title, detail?, instance}; given; invalid when none. */
BATON_API baton_value baton_result_problem(const baton_result *result);
/* Everything as one JSON object with the seed's field names: success, strategy, duration (ms), results,
 * stepCount, error. Given, to be freed with free(). */
BATON_API char *baton_result_to_json(const baton_result *result);

/* ---- Tasks -------------------------------------------------------------------------------------------
 * Seed: TaskService, and the table `tasks` that task documents are parsed into. docs/tasks.md explains it.
 * A task is a value: an object whose keys are the table's columns (id, project_id, title, description,
 * type, category, priority, status, source_type, source_path, source_content, metadata, estimated_hours)
 * and, beside them, what Baton knows of it (dependencies, blocked_by, execution, ...). A service belongs to
 * one thread. Functions that only look (a dry run, list, get, next, export) take NULL for a service without
 * tasks. */

typedef struct baton_task_service baton_task_service;

/* store: a path or sqlite:PATH, as in baton_engine_options; made when it is not there. Given; NULL after an
 * error. */
BATON_API baton_task_service *baton_task_service_open(const char *store, baton_error **err);
BATON_API void baton_task_service_close(baton_task_service *service);

/* Zero what shall be the default. Borrowed. */
typedef struct baton_import_options {
    const char *project; /* NULL: the git repository's, else the document's own, else the folder's */
    bool dry_run;        /* nothing is stored */
    bool force;          /* documents that did not change are read again, too */
} baton_import_options;

/* Imports task documents: files, and folders with all *.md in them. All of them are stored in one commit.
 * Gives an array with an object for each document: {file, result, id, title, changes, problems, task};
 * result is "new", "updated", "unchanged", "running" (changed, but not taken over: it is being carried
 * out), "no task" (in a folder) or "refused"; problems are {line, severity, reason}. Given; invalid after
 * an error: a path that does not exist, a circle of dependencies, or the store failed. */
BATON_API baton_value baton_task_service_import(baton_task_service *service, const char *const *paths,
                                                size_t count, const baton_import_options *options,
                                                baton_error **err);

/* NULL: any. Borrowed. */
typedef struct baton_task_filter {
    const char *project, *status, *type, *category, *priority;
    bool ready; /* pending, and nothing that they depend on is in the way */
} baton_task_filter;

/* The tasks that fit, in the order in which they can be carried out, without description and
 * source_content. filter may be NULL. Given; invalid after an error. */
BATON_API baton_value baton_task_service_list(baton_task_service *service, const baton_task_filter *filter,
                                              baton_error **err);
/* One task, whole. `word` is its id, the begin of it, its path or file name, its title or its alias
 * ("Performance 3A.1"). Given; invalid after an error: BATON_ERROR_NOT_FOUND, BATON_ERROR_USAGE when
 * several fit. */
BATON_API baton_value baton_task_service_get(baton_task_service *service, const char *word,
                                             baton_error **err);
/* The task that is to be carried out next: the first one that is ready. Given; null when there is none.
 * project may be NULL: of all. */
BATON_API baton_value baton_task_service_next(baton_task_service *service, const char *project,
                                              baton_error **err);
/* Sets columns (priority, type, category, title, estimated_hours) and settings (automation_level,
 * max_attempts, timeout_seconds, git_branch_name, verify, ...) of a task, for good: a later import does not
 * take them back. null gives one back to the document. `changes` is an object, borrowed. */
BATON_API int baton_task_service_edit(baton_task_service *service, const char *word, baton_value changes,
                                      baton_error **err);
/* Says that a dependency is met (or is not), whatever becomes of it. text: as the document names it, or a
 * part of that which only one has; NULL: all that are no tasks here (or all that this was said of). */
BATON_API int baton_task_service_satisfy(baton_task_service *service, const char *word, const char *text,
                                         bool satisfied, baton_error **err);
/* A person lets the task go on: what it waits for now, or the first thing that it will wait for. note may
 * be NULL. */
BATON_API int baton_task_service_approve(baton_task_service *service, const char *word, const char *note,
                                         baton_error **err);
/* Makes a task that ended, or waits for its result to be accepted, pending or running again; note (may be
 * NULL) is told to the agent. */
BATON_API int baton_task_service_retry(baton_task_service *service, const char *word, const char *note,
                                       baton_error **err);
/* The tasks that fit as SQL: the table, and one INSERT each with the seed's columns, which SQLite and
 * PostgreSQL both load. Given, to be freed with free(); NULL after an error. */
BATON_API char *baton_task_service_export_sql(baton_task_service *service, const baton_task_filter *filter,
                                              baton_error **err);
/* The same tasks as JSON: an array of objects with the seed's columns in their order, of which metadata is
 * an object. Neither looks at the filter's `ready`. Given, to be freed with free(); NULL after an error. */
BATON_API char *baton_task_service_export_json(baton_task_service *service, const baton_task_filter *filter,
                                               baton_error **err);

/* ---- Orchestrator ------------------------------------------------------------------------------------
 * Seed: WorkflowOrchestrationService. Chooses a workflow file by a task's type and runs it on an engine.
 * What carrying out a task takes are functions which such files call: task.prepare, task.begin, task.work,
 * task.verify, task.commit, task.accept, task.finish. */

typedef struct baton_orchestrator baton_orchestrator;

/* Zero what shall be the default. Borrowed by baton_orchestrator_new, which copies it. */
typedef struct baton_orchestrator_options {
    const char *config;        /* a configuration file (docs/tasks.md); NULL: none */
    const char *agent;         /* a command line for /bin/sh; NULL: the configuration's */
    const char *agent_prompt;  /* "stdin", "argument", "file" */
    const char *agent_result;  /* "text", "json-lines" */
    int64_t agent_idle_ms;     /* ends an agent that writes nothing for so long */
    const char *const *verify; /* more commands that decide */
    size_t verify_count;
    bool trust;                   /* run the commands of documents without asking */
    const char *automation_level; /* in place of the tasks' own */
    const char *workflows;        /* a folder of workflow files, searched first */
    const char *directory;        /* the repository, or where it works without one; NULL: the current one */
    const char *base;             /* what branches start from; NULL: what is checked out */
    const char *worktrees;        /* where worktrees are made; NULL: beside the store */
    bool allow_dirty;             /* begin also when the base has changes that are not committed */
    bool reuse_branch;            /* work on a branch that is there already */
    bool merge;                   /* merge the branches of dependencies that went apart */
    const char *push;             /* a remote that finished branches are pushed to; NULL: none */
} baton_orchestrator_options;

/* The service is borrowed and must outlive the orchestrator. Given; NULL after an error. */
BATON_API baton_orchestrator *baton_orchestrator_new(baton_task_service *service,
                                                     const baton_orchestrator_options *options,
                                                     baton_error **err);
/* After the engine that it was registered with. */
BATON_API void baton_orchestrator_free(baton_orchestrator *orchestrator);
/* Adds the functions above to a registry; make the engine with that registry, and over the service's store.
 */
BATON_API int baton_orchestrator_register(baton_orchestrator *orchestrator, baton_registry *registry,
                                          baton_error **err);
/* Carries out one task, or goes on with it, until it has ended or waits for somebody. 0 when it was carried
 * out, however that ended: *task (given; may be NULL) is the task afterwards. -1 when it could not begin
 * (_CONFLICT: it is being carried out, has ended or depends on others that have not; _INVALID; _NOT_FOUND),
 * or the store failed. On the engine's loop thread. */
BATON_API int baton_orchestrator_run(baton_orchestrator *orchestrator, baton_engine *engine,
                                     const char *word, baton_value *task, baton_error **err);
/* The id of a task that `run` can do something for now: one that was interrupted, was approved meanwhile,
 * or is the next; NULL when there is none. Those that this orchestrator was refused are passed over, and
 * those that were imported in another repository than its directory's. Given, to be freed with free().
 * project may be NULL. */
BATON_API char *baton_orchestrator_next(baton_orchestrator *orchestrator, const char *project,
                                        baton_error **err);
/* Ends a task: its execution is cancelled, whoever has it. */
BATON_API int baton_orchestrator_cancel(baton_orchestrator *orchestrator, baton_engine *engine,
                                        const char *word, baton_error **err);

#ifdef __cplusplus
}
#endif

#endif
