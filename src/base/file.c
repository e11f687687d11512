/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int file_read(const char *path, size_t most, buffer *text, baton_error **err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return baton_error_set(err, errno == ENOENT ? BATON_ERROR_NOT_FOUND : BATON_ERROR_SYSTEM,
                               "cannot open '%s': %s", path, strerror(errno));
    char part[1 << 14];
    ssize_t got = 0;
    while (text->size <= most && !buffer_failed(text)) {
        got = read(fd, part, sizeof part);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        buffer_append(text, part, (size_t)got);
    }
    int reason = errno;
    close(fd);
    if (got < 0)
        return baton_error_set(err, BATON_ERROR_SYSTEM, "cannot read '%s': %s", path, strerror(reason));
    return buffer_failed(text) ? error_memory(err) : 0;
}
