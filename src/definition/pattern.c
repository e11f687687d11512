/* Regular expressions by Oniguruma, which libjq brings along.
 *
 * Its Perl syntax is cut down to what ECMA-262 has, and what the two read differently is translated before:
 * "$" is the text's very end and "^" its very beginning. Every search has a limit of retries and of memory,
 * so that no pattern can hold up the thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "definition/pattern.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/limits.h"

#include <oniguruma.h>
#include <pthread.h>
#include <stdlib.h>

struct pattern {
    regex_t *regex;
    OnigMatchParam *limits;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static OnigSyntaxType syntax;

static void start(void) {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
    onig_copy_syntax(&syntax, ONIG_SYNTAX_PERL_NG);
    onig_set_syntax_op(&syntax, onig_get_syntax_op(&syntax) & ~ONIG_SYN_OP_POSIX_BRACKET);
    unsigned more = onig_get_syntax_op2(&syntax);
    more &= ~(ONIG_SYN_OP2_ESC_G_SUBEXP_CALL | ONIG_SYN_OP2_QMARK_BRACE_CALLOUT_CONTENTS |
              ONIG_SYN_OP2_ASTERISK_CALLOUT_NAME | ONIG_SYN_OP2_PLUS_POSSESSIVE_REPEAT);
    onig_set_syntax_op2(&syntax, more | ONIG_SYN_OP2_ESC_U_HEX4);
}

static void translate(buffer *b, const char *text, size_t size) {
    bool in_class = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '\\' && i + 1 < size) {
            buffer_putc(b, c);
            c = text[++i];
        } else if (in_class) {
            in_class = c != ']';
        } else if (c == '[') {
            in_class = true;
        } else if (c == '^' || c == '$') {
            buffer_putc(b, '\\');
            c = c == '^' ? 'A' : 'z';
        }
        buffer_putc(b, c);
    }
}

static int compile(pattern *p, const buffer *b, baton_error **err) {
    const OnigUChar *bytes = (const OnigUChar *)buffer_text(b);
    OnigErrorInfo info;
    OnigOptionType options =
        ONIG_OPTION_CAPTURE_GROUP | ONIG_OPTION_WORD_IS_ASCII | ONIG_OPTION_DIGIT_IS_ASCII;
    int rc = onig_new(&p->regex, bytes, bytes + b->size, options, ONIG_ENCODING_UTF8, &syntax, &info);
    if (rc == ONIG_NORMAL) return 0;
    if (rc == ONIGERR_MEMORY) return error_memory(err);
    OnigUChar reason[ONIG_MAX_ERROR_MESSAGE_LEN];
    int length = onig_error_code_to_str(reason, rc, &info);
    return baton_error_set(err, BATON_ERROR_INVALID, "%.*s", length, (const char *)reason);
}

pattern *pattern_new(const char *text, size_t size, baton_error **err) {
    if (size > LIMIT_PATTERN_BYTES) {
        baton_error_set(err, BATON_ERROR_LIMIT, "a regular expression has at most %u bytes",
                        LIMIT_PATTERN_BYTES);
        return NULL;
    }
    pthread_once(&once, start);
    pattern *p = calloc(1, sizeof *p);
    buffer b = {0};
    translate(&b, text, size);
    if (p) p->limits = onig_new_match_param();
    if (!p || !p->limits || buffer_failed(&b))
        error_memory(err);
    else if (compile(p, &b, err) == 0) {
        onig_set_retry_limit_in_search_of_match_param(p->limits, LIMIT_PATTERN_RETRIES);
        onig_set_match_stack_limit_size_of_match_param(p->limits, LIMIT_PATTERN_STACK);
        buffer_done(&b);
        return p;
    }
    buffer_done(&b);
    pattern_free(p);
    return NULL;
}

void pattern_free(pattern *p) {
    if (!p) return;
    if (p->regex) onig_free(p->regex);
    if (p->limits) onig_free_match_param(p->limits);
    free(p);
}

int pattern_search(const pattern *p, const char *text, size_t size) {
    const OnigUChar *bytes = (const OnigUChar *)text, *end = bytes + size;
    int at = onig_search_with_param(p->regex, bytes, end, bytes, end, NULL, ONIG_OPTION_NONE, p->limits);
    if (at >= 0) return 1;
    return at == ONIG_MISMATCH ? 0 : -1;
}
