/* Whatever the bytes: a workflow that is read, or an error with a message. libFuzzer drives it.
 *
 * libjq takes some 15 ms for each program, so it is asked for one input in 64 only. It leaks a few bytes of
 * most texts that it does not compile; for these inputs leaks are not looked for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/bug.h"
#include "definition/read.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <sanitizer/lsan_interface.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 0x100000001b3u;
    read_options options = {.name = "fuzz.yaml", .lazy_expressions = (hash >> 20) % 64 != 0};
    baton_error *error = NULL;
    if (!options.lazy_expressions) __lsan_disable();
    baton_workflow *w = workflow_read((const char *)data, size, &options, &error);
    if (!options.lazy_expressions) __lsan_enable();
    BATON_ASSERT(!w == !!error);
    for (const baton_error *e = error; e; e = baton_error_next(e)) BATON_ASSERT(*baton_error_message(e));
    baton_error_free(error);
    if (w && baton_workflow_executable(w, &error) != 0) baton_error_free(error);
    baton_workflow_free(w);
    return 0;
}
