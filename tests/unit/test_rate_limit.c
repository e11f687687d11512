/* Rate limits in what a failed agent says, and the wait it asks for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/rate_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1763999000250)

static void expect(const char *text, bool found, int64_t wait_ms) {
    int64_t ms = -1;
    if (rate_limit_find(text, baton_value_invalid(), NOW_MS, &ms) != found)
        fail_msg("'%s' is %sa rate limit", text, found ? "not " : "");
    if (ms != wait_ms)
        fail_msg("'%s': wait %lld ms instead of %lld", text, (long long)ms, (long long)wait_ms);
}

static void usual_texts(void **state) {
    (void)state;
    static const char *const texts[] = {
        "rate limit",
        "Error: Rate-Limit hit",
        "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"too much\"}}",
        "openai.RateLimitError: slow down",
        "You have been rate limited.",
        "It would exceed your organization's rate limits",
        "HTTP 429 Too Many Requests",
        "Claude AI usage limit reached",
        "5-hour limit reached - resets 3pm",
        "You've hit your limit - resets 5am (Europe/Berlin)",
        "Quota exceeded for quota metric 'requests'",
        "You exceeded your current quota, please check your plan",
        "\"status\": \"RESOURCE_EXHAUSTED\"",
        "API Error: Overloaded",
        "API Error: Repeated 529 Overloaded errors",
        "overloaded_error",
        "The server is currently overloaded",
        "Service unavailable, please try again later.",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) expect(texts[i], true, 0);
}

static void status_429(void **state) {
    (void)state;
    static const char *const limits[] = {"HTTP 429",          "HTTP/1.1 429",       "HTTP/2 429",
                                         "status: 429",       "last status 429,",   "statusCode: 429",
                                         "status code 429",   "\"status\":429}",    "\"code\": 429",
                                         "API Error: 429 {}", "Error code: 429 - ", "HttpError (429)"};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) expect(limits[i], true, 0);
    static const char *const others[] = {"429",          "429 tests passed", "src/foo.c:429: error: x",
                                         "line 429",     "HTTP 4290",        "status 1429",
                                         "error\n429",   "status 429.5",     "status a429",
                                         "at foo.c:429", "issue #429"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) expect(others[i], false, 0);
}

static void other_texts(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "Implemented the rate limiter and its tests",
        "Rate limiting is documented now",
        "error: call of overloaded 'f(int)' is ambiguous",
        "the generated rate. Limit follows",
        "corporate limit",
        "rate     limit", /* so far apart that they are columns */
        "recursion limit reached",
        "disk quota",
        "Overloaded operators are tested",
        "retry after 5 seconds",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) expect(texts[i], false, 0);
}

static void waits(void **state) {
    (void)state;
    expect("rate limit: retry after 30 seconds", true, 30000);
    expect("429 Too Many Requests\nRetry-After: 5\nServer: x", true, 5000);
    expect("too many requests {\"retry_after\": 2.5}", true, 2500);
    expect("too many requests retry-after-ms: 250", true, 250);
    expect("rate limited, \"retry_after_seconds\":7", true, 7000);
    expect("RESOURCE_EXHAUSTED \"retryDelay\": \"34s\"", true, 34000);
    expect("Rate limit reached for model-x. Please try again in 1.898s. See", true, 1898);
    expect("rate limit. Try again in 2m30s", true, 150000);
    expect("usage limit; try again in about 1.5 hours", true, 5400000);
    expect("usage limit; try again after 1 hour and 5 minutes", true, 3900000);
    expect("rate limit, retry in 20s", true, 20000);
    expect("rate limit, please wait for at least 2 minutes", true, 120000);
    expect("rate limit resets in ~10 minutes", true, 600000);
    expect("rate limit: retry in 1s\nrate limit: retry in 9s\n", true, 9000); /* the last one counts */
    expect("rate limit: retry in 9s\nrate limit: retry in vain\n", true, 9000);
}

static void no_waits(void **state) {
    (void)state;
    expect("rate limit: gave up retry after 3 attempts", true, 0);
    expect("rate limit\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT", true, 0);
    expect("rate limit; try again in 20", true, 0);
    expect("rate limit; try again in a minute", true, 0);
    expect("rate limit; await 5 seconds", true, 0);
    expect("rate limit; tests passed in 2 seconds", true, 0);
    expect("rate limit; retry after", true, 0);
}

static void moments(void **state) {
    (void)state;
    const int64_t wait_ms = 1000750; /* and a second */
    expect("Claude AI usage limit reached|1764000000", true, wait_ms);
    expect("{\"result\":\"Claude AI usage limit reached|1764000000\",\"x\":1}", true, wait_ms);
    expect("usage limit reached | 1764000000000", true, wait_ms);
    expect("rate limit, resets at 1764000000.", true, wait_ms);
    expect("rate limit {\"resetsAt\": 1764000000, \"overage\": null}", true, wait_ms);
    expect("429 Too Many Requests\nX-RateLimit-Reset: 1764000000\n", true, wait_ms);
    expect("too many requests\nRetry-After: 1764000000", true, wait_ms);
    expect("usage limit, wait until 1764000000", true, wait_ms);
    expect("usage limit reached|1763999000", true, 1000); /* it is over */
    expect("usage limit reached|1000000000", true, 1000);
    expect("usage limit reached|1764999999", true, RATE_LIMIT_WAIT_MS);
    expect("usage limit reached|17640000", true, 0);     /* a year ago, or what? */
    expect("usage limit reached|176400000000", true, 0); /* neither seconds nor milliseconds */
    expect("usage limit reached|17640000000000000", true, 0);
    expect("usage limit reached|1764000000x", true, 0);
    expect("usage limit reached|", true, 0);
    expect("usage limit reached 5 minutes ago", true, 0);
    expect("rate limit resets at 3 pm", true, 0);
    expect("RateLimit-Reset: 50, rate limit", true, 0);
    expect("usage limit reached|1764000000, try again in 5s", true, 5000); /* the last one counts */
}

static void waits_end_at_a_day(void **state) {
    (void)state;
    expect("rate limit; try again in 24 hours", true, RATE_LIMIT_WAIT_MS);
    expect("rate limit; try again in 3 days", true, RATE_LIMIT_WAIT_MS);
    expect("rate limit; retry after 999999999999999999999999999", true, RATE_LIMIT_WAIT_MS);
    char text[600] = "rate limit; retry after ";
    memset(text + strlen(text), '9', 500);
    expect(text, true, RATE_LIMIT_WAIT_MS);
}

static bool find_own(const char *text, const char *patterns) {
    baton_value list = baton_value_parse(patterns, strlen(patterns), NULL);
    int64_t ms = -1;
    bool found = rate_limit_find(text, list, NOW_MS, &ms);
    assert_true(found || ms == 0);
    baton_value_unref(list);
    return found;
}

static void own_patterns(void **state) {
    (void)state;
    assert_true(find_own("Bitte sp\xc3\xa4ter erneut, SLOW_DOWN", "[\"never\", \"slow down\"]"));
    assert_true(find_own("E42!", "[\"e42\"]"));
    assert_true(find_own("(!!)", "[\"!!\"]"));
    assert_false(find_own("E421", "[\"e42\"]"));
    assert_false(find_own("rate limit", "[\"slow down\"]"));
    assert_false(find_own("rate limit", "[]"));
    assert_false(find_own("rate limit - _", "[\"\", \" \", \"-\", 5, null]"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_texts),        cmocka_unit_test(status_429),
        cmocka_unit_test(other_texts),        cmocka_unit_test(waits),
        cmocka_unit_test(no_waits),           cmocka_unit_test(moments),
        cmocka_unit_test(waits_end_at_a_day), cmocka_unit_test(own_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
