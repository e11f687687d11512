/* Numbers as JSON text. strtod and printf are asked only for digits and exponents, never for a decimal
 * point, because the point is the locale's and the locale is the embedding program's. Pure functions; any
 * thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/number.h"

#include "base/limits.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXACT_DIGITS = 19,     /* that surely fit 64 bits */
    EXACT_POWER = 22,      /* 10^22 is the last power of ten that a double holds */
    EXPONENT_CLAMP = 99999 /* beyond what LIMIT_NUMBER_BYTES digits could bring back */
};

/* A number taken apart: digits × 10^exponent. */
typedef struct parts {
    bool negative, integer;
    uint64_t leading; /* the value of the first EXACT_DIGITS significant digits */
    int digits;       /* significant ones */
    int exponent;
} parts;

static bool is_digit(const char *p, const char *end) { return p < end && *p >= '0' && *p <= '9'; }

static const char *take_digits(const char *p, const char *end, parts *n) {
    for (; is_digit(p, end); p++) {
        if (n->digits == 0 && *p == '0') continue;
        if (n->digits < EXACT_DIGITS) n->leading = n->leading * 10 + (uint64_t)(*p - '0');
        if (n->digits <= LIMIT_NUMBER_BYTES) n->digits++;
    }
    return p;
}

static const char *take_exponent(const char *p, const char *end, parts *n) {
    bool negative = false;
    int exponent = 0;
    if (p < end && (*p == '+' || *p == '-')) negative = *p++ == '-';
    if (!is_digit(p, end)) return NULL;
    for (; is_digit(p, end); p++)
        if (exponent < EXPONENT_CLAMP) exponent = exponent * 10 + (*p - '0');
    n->exponent += negative ? -exponent : exponent;
    return p;
}

/* Follows the grammar of RFC 8259; NULL when the text breaks it, with *used telling where. */
static const char *take_apart(const char *text, const char *end, size_t *used, parts *n) {
    const char *p = text;
    *n = (parts){.integer = true};
    if (p < end && *p == '-') {
        n->negative = true;
        p++;
    }
    *used = (size_t)(p - text);
    if (!is_digit(p, end)) return NULL;
    p = *p == '0' ? p + 1 : take_digits(p, end, n);
    *used = (size_t)(p - text);
    if (is_digit(p, end)) return NULL; /* a zero in front */
    if (p < end && *p == '.') {
        const char *from = ++p;
        n->integer = false;
        *used = (size_t)(p - text);
        if (!is_digit(p, end)) return NULL;
        p = take_digits(p, end, n);
        *used = (size_t)(p - text);
        if (p - from <= LIMIT_NUMBER_BYTES) n->exponent = -(int)(p - from);
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        n->integer = false;
        *used = (size_t)(p + 1 - text);
        p = take_exponent(p + 1, end, n);
        if (p) *used = (size_t)(p - text);
    }
    return p;
}

static double slow_read(const char *text, size_t size, int exponent) {
    char copy[LIMIT_NUMBER_BYTES + 16];
    size_t n = 0;
    for (size_t i = 0; i < size && text[i] != 'e' && text[i] != 'E'; i++)
        if (text[i] != '.' && text[i] != '-') copy[n++] = text[i];
    snprintf(copy + n, sizeof copy - n, "e%d", exponent);
    return strtod(copy, NULL);
}

/* Whether the integer written in `digits` is the double. printf writes a double's integer exactly. */
static bool is_exact(const char *digits, size_t size, double number) {
    char text[LIMIT_NUMBER_BYTES + 1];
    int n = snprintf(text, sizeof text, "%.0f", number);
    return (size_t)n == size && memcmp(text, digits, size) == 0;
}

number_outcome number_read(const char *text, size_t size, size_t *used, double *number) {
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    parts n;
    if (!take_apart(text, text + size, used, &n)) return NUMBER_NONE;
    if (*used > LIMIT_NUMBER_BYTES) return NUMBER_LONG;
    double value;
    bool exact = n.digits <= EXACT_DIGITS && n.leading <= (uint64_t)LIMIT_EXACT_INTEGER;
    if (exact && abs(n.exponent) <= EXACT_POWER) {
        /* Both operands are exact, so the one rounding of the operation is the right one. */
        value = (double)n.leading;
        value = n.exponent < 0 ? value / power[-n.exponent] : value * power[n.exponent];
    } else {
        value = slow_read(text, *used, n.exponent);
        if (isinf(value)) return NUMBER_OVERFLOW;
        if (n.integer && !is_exact(text + n.negative, *used - n.negative, value)) return NUMBER_INEXACT;
    }
    *number = n.negative ? -value : value;
    return NUMBER_READ;
}

static void write_integer(buffer *b, uint64_t n) {
    char text[24], *p = text + sizeof text;
    do *--p = (char)('0' + n % 10);
    while (n /= 10);
    buffer_append(b, p, (size_t)(text + sizeof text - p));
}

/* The fewest significant digits that read back as `number` (positive, finite), and its decimal exponent. */
static int shortest_digits(double number, char digits[20], int *exponent) {
    int count = 0;
    /* Any 15 digits survive a double, so no fewer need be tried, but for the smallest numbers. */
    for (int precision = number < DBL_MIN ? 1 : DBL_DIG; precision <= DBL_DECIMAL_DIG; precision++) {
        char text[48];
        snprintf(text, sizeof text, "%.*e", precision - 1, number);
        count = 0;
        char *p = text;
        for (; *p != 'e'; p++)
            if (*p >= '0' && *p <= '9') digits[count++] = *p;
        *exponent = atoi(p + 1);
        snprintf(text, sizeof text, "%.*se%d", count, digits, *exponent - count + 1);
        if (strtod(text, NULL) == number) break;
    }
    while (count > 1 && digits[count - 1] == '0') count--;
    return count;
}

void number_write(buffer *b, double number) {
    if (isnan(number)) {
        buffer_puts(b, "null");
        return;
    }
    if (isinf(number)) {
        buffer_puts(b, number < 0 ? "-1.7976931348623157e308" : "1.7976931348623157e308");
        return;
    }
    if (signbit(number)) {
        buffer_putc(b, '-'); /* before a zero too, so that -0 stays what it is */
        number = -number;
    }
    if (number < 1e17 && number == (double)(uint64_t)number) {
        write_integer(b, (uint64_t)number);
        return;
    }
    char digits[20];
    int exponent, count = shortest_digits(number, digits, &exponent);
    if (exponent < -5 || exponent >= 17) {
        buffer_append(b, digits, 1);
        if (count > 1) buffer_putc(b, '.');
        buffer_append(b, digits + 1, (size_t)count - 1);
        buffer_printf(b, "e%d", exponent);
    } else if (exponent < 0) {
        buffer_puts(b, "0.");
        for (int i = exponent; i < -1; i++) buffer_putc(b, '0');
        buffer_append(b, digits, (size_t)count);
    } else {
        buffer_append(b, digits, (size_t)exponent + 1);
        buffer_putc(b, '.');
        buffer_append(b, digits + exponent + 1, (size_t)(count - exponent - 1));
    }
}
