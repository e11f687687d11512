/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include "base/bug.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

uint64_t entropy_next(entropy *e) {
    if (e->left == 0) {
        size_t have = 0;
        while (have < sizeof e->words) {
            ssize_t n = getrandom((char *)e->words + have, sizeof e->words - have, 0);
            if (n < 0 && errno != EINTR) BATON_BUG("getrandom: %s", strerror(errno));
            if (n > 0) have += (size_t)n;
        }
        e->left = sizeof e->words / sizeof e->words[0];
    }
    uint64_t word = e->words[--e->left];
    e->words[e->left] = 0;
    return word;
}

enum { DIGITS = 9 };

/* Three numbers below 36^3 at a time, so that their divisions do not wait for one another. */
static void put_digits(char *text, uint64_t random) {
    static const char digit[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    const uint32_t range = 36 * 36 * 36;
    const uint32_t parts[] = {(uint32_t)(random % range), (uint32_t)((random >> 21) % range),
                              (uint32_t)((random >> 42) % range)};
    for (int i = 0; i < DIGITS; i += 3) {
        uint32_t part = parts[i / 3];
        text[i] = digit[part % 36];
        text[i + 1] = digit[part / 36 % 36];
        text[i + 2] = digit[part / (36 * 36)];
    }
    text[DIGITS] = '\0';
}

unsigned id_format(char text[ID_TEXT], int64_t wall_ms, uint64_t random) {
    char reversed[20];
    unsigned n = 0, at = 5;
    uint64_t ms = wall_ms < 0 ? 0 : (uint64_t)wall_ms;
    do reversed[n++] = (char)('0' + ms % 10);
    while (ms /= 10);
    memcpy(text, "exec_", 5);
    while (n) text[at++] = reversed[--n];
    text[at++] = '_';
    put_digits(text + at, random);
    return at + DIGITS;
}

unsigned id_format_like(char text[ID_TEXT], const char *last, unsigned last_length, uint64_t random) {
    memcpy(text, last, ID_TEXT);
    put_digits(text + last_length - DIGITS, random);
    return last_length;
}
