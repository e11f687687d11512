/* See event_file.h. Whoever holds the lock mends the end of the file before anything else, since the
 * process that held it before may have died while it wrote.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine/event_file.h"

#include "base/error.h"
#include "base/limits.h"
#include "engine/sigpipe.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEAD_BYTES = sizeof LIFECYCLE_HEAD - 1,
    CHUNK_BYTES = 16 << 10, /* searched at once */
    AHEAD_BYTES = HEAD_BYTES + LIMIT_ID_BYTES + sizeof "/4294967295/4294967295\"",
    KEEP_BYTES = 64 << 10 /* of memory, between two writes */
};

struct event_file {
    int descriptor;
    bool regular;
    bool failed;
    buffer events; /* of the record in hand */
    char path[];
};

/* ---- Lines, from the last to the first ---- */

struct lines {
    off_t end;   /* of what is looked at */
    off_t begin; /* of the line in hand */
    bool over;   /* it is the first one */
    off_t chunk; /* where the bytes stand in the file */
    size_t left; /* how many of them stand before the line in hand */
    /* The line in hand begins within the first CHUNK_BYTES; of the rest it needs its head and id. */
    char bytes[CHUNK_BYTES + AHEAD_BYTES + 1];
};

static void lines_begin(struct lines *l, off_t end) {
    l->end = l->chunk = end;
    l->left = 0;
    l->over = false;
}

static int read_chunk(const event_file *f, struct lines *l) {
    l->left = l->chunk < CHUNK_BYTES ? (size_t)l->chunk : CHUNK_BYTES;
    l->chunk -= (off_t)l->left;
    size_t wanted = l->left + AHEAD_BYTES, size = 0;
    if ((off_t)wanted > l->end - l->chunk) wanted = (size_t)(l->end - l->chunk);
    while (size < wanted) {
        ssize_t got = pread(f->descriptor, l->bytes + size, wanted - size, l->chunk + (off_t)size);
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) errno = EIO; /* somebody cut the file meanwhile */
        if (got <= 0) return -1;
        size += (size_t)got;
    }
    l->bytes[size] = '\0';
    return 0;
}

/* Steps to the line before. *text is its begin, ended by a NUL behind its id at the earliest; NULL: there
 * is none. -1 with errno. */
static int previous_line(const event_file *f, struct lines *l, const char **text) {
    *text = NULL;
    if (l->over) return 0;
    for (;;) {
        const char *newline = memrchr(l->bytes, '\n', l->left);
        if (newline) {
            *text = newline + 1;
            l->left = (size_t)(newline - l->bytes);
            l->begin = l->chunk + (off_t)l->left + 1;
            return 0;
        }
        if (l->chunk == 0) break;
        if (read_chunk(f, l) != 0) return -1;
    }
    *text = l->bytes;
    l->begin = 0;
    l->over = true;
    return 0;
}

/* A number and the character behind it; NULL when it is none. */
static const char *read_number(const char *text, char end, uint32_t *number) {
    char *behind;
    if (!isdigit((unsigned char)*text)) return NULL;
    unsigned long value = strtoul(text, &behind, 10);
    if (*behind != end || value > UINT32_MAX) return NULL;
    *number = (uint32_t)value;
    return behind + 1;
}

/* True when a line is an event of this execution. */
static bool read_id(const char *line, const char *id, event_position *position) {
    size_t size = strlen(id);
    if (strncmp(line, LIFECYCLE_HEAD, HEAD_BYTES) != 0) return false;
    line += HEAD_BYTES;
    if (strncmp(line, id, size) != 0 || line[size] != '/') return false;
    const char *k = read_number(line + size + 1, '/', &position->number);
    return k && read_number(k, '"', &position->k);
}

/* ---- Under the lock ---- */

/* Files that are not regular may know no locks; then what one write brings stands together at least. */
static int lock(const event_file *f) {
    int result;
    do result = flock(f->descriptor, LOCK_EX);
    while (result != 0 && errno == EINTR);
    return f->regular ? result : 0;
}

/* Keeps errno. */
static void unlock(const event_file *f) {
    int code = errno;
    flock(f->descriptor, LOCK_UN);
    errno = code;
}

static int write_all(const event_file *f, const char *bytes, size_t size) {
    sigpipe_hold hold;
    sigpipe_block(&hold);
    while (size > 0) {
        ssize_t written = write(f->descriptor, bytes, size);
        if (written < 0 && errno != EINTR) break;
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    sigpipe_restore(&hold);
    return size == 0 ? 0 : -1;
}

/* The last line is not ended: an event was torn, and is cut off; any other text is ended. */
static int mend_line(const event_file *f, off_t *end) {
    struct lines l;
    lines_begin(&l, *end);
    const char *text;
    if (previous_line(f, &l, &text) != 0) return -1;
    size_t size = (size_t)(l.end - l.begin);
    if (memcmp(text, LIFECYCLE_HEAD, size < HEAD_BYTES ? size : HEAD_BYTES) == 0) {
        *end = l.begin;
        return ftruncate(f->descriptor, l.begin);
    }
    *end += 1;
    return write_all(f, "\n", 1);
}

/* Lets the file end with a whole line. *end is its size then. */
static int mend(const event_file *f, off_t *end) {
    *end = 0;
    if (!f->regular) return 0;
    *end = lseek(f->descriptor, 0, SEEK_END);
    if (*end <= 0) return (int)*end;
    char last = '\0';
    if (pread(f->descriptor, &last, 1, *end - 1) < 0) return -1;
    return last == '\n' ? 0 : mend_line(f, end);
}

static int append(const event_file *f, const char *bytes, size_t size) {
    if (lock(f) != 0) return -1;
    off_t end;
    int result = mend(f, &end);
    if (result == 0 && (result = write_all(f, bytes, size)) != 0 && f->regular) {
        int code = errno;
        if (ftruncate(f->descriptor, end) != 0) {} /* whoever has the lock next mends it */
        errno = code;
    }
    unlock(f);
    return result;
}

/* Mends the file; *end is its size then. */
static int settle(const event_file *f, off_t *end) {
    if (lock(f) != 0) return -1;
    int result = mend(f, end);
    unlock(f);
    return result;
}

/* ---- The file ---- */

/* Tells the first failure; errno says why. */
static int fail(event_file *f, baton_error **err) {
    f->failed = true;
    return baton_error_set(err, BATON_ERROR_SYSTEM, "cannot write '%s': %s", f->path, strerror(errno));
}

/* Gives a descriptor, or -1. The program's own streams are shared, not opened again: a file would be
 * written over from two places. */
static int open_path(const char *path, bool *regular) {
    struct stat status;
    *regular = false;
    if (strcmp(path, "/dev/stdout") == 0) return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (strcmp(path, "/dev/stderr") == 0) return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    bool special = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    int access = special ? O_WRONLY : O_RDWR | O_CREAT;
    int descriptor = open(path, access | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
    *regular = descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    return descriptor;
}

event_file *event_file_open(const char *path, baton_error **err) {
    size_t size = strlen(path) + 1;
    event_file *f = calloc(1, sizeof *f + size);
    if (!f) {
        error_memory(err);
        return NULL;
    }
    memcpy(f->path, path, size);
    f->descriptor = open_path(path, &f->regular);
    off_t end;
    if (f->descriptor >= 0 && settle(f, &end) == 0) return f;
    fail(f, err);
    event_file_close(f, NULL);
    return NULL;
}

int event_file_position(event_file *f, const char *id, event_position *last, baton_error **err) {
    event_position position = {0};
    if (f->regular) {
        off_t end;
        if (settle(f, &end) != 0) return fail(f, err);
        struct lines l;
        lines_begin(&l, end);
        const char *line;
        do {
            if (previous_line(f, &l, &line) != 0) {
                f->failed = true; /* or what is written next would leave a gap */
                return baton_error_set(err, BATON_ERROR_SYSTEM, "cannot read '%s': %s", f->path,
                                       strerror(errno));
            }
        } while (line && !read_id(line, id, &position));
        if (!line) position = (event_position){0};
    }
    *last = position;
    return 0;
}

/* How many bytes of the record's events the position covers. */
static size_t size_before(const event_file *f, const record *r, event_position after) {
    if (r->number < after.number) return f->events.size;
    const char *text = buffer_text(&f->events), *line = text;
    for (uint32_t k = 0; r->number == after.number && k < after.k && *line; k++)
        line = strchr(line, '\n') + 1;
    return (size_t)(line - text);
}

int event_file_write(event_file *f, const lifecycle_source *source, const record *r, event_position after,
                     baton_error **err) {
    if (f->failed) return 0;
    int result = 0;
    lifecycle_write(&f->events, source, r);
    if (buffer_failed(&f->events)) {
        f->failed = true;
        result = baton_error_set(err, BATON_ERROR_LIMIT,
                                 "cannot write '%s': an event is too large or nested too deep", f->path);
    } else {
        size_t before = size_before(f, r, after), size = f->events.size - before;
        if (size && append(f, f->events.data + before, size) != 0) result = fail(f, err);
    }
    if (buffer_failed(&f->events) || f->events.capacity > KEEP_BYTES)
        buffer_done(&f->events);
    else
        buffer_clear(&f->events);
    return result;
}

int event_file_close(event_file *f, baton_error **err) {
    if (!f) return 0;
    bool lost = f->descriptor >= 0 && close(f->descriptor) != 0 && errno != EINTR;
    int result = lost && !f->failed ? fail(f, err) : 0;
    buffer_done(&f->events);
    free(f);
    return result;
}
