/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/strategy.h"

/* A retry waits no longer than this, however often it was doubled. */
enum { RETRY_DELAY_MOST_MS = 3600000 };

static int64_t retry_delay_ms(const baton_strategy_options *options, int attempt) {
    int64_t delay_ms = options->retry_delay_ms;
    for (int i = 1; i < attempt && delay_ms > 0 && delay_ms < RETRY_DELAY_MOST_MS; i++) delay_ms *= 2;
    return delay_ms < RETRY_DELAY_MOST_MS ? delay_ms : RETRY_DELAY_MOST_MS;
}

/* Tries a failed step again up to retry_attempts times, then stops at it or goes on past it. */
static baton_strategy_decision decide(const baton_step_outcome *outcome,
                                      const baton_strategy_options *options) {
    if (outcome->success) return (baton_strategy_decision){BATON_STRATEGY_NEXT, 0};
    if (!outcome->no_retry && outcome->attempt <= options->retry_attempts)
        return (baton_strategy_decision){BATON_STRATEGY_RETRY, retry_delay_ms(options, outcome->attempt)};
    return (baton_strategy_decision){options->stop_on_failure ? BATON_STRATEGY_STOP : BATON_STRATEGY_NEXT,
                                     0};
}

const baton_strategy strategy_basic = {
    .name = "basic_sequential", .keep_results = true, .journal_steps = true};
const baton_strategy strategy_simple = {.name = "simple_sequential"};

baton_strategy_decision strategy_decide(const baton_execution *x, const frame *f, bool success) {
    const step *s = f->step;
    baton_step_outcome outcome = {
        .name = s->name,
        .success = success,
        /* Only steps in C of workflows built in C are tried again; files have `catch.retry`. */
        .no_retry = f->no_retry || !x->workflow->built || s->kind != STEP_FUNCTION,
        .attempt = (int)(f->attempt - f->interruptions), /* a crash is no failure of the step */
        .index = s->index,
    };
    const baton_strategy *strategy = x->strategy;
    if (!strategy->decide) return decide(&outcome, &x->strategy_options);
    baton_strategy_decision decision = strategy->decide(&outcome, &x->strategy_options, strategy->data);
    if (decision.action == BATON_STRATEGY_RETRY && (success || outcome.no_retry))
        decision.action = success ? BATON_STRATEGY_NEXT : BATON_STRATEGY_STOP;
    return decision;
}
