/* Faults and texts that processes and HTTP calls share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/effect.h"

#include "machine/fault.h"

baton_value effect_fault(const char *name, int status, const char *title, const char *format, ...) {
    buffer detail = {0};
    va_list args;
    va_start(args, format);
    buffer_vprintf(&detail, format, args);
    va_end(args);
    baton_value fault = fault_new(name, status, title, buffer_text(&detail));
    buffer_done(&detail);
    return fault;
}

bool effect_write_scalar(buffer *b, baton_value value) {
    switch (baton_value_kind(value)) {
    case BATON_KIND_STRING:
        buffer_append(b, baton_value_as_text(value), baton_value_size(value));
        return true;
    case BATON_KIND_NUMBER:
    case BATON_KIND_BOOLEAN: value_write(b, value); return true;
    default: return false;
    }
}

size_t effect_cut_utf8(const char *text, size_t size) {
    size_t start = size;
    for (int i = 0; i < 4 && start > 0; i++) {
        unsigned char c = (unsigned char)text[--start];
        if ((c & 0xc0) == 0x80) continue;
        size_t length = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        return start + length <= size ? size : start;
    }
    return size;
}
