/* Whether one run of the agent did the task: every way that the decision can go.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "service/agent/judgement.h"

// clang-format off
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

#define GIVEN \
    { CONFIRMATION_GIVEN, "done", "It is done." }
#define DENIED \
    { CONFIRMATION_DENIED, "done", "It is not done." }

static const judgement_rules usual = {
    .confirmation_required = true, .fallback_detection = true, .most_asked = 3};
static const judgement_rules asked_enough = {
    .confirmation_required = true, .fallback_detection = true, .asked = 3, .most_asked = 3};
static const judgement_rules strict = {.confirmation_required = true, .asked = 1, .most_asked = 1};
static const judgement_rules silent = {.fallback_detection = true, .most_asked = 3};
static const judgement_rules careless = {.most_asked = 3};
static const judgement_rules answers = {.confirmation_required = true,
                                        .fallback_detection = true,
                                        .expects_message = true,
                                        .asked = 3,
                                        .most_asked = 3};

typedef struct row {
    evidence e;
    const judgement_rules *rules;
    verdict wanted;
    const char *reason; /* all of it */
} row;

static void decide(const row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char reason[JUDGEMENT_REASON];
        verdict v = judge(&rows[i].e, rows[i].rules, reason);
        if (v != rows[i].wanted || strcmp(reason, rows[i].reason) != 0)
            fail_msg("row %zu is %s: %s", i, verdict_name(v), reason);
    }
}

/* What decides before anybody asks what the agent said. */
static void runs_that_went_wrong(void **state) {
    (void)state;
    static const row rows[] = {
        {{.fault = "no such file", .said = GIVEN, .changed = 3},
         &usual,
         VERDICT_UNRUNNABLE,
         "the agent could not be run: no such file"},
        {{.rate_limited = true, .code = 1, .said = GIVEN},
         &usual,
         VERDICT_LIMITED,
         "the agent met a rate limit"},
        {{.ended = "timeout", .code = 143, .said = GIVEN, .changed = 3},
         &usual,
         VERDICT_FAILED,
         "the agent ran out of time"},
        {{.ended = "idle", .said = GIVEN, .changed = 3},
         &usual,
         VERDICT_FAILED,
         "the agent wrote nothing for too long"},
        {{.ended = "output", .said = GIVEN, .changed = 3},
         &usual,
         VERDICT_FAILED,
         "the agent wrote too much"},
        {{.code = 1, .said = GIVEN, .changed = 3}, &usual, VERDICT_FAILED, "the agent ended with code 1"},
        {{.code = 137, .changed = 3}, &usual, VERDICT_FAILED, "the agent ended with code 137"},
        {{.fault = "gone", .rate_limited = true},
         &usual,
         VERDICT_UNRUNNABLE,
         "the agent could not be run: gone"},
    };
    decide(rows, COUNT(rows));
}

static void keywords(void **state) {
    (void)state;
    static const row rows[] = {
        {{.said = GIVEN, .changed = 1},
         &usual,
         VERDICT_CONFIRMED,
         "the agent says \"done\"; 1 file changed"},
        {{.said = GIVEN, .changed = 2, .declared = 9, .present = 1},
         &usual,
         VERDICT_CONFIRMED,
         "the agent says \"done\"; 2 files changed, 1 of 9 declared files are as they should be"},
        /* It was there before. */
        {{.said = GIVEN, .declared = 2, .present = 2},
         &usual,
         VERDICT_CONFIRMED,
         "the agent says \"done\"; 0 files changed, 2 of 2 declared files are as they should be"},
        /* Outside of git. */
        {{.said = GIVEN, .changed = -1},
         &usual,
         VERDICT_CONFIRMED,
         "the agent says \"done\"; nobody can tell what changed"},
        {{.said = GIVEN, .changed = -1, .declared = 2, .present = 1},
         &usual,
         VERDICT_FAILED,
         "the agent says \"done\", but 1 of 2 declared files are as they should be"},
        /* A keyword without work. */
        {{.said = GIVEN}, &usual, VERDICT_FAILED, "the agent says \"done\", but 0 files changed"},
        {{.said = GIVEN, .declared = 2, .present = 1},
         &usual,
         VERDICT_FAILED,
         "the agent says \"done\", but 0 files changed, 1 of 2 declared files are as they should be"},
        {{.said = GIVEN, .has_message = true},
         &answers,
         VERDICT_CONFIRMED,
         "the agent says \"done\"; it gave an answer"},
        {{.said = DENIED, .changed = 3},
         &usual,
         VERDICT_ASK,
         "the agent says that it is not done: \"It is not done.\""},
        {{.said = DENIED, .changed = 3},
         &asked_enough,
         VERDICT_FAILED,
         "the agent says that it is not done: \"It is not done.\""},
        {{.said = DENIED, .changed = 3}, /* also when nobody asked for a word */
         &silent,
         VERDICT_ASK,
         "the agent says that it is not done: \"It is not done.\""},
    };
    decide(rows, COUNT(rows));
}

static void silence(void **state) {
    (void)state;
    static const row rows[] = {
        {{.changed = 3}, &usual, VERDICT_ASK, "the agent did not say that it is done"},
        {{.changed = 3},
         &asked_enough,
         VERDICT_INFERRED,
         "the agent did not say that it is done, but 3 files changed"},
        {{.changed = 3, .declared = 2, .present = 1},
         &asked_enough,
         VERDICT_FAILED,
         "the agent did not say that it is done; 3 files changed, 1 of 2 declared files are as they should "
         "be"},
        {{.declared = 2, .present = 2},
         &asked_enough,
         VERDICT_INFERRED,
         "the agent did not say that it is done, but 0 files changed, 2 of 2 declared files are as they "
         "should be"},
        {{.changed = 0},
         &asked_enough,
         VERDICT_FAILED,
         "the agent did not say that it is done; 0 files changed"},
        {{.changed = -1},
         &asked_enough,
         VERDICT_FAILED,
         "the agent did not say that it is done; nobody can tell what changed"},
        {{.changed = 3}, &strict, VERDICT_FAILED, "the agent did not say that it is done; 3 files changed"},
        {{.changed = 3},
         &silent,
         VERDICT_INFERRED,
         "the agent did not say that it is done, but 3 files changed"},
        {{.changed = 0}, &silent, VERDICT_FAILED, "the agent did not say that it is done; 0 files changed"},
        {{.changed = 3},
         &careless,
         VERDICT_INFERRED,
         "nobody asks the agent to say that it is done; 3 files changed"},
        {{.changed = -1},
         &careless,
         VERDICT_INFERRED,
         "nobody asks the agent to say that it is done; nobody can tell what changed"},
        {{.changed = 0},
         &careless,
         VERDICT_FAILED,
         "the agent did not say that it is done; 0 files changed"},
        {{.has_message = true},
         &answers,
         VERDICT_INFERRED,
         "the agent did not say that it is done, but it gave an answer"},
        {{.changed = 5},
         &answers,
         VERDICT_FAILED,
         "the agent did not say that it is done; it gave no answer"},
    };
    decide(rows, COUNT(rows));
}

static void agents_that_cannot_be_run(void **state) {
    (void)state;
    static const row rows[] = {
        {{.code = 127, .error = "sh: 1: agnet: not found\n", .changed = -1},
         &usual,
         VERDICT_UNRUNNABLE,
         "the agent could not be run: sh: 1: agnet: not found"},
        {{.code = 127, .error = "profile\n  bash: agnet: command not found \r\n\n"},
         &usual,
         VERDICT_UNRUNNABLE,
         "the agent could not be run: bash: agnet: command not found"},
        {{.code = 126, .error = "sh: 1: ./a: Permission denied"},
         &usual,
         VERDICT_UNRUNNABLE,
         "the agent could not be run: sh: 1: ./a: Permission denied"},
        {{.code = 127, .error = "bash: ./a: No such file or directory\n"},
         &usual,
         VERDICT_UNRUNNABLE,
         "the agent could not be run: bash: ./a: No such file or directory"},
        {{.code = 127, .error = "x: not found\nand then it went on\n"},
         &usual,
         VERDICT_FAILED,
         "the agent ended with code 127"},
        {{.code = 127, .error = "found"}, &usual, VERDICT_FAILED, "the agent ended with code 127"},
        {{.code = 126, .error = " \n"}, &usual, VERDICT_FAILED, "the agent ended with code 126"},
        {{.code = 127}, &usual, VERDICT_FAILED, "the agent ended with code 127"},
        {{.code = 1, .error = "page not found"}, &usual, VERDICT_FAILED, "the agent ended with code 1"},
        /* It was run: what it ran itself was not there. */
        {{.code = 127, .error = "sh: 9: jq: not found", .has_message = true},
         &usual,
         VERDICT_FAILED,
         "the agent ended with code 127"},
        {{.code = 127, .error = "rate limit not found", .rate_limited = true},
         &usual,
         VERDICT_LIMITED,
         "the agent met a rate limit"},
        {{.code = 127, .error = "x: not found", .ended = "timeout"},
         &usual,
         VERDICT_FAILED,
         "the agent ran out of time"},
    };
    decide(rows, COUNT(rows));
    char error[3 * JUDGEMENT_REASON] = "", reason[JUDGEMENT_REASON];
    memset(error, 'x', sizeof error - 1);
    memcpy(error + sizeof error - 11, " not found", 11);
    assert_int_equal(judge(&(evidence){.code = 127, .error = error}, &usual, reason), VERDICT_UNRUNNABLE);
    assert_int_equal(strlen(reason), JUDGEMENT_REASON - 1);
}

static void agents_that_say_that_they_failed(void **state) {
    (void)state;
    static const row rows[] = {
        {{.says_error = "API Error: 500\nand more", .said = GIVEN, .changed = 3, .has_message = true},
         &usual,
         VERDICT_FAILED,
         "the agent says that it failed: API Error: 500"},
        {{.says_error = "", .changed = 3}, &silent, VERDICT_FAILED, "the agent says that it failed"},
        {{.says_error = "x", .code = 1}, &usual, VERDICT_FAILED, "the agent says that it failed: x"},
        {{.says_error = "x", .rate_limited = true}, &usual, VERDICT_LIMITED, "the agent met a rate limit"},
        {{.says_error = "x", .ended = "idle"},
         &usual,
         VERDICT_FAILED,
         "the agent wrote nothing for too long"},
    };
    decide(rows, COUNT(rows));
}

/* A reason is cut between characters. */
static void long_reasons(void **state) {
    (void)state;
    char fault[2 * JUDGEMENT_REASON + 2], reason[JUDGEMENT_REASON];
    for (int shift = 0; shift < 2; shift++) {
        memset(fault, 'x', sizeof fault);
        for (size_t i = (size_t)shift; i + 1 < sizeof fault; i += 2) memcpy(fault + i, "\303\244", 2);
        fault[sizeof fault - 1 - (size_t)(1 - shift)] = '\0';
        assert_int_equal(judge(&(evidence){.fault = fault}, &usual, reason), VERDICT_UNRUNNABLE);
        assert_true(text_is_utf8(reason, strlen(reason)));
        assert_in_range(strlen(reason), JUDGEMENT_REASON - 2, JUDGEMENT_REASON - 1);
    }
}

static void names(void **state) {
    (void)state;
    assert_string_equal(verdict_name(VERDICT_CONFIRMED), "confirmed");
    assert_string_equal(verdict_name(VERDICT_INFERRED), "inferred");
    assert_string_equal(verdict_name(VERDICT_ASK), "ask");
    assert_string_equal(verdict_name(VERDICT_FAILED), "failed");
    assert_string_equal(verdict_name(VERDICT_LIMITED), "limited");
    assert_string_equal(verdict_name(VERDICT_UNRUNNABLE), "unrunnable");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_that_went_wrong),
        cmocka_unit_test(keywords),
        cmocka_unit_test(silence),
        cmocka_unit_test(agents_that_cannot_be_run),
        cmocka_unit_test(agents_that_say_that_they_failed),
        cmocka_unit_test(long_reasons),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
