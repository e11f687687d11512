/* An order in C: a step that fails now and then, one that ends later from another thread, one that must be
 * undone when the order fails.
 *
 *   cc embed.c $(pkg-config --cflags --libs baton) -lpthread -o embed && ./embed
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <baton/baton.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fails at its first attempt; the engine tries it again. The key is the same both times. */
static int reserve(baton_step_call *call, baton_error **err) {
    printf("reserve, attempt %d\n", baton_step_call_attempt(call));
    if (baton_step_call_attempt(call) == 1)
        return baton_error_set(err, BATON_ERROR_STEP, "the stock is being counted");
    baton_context_set(baton_step_call_context(call), "shelf", baton_value_string("B7"));
    return 0;
}

static int release(baton_step_call *call, baton_error **err) {
    baton_value shelf = baton_context_get(baton_step_call_context(call), "shelf");
    (void)err;
    printf("release shelf %s\n", baton_value_as_text(shelf));
    baton_value_unref(shelf);
    return 0;
}

static void *answer_later(void *data) {
    baton_completion *completion = data;
    const char *payment = "{\"payment\": 1001}";
    baton_completion_succeed(completion, payment, strlen(payment), NULL);
    baton_completion_free(completion);
    return NULL;
}

/* Ends when the other thread says so. */
static int pay(baton_step_call *call, baton_error **err) {
    baton_completion *completion = baton_step_call_defer(call);
    pthread_t thread;
    if (!completion || pthread_create(&thread, NULL, answer_later, completion) != 0) {
        baton_completion_free(completion);
        return baton_error_set(err, BATON_ERROR_SYSTEM, "no thread for the payment");
    }
    pthread_detach(thread);
    return 0;
}

/* Sees what the step before gave. What it says is final: it is not tried again. */
static int ship(baton_step_call *call, baton_error **err) {
    baton_value input = baton_step_call_input(call), payment = baton_value_get(input, "payment");
    printf("ship, paid by %.0f\n", baton_value_as_number(payment));
    baton_value_unref(payment);
    baton_value_unref(input);
    baton_step_call_no_retry(call);
    return baton_error_set(err, BATON_ERROR_STEP, "no parcel service today");
}

static void add(baton_builder *builder, const char *name, baton_step_function execute,
                baton_step_function rollback) {
    baton_step step;
    memset(&step, 0, sizeof step);
    step.name = name;
    step.execute = execute;
    step.rollback = rollback;
    baton_builder_step(builder, &step);
}

int main(void) {
    baton_builder *builder = baton_builder_new("order", NULL);
    add(builder, "reserve", reserve, release);
    add(builder, "pay", pay, NULL);
    add(builder, "ship", ship, NULL);
    baton_builder_rollback(builder, true);

    baton_error *err = NULL;
    baton_workflow *workflow = baton_builder_build(builder, &err);
    baton_engine *engine = workflow ? baton_engine_new(NULL, &err) : NULL;
    baton_context *context = baton_context_new();
    baton_result *result = NULL;
    if (engine && baton_engine_execute(engine, workflow, context, NULL, &result, &err) == 0) {
        char *why = baton_error_text(baton_result_error(result));
        printf("%s: %s\n", baton_result_status(result), why);
        free(why);
    } else {
        printf("%s\n", baton_error_message(err));
    }
    baton_result_free(result);
    baton_context_free(context);
    baton_engine_free(engine);
    baton_workflow_free(workflow);
    baton_builder_free(builder);
    baton_error_free(err);
    return 0;
}
