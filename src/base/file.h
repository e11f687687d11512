/* Files, read whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_BASE_FILE_H
#define BATON_BASE_FILE_H

#include "base/buffer.h"

#include <baton/baton.h>

/* Appends a file's bytes; of one that is longer than `most` no more than is needed to see that.
 * BATON_ERROR_NOT_FOUND when there is none, BATON_ERROR_SYSTEM when it cannot be read. */
int file_read(const char *path, size_t most, buffer *text, baton_error **err);

#endif
