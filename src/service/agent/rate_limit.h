/* Whether a text of a failed agent says that it was refused for asking too much or too often, and when it
 * may ask again. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_SERVICE_RATE_LIMIT_H
#define BATON_SERVICE_RATE_LIMIT_H

#include <baton/baton.h>

enum { RATE_LIMIT_WAIT_MS = 24 * 60 * 60 * 1000 };

/* True when one of the patterns (an array of texts; invalid: the usual ones) stands in the text, as whole
 * words. Case does not count, nor what joins words: "rate limit" also means rate-limit, rate_limit and
 * RateLimit.
 *
 * Then *wait_ms is what the text asks for last ("retry after 30 seconds", "Retry-After: 5", "try again in
 * 2m30s"), at most RATE_LIMIT_WAIT_MS; 0 when it names none. A moment counts when it is a number of seconds
 * or milliseconds since 1970 ("usage limit reached|1764000000", "resets at 1764000000"): the wait is then
 * until a second after it, or a second where it is over at now_ms. "Resets 3pm" says nothing. */
bool rate_limit_find(const char *text, baton_value patterns, int64_t now_ms, int64_t *wait_ms);

#endif
