/* SPDX-License-Identifier: Apache-2.0 */
#include "service/agent/span.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    double ms;
} units[] = {
    {"ms", 1},         {"msec", 1},         {"msecs", 1},         {"millisecond", 1}, {"milliseconds", 1},
    {"s", 1000},       {"sec", 1000},       {"secs", 1000},       {"second", 1000},   {"seconds", 1000},
    {"m", 60000},      {"min", 60000},      {"mins", 60000},      {"minute", 60000},  {"minutes", 60000},
    {"h", 3600000},    {"hr", 3600000},     {"hrs", 3600000},     {"hour", 3600000},  {"hours", 3600000},
    {"d", 86400000.0}, {"day", 86400000.0}, {"days", 86400000.0},
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool span_read_number(const char **text, double *number) {
    const char *p = *text;
    if (!is_digit(*p)) return false;
    double value = 0, scale = 1;
    for (; is_digit(*p); p++) value = value * 10 + (*p - '0');
    if (*p == '.' && is_digit(p[1]))
        for (p++; is_digit(*p); p++) value += (*p - '0') * (scale /= 10);
    *text = p;
    *number = value;
    return true;
}

/* One number with its unit; blanks may stand between them. */
static bool read_part(const char **text, double *ms, double *unit_ms) {
    const char *p = *text;
    double number;
    if (!span_read_number(&p, &number)) return false;
    while (*p == ' ' || *p == '\t') p++;
    size_t size = 0;
    while (is_letter(p[size])) size++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].name) == size && strncasecmp(units[i].name, p, size) == 0) {
            *text = p + size;
            *unit_ms = units[i].ms;
            *ms = number * units[i].ms;
            return true;
        }
    return false;
}

static const char *skip_joint(const char *p) {
    p += strspn(p, " \t,");
    if (strncasecmp(p, "and ", 4) == 0) p += 4;
    return p;
}

bool span_read(const char **text, double *ms) {
    double sum, unit_ms, part, part_unit_ms;
    const char *p = *text;
    if (!read_part(&p, &sum, &unit_ms)) return false;
    for (const char *next = skip_joint(p); read_part(&next, &part, &part_unit_ms) && part_unit_ms < unit_ms;
         next = skip_joint(p)) {
        sum += part;
        unit_ms = part_unit_ms;
        p = next;
    }
    *text = p;
    *ms = sum;
    return true;
}
