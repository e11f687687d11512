/* What a power cut leaves of a disk, from the trace of faulty_vfs.h: all that was synced, and of the rest
 * any part: whole writes, sectors of them, pieces of sectors, or nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_TESTS_POWER_CUT_H
#define BATON_TESTS_POWER_CUT_H

#include "base/bug.h"
#include "faulty_vfs.h"

#include <stdint.h>

enum { FILES_MAX = 32, SECTOR = 512, WAITING_MAX = 4096 };

/* A file as it is on the disk, and what waits for its next sync. */
typedef struct platter {
    char *bytes;
    size_t size, capacity;
    size_t waiting[WAITING_MAX]; /* in the trace */
    size_t waiting_count;
} platter;

/* Which file a name stands for: on the disk, and what became of that since; -1: none. */
typedef struct binding {
    int list[64];
    size_t when[64]; /* in the trace */
    size_t count;    /* the first is on the disk */
} binding;

static struct {
    platter files[FILES_MAX];
    binding names[NAMES_MAX];
    size_t time; /* how far the trace was followed */
    uint64_t random;
} cut;

static uint32_t cut_random(uint32_t below) {
    cut.random = cut.random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(cut.random >> 33) % below;
}

/* ---- Following the trace ---- */

static void put(platter *p, size_t at, const char *bytes, size_t size) {
    if (!size) return;
    if (at + size > p->capacity) {
        p->capacity = 2 * (at + size);
        p->bytes = realloc(p->bytes, p->capacity);
    }
    if (at > p->size) memset(p->bytes + p->size, 0, at - p->size);
    memcpy(p->bytes + at, bytes, size);
    if (at + size > p->size) p->size = at + size;
}

static void apply(platter *p, const trace *t) {
    if (t->kind == TRACE_WRITE)
        put(p, (size_t)t->at, t->bytes, t->size);
    else if ((size_t)t->at < p->size)
        p->size = (size_t)t->at;
}

static void sync_file(platter *p, size_t upto) {
    size_t done = 0;
    for (; done < p->waiting_count && p->waiting[done] < upto; done++)
        apply(p, &disk.traces[p->waiting[done]]);
    p->waiting_count -= done;
    memmove(p->waiting, p->waiting + done, p->waiting_count * sizeof *p->waiting);
}

static void sync_folder(size_t upto) {
    for (int i = 0; i < disk.name_count; i++) {
        binding *b = &cut.names[i];
        size_t done = 0;
        while (done + 1 < b->count && b->when[done + 1] < upto) done++;
        b->count -= done;
        memmove(b->list, b->list + done, b->count * sizeof *b->list);
        memmove(b->when, b->when + done, b->count * sizeof *b->when);
    }
}

static void stands_for(int name, int file, size_t when) {
    binding *b = &cut.names[name];
    if (b->count == 64) BATON_BUG("too many bindings");
    b->list[b->count] = file;
    b->when[b->count++] = when;
}

static void follow(size_t upto) {
    for (; cut.time < upto; cut.time++) {
        const trace *t = &disk.traces[cut.time];
        platter *p = &cut.files[t->file];
        switch (t->kind) {
        case TRACE_CREATE: stands_for(t->name, t->file, cut.time); break;
        case TRACE_DELETE: stands_for(t->name, -1, cut.time); break;
        case TRACE_WRITE:
        case TRACE_TRUNCATE:
            if (p->waiting_count == WAITING_MAX) BATON_BUG("too many writes");
            p->waiting[p->waiting_count++] = cut.time;
            break;
        case TRACE_SYNC: sync_file(p, t->upto); break;
        case TRACE_SYNC_FOLDER: sync_folder(t->upto); break;
        }
    }
}

/* From the begin, with nothing on the disk. */
FAULTY void cut_begin(uint64_t seed) {
    for (int i = 0; i < FILES_MAX; i++) free(cut.files[i].bytes);
    memset(&cut, 0, sizeof cut);
    cut.random = seed;
    for (int i = 0; i < NAMES_MAX; i++) cut.names[i] = (binding){.list = {-1}, .count = 1};
}

/* ---- Cutting ---- */

/* Some sectors of a write, and of some of those only the begin or the end. */
static void tear(platter *p, const trace *t) {
    for (size_t done = 0; done < t->size;) {
        size_t at = (size_t)t->at + done, left = SECTOR - at % SECTOR;
        size_t size = left < t->size - done ? left : t->size - done, skip = 0, kept = size;
        switch (cut_random(4)) {
        case 0: kept = 0; break;
        case 1: kept = cut_random((uint32_t)size + 1); break;
        case 2: skip = cut_random((uint32_t)size + 1), kept = size - skip; break;
        default: break;
        }
        put(p, at + skip, t->bytes + done + skip, kept);
        done += size;
    }
}

/* What of a file's waiting writes arrived. */
static void survive(platter *p, const platter *from) {
    enum { NONE, ALL, SOME, FIRST, KINDS } luck = (int)cut_random(KINDS);
    size_t first = cut_random((uint32_t)from->waiting_count + 1);
    put(p, 0, from->bytes, from->size);
    for (size_t i = 0; i < from->waiting_count; i++) {
        const trace *t = &disk.traces[from->waiting[i]];
        bool whole = luck == ALL || (luck == FIRST && i < first) || (luck == SOME && cut_random(3) == 0);
        bool torn = (luck == FIRST && i == first) || (luck == SOME && cut_random(2) == 0);
        if (whole)
            apply(p, t);
        else if (torn && t->kind == TRACE_WRITE)
            tear(p, t);
    }
}

static void write_out(const char *path, const platter *p) {
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(p->bytes ? p->bytes : "", 1, p->size, f) != p->size || fclose(f) != 0)
        BATON_BUG("no cut");
}

/* Makes the files of the store at `from` anew at `to`, as a cut after so much of the trace may have left
 * them. What SQLite shares between processes is noise then, or not there. */
FAULTY void cut_at(size_t time, const char *from, const char *to) {
    follow(time);
    for (int i = 0; i < disk.name_count; i++) {
        const binding *b = &cut.names[i];
        int file = b->list[cut_random((uint32_t)b->count)];
        if (file < 0 || strncmp(disk.names[i], from, strlen(from)) != 0) continue;
        char path[160];
        platter left = {0};
        survive(&left, &cut.files[file]);
        snprintf(path, sizeof path, "%s%s", to, disk.names[i] + strlen(from));
        write_out(path, &left);
        free(left.bytes);
    }
    if (cut_random(2)) return;
    char path[160];
    platter noise = {.size = 32768, .bytes = malloc(32768)};
    for (size_t i = 0; i < noise.size; i++) noise.bytes[i] = (char)cut_random(256);
    snprintf(path, sizeof path, "%s-shm", to);
    write_out(path, &noise);
    free(noise.bytes);
}

#endif
