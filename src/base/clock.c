/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>

const char *clock_format(int64_t wall_ms, char text[CLOCK_TEXT]) {
    int64_t seconds = wall_ms / 1000, rest = wall_ms % 1000;
    if (rest < 0) {
        rest += 1000;
        seconds--;
    }
    time_t when = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&when, &tm) || tm.tm_year > 8099) {
        snprintf(text, CLOCK_TEXT, "%lldms", (long long)wall_ms);
        return text;
    }
    size_t n = strftime(text, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, CLOCK_TEXT - n, ".%03dZ", (int)rest);
    return text;
}
