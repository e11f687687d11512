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

unsigned id_format(char text[ID_TEXT], int64_t wall_ms, uint64_t random) {
    static const char digit[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    char reversed[20];
    unsigned n = 0, at = 5;
    uint64_t ms = wall_ms < 0 ? 0 : (uint64_t)wall_ms;
    do reversed[n++] = (char)('0' + ms % 10);
    while (ms /= 10);
    memcpy(text, "exec_", 5);
    while (n) text[at++] = reversed[--n];
    text[at++] = '_';
    for (int i = 0; i < 9; i++, random /= 36) text[at++] = digit[random % 36];
    text[at] = '\0';
    return at;
}
