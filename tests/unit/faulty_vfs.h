/* A disk that fails or is slow when a test wants it, and that remembers what it was told: a VFS of SQLite
 * around the usual one, and its default from faulty_install on.
 *
 * What is remembered is the order of writes, syncs, and changes of the folder, so that power_cut.h can make
 * the files that a power cut would have left at any point of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATON_TESTS_FAULTY_VFS_H
#define BATON_TESTS_FAULTY_VFS_H

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULTY __attribute__((unused)) static

typedef enum disk_operation {
    DISK_OPEN,
    DISK_READ,
    DISK_WRITE,
    DISK_SYNC,
    DISK_TRUNCATE,
    DISK_DELETE,
    DISK_SHM_MAP,
    DISK_OPERATIONS
} disk_operation;

enum { FILE_STORE = 1, FILE_LOG = 2, FILE_JOURNAL = 4, FILE_ANY = 7 };

typedef struct disk_fault {
    const char *name;
    disk_operation operation;
    int code;
    int files;  /* which; 0: any */
    bool torn;  /* half of a write is done */
    bool stays; /* from then on all of these fail */
} disk_fault;

/* One thing that was done to a file, or to the folder. */
typedef enum trace_kind {
    TRACE_CREATE,
    TRACE_DELETE,
    TRACE_WRITE,
    TRACE_TRUNCATE,
    TRACE_SYNC,
    TRACE_SYNC_FOLDER
} trace_kind;
typedef struct trace {
    trace_kind kind;
    int file;         /* TRACE_CREATE, _WRITE, _TRUNCATE, _SYNC */
    int name;         /* TRACE_CREATE, _DELETE */
    sqlite3_int64 at; /* TRACE_WRITE, _TRUNCATE */
    size_t size;      /* TRACE_WRITE */
    char *bytes;      /* the same */
    size_t upto;      /* TRACE_SYNC, _SYNC_FOLDER: what was there when it began */
} trace;

enum { NAMES_MAX = 8, TRACES_MAX = 1 << 16 };

static struct {
    sqlite3_vfs vfs, *real;
    pthread_mutex_t lock; /* of all below */
    disk_fault fault;
    long left; /* until it strikes; below 0: never */
    bool struck;
    int delay_us[DISK_OPERATIONS];
    unsigned long counts[DISK_OPERATIONS];
    bool records;
    trace *traces;
    size_t trace_count;
    char names[NAMES_MAX][128];
    int bound[NAMES_MAX]; /* the file of a name; -1: none */
    int name_count, file_count;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .left = -1};

typedef struct faulty_file {
    sqlite3_file base;
    int kind, file;    /* file: its number in the traces; -1: not recorded */
    bool syncs_folder; /* with its next sync */
    sqlite3_file real[];
} faulty_file;

static sqlite3_file *real_of(sqlite3_file *f) { return ((faulty_file *)f)->real; }

/* ---- Faults ---- */

/* Waits, or says that this operation fails. */
static bool disk_strikes(disk_operation operation, int kind) {
    pthread_mutex_lock(&disk.lock);
    const disk_fault *f = &disk.fault;
    disk.counts[operation]++;
    bool strikes = false;
    if (disk.left >= 0 && operation == f->operation && (!f->files || f->files & kind)) {
        strikes = disk.left == 0;
        if (disk.left || !f->stays) disk.left--;
        disk.struck |= strikes;
    }
    int delay_us = disk.delay_us[operation];
    pthread_mutex_unlock(&disk.lock);
    if (delay_us) usleep((useconds_t)delay_us);
    if (strikes) errno = disk.fault.code == SQLITE_FULL ? ENOSPC : EIO;
    return strikes;
}

/* The n-th such operation from now on fails, counted from 0. */
FAULTY void disk_fail(disk_fault fault, long n) {
    pthread_mutex_lock(&disk.lock);
    disk.fault = fault;
    disk.left = n;
    disk.struck = false;
    pthread_mutex_unlock(&disk.lock);
}

/* Nothing fails any more; true when something did. */
FAULTY bool disk_heal(void) {
    pthread_mutex_lock(&disk.lock);
    bool struck = disk.struck;
    disk.left = -1;
    disk.struck = false;
    pthread_mutex_unlock(&disk.lock);
    return struck;
}

/* ---- Traces ---- */

static void remember(trace t, const void *bytes) {
    if (!disk.records || disk.trace_count == TRACES_MAX) return;
    if (bytes) {
        t.bytes = malloc(t.size);
        memcpy(t.bytes, bytes, t.size);
    }
    disk.traces[disk.trace_count++] = t;
}

static void remember_locked(trace t, const void *bytes) {
    pthread_mutex_lock(&disk.lock);
    remember(t, bytes);
    pthread_mutex_unlock(&disk.lock);
}

FAULTY size_t disk_time(void) {
    pthread_mutex_lock(&disk.lock);
    size_t now = disk.trace_count;
    pthread_mutex_unlock(&disk.lock);
    return now;
}

static int name_of(const char *path) {
    for (int i = 0; i < disk.name_count; i++)
        if (strcmp(disk.names[i], path) == 0) return i;
    if (disk.name_count == NAMES_MAX) abort();
    snprintf(disk.names[disk.name_count], sizeof disk.names[0], "%s", path);
    disk.bound[disk.name_count] = -1;
    return disk.name_count++;
}

static int file_of(const char *path) {
    if (!disk.records || !path) return -1;
    int name = name_of(path);
    if (disk.bound[name] < 0) {
        disk.bound[name] = disk.file_count++;
        remember((trace){.kind = TRACE_CREATE, .file = disk.bound[name], .name = name}, NULL);
    }
    return disk.bound[name];
}

FAULTY void disk_forget(void) {
    for (size_t i = 0; i < disk.trace_count; i++) free(disk.traces[i].bytes);
    free(disk.traces);
    disk.traces = NULL;
    disk.records = false;
    disk.trace_count = 0;
    disk.name_count = disk.file_count = 0;
}

/* From an empty folder on. */
FAULTY void disk_record(void) {
    disk_forget();
    disk.traces = malloc(TRACES_MAX * sizeof *disk.traces);
    disk.records = true;
}

/* ---- Files ---- */

static int faulty_close(sqlite3_file *f) { return real_of(f)->pMethods->xClose(real_of(f)); }

static int faulty_read(sqlite3_file *f, void *bytes, int size, sqlite3_int64 at) {
    if (disk_strikes(DISK_READ, ((faulty_file *)f)->kind)) return disk.fault.code;
    return real_of(f)->pMethods->xRead(real_of(f), bytes, size, at);
}

static int faulty_write(sqlite3_file *f, const void *bytes, int size, sqlite3_int64 at) {
    faulty_file *mine = (faulty_file *)f;
    bool fails = disk_strikes(DISK_WRITE, mine->kind);
    if (fails && !disk.fault.torn) return disk.fault.code;
    if (fails) size /= 2;
    if (mine->file >= 0)
        remember_locked((trace){.kind = TRACE_WRITE, .file = mine->file, .at = at, .size = (size_t)size},
                        bytes);
    int code = real_of(f)->pMethods->xWrite(real_of(f), bytes, size, at);
    return fails ? disk.fault.code : code;
}

static int faulty_truncate(sqlite3_file *f, sqlite3_int64 size) {
    faulty_file *mine = (faulty_file *)f;
    if (disk_strikes(DISK_TRUNCATE, mine->kind)) return disk.fault.code;
    if (mine->file >= 0)
        remember_locked((trace){.kind = TRACE_TRUNCATE, .file = mine->file, .at = size}, NULL);
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int faulty_sync(sqlite3_file *f, int flags) {
    faulty_file *mine = (faulty_file *)f;
    if (disk_strikes(DISK_SYNC, mine->kind)) return disk.fault.code;
    size_t upto = disk_time();
    int code = real_of(f)->pMethods->xSync(real_of(f), flags);
    if (code != SQLITE_OK || mine->file < 0) return code;
    remember_locked((trace){.kind = TRACE_SYNC, .file = mine->file, .upto = upto}, NULL);
    /* As SQLite does it for its logs and journals. */
    if (mine->syncs_folder) remember_locked((trace){.kind = TRACE_SYNC_FOLDER, .upto = upto}, NULL);
    mine->syncs_folder = false;
    return code;
}

#define PASS(name, parameters, ...) \
    static int faulty_##name parameters { return real_of(f)->pMethods->x##name(real_of(f), ##__VA_ARGS__); }
PASS(FileSize, (sqlite3_file * f, sqlite3_int64 *size), size)
PASS(Lock, (sqlite3_file * f, int level), level)
PASS(Unlock, (sqlite3_file * f, int level), level)
PASS(CheckReservedLock, (sqlite3_file * f, int *result), result)
PASS(FileControl, (sqlite3_file * f, int operation, void *data), operation, data)
PASS(SectorSize, (sqlite3_file * f))
PASS(DeviceCharacteristics, (sqlite3_file * f))
PASS(ShmLock, (sqlite3_file * f, int offset, int count, int flags), offset, count, flags)
PASS(ShmUnmap, (sqlite3_file * f, int delete), delete)
#undef PASS

static void faulty_shm_barrier(sqlite3_file *f) { real_of(f)->pMethods->xShmBarrier(real_of(f)); }

static int faulty_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **map) {
    if (disk_strikes(DISK_SHM_MAP, FILE_LOG)) return disk.fault.code;
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, map);
}

static const sqlite3_io_methods faulty_methods = {
    .iVersion = 2,
    .xClose = faulty_close,
    .xRead = faulty_read,
    .xWrite = faulty_write,
    .xTruncate = faulty_truncate,
    .xSync = faulty_sync,
    .xFileSize = faulty_FileSize,
    .xLock = faulty_Lock,
    .xUnlock = faulty_Unlock,
    .xCheckReservedLock = faulty_CheckReservedLock,
    .xFileControl = faulty_FileControl,
    .xSectorSize = faulty_SectorSize,
    .xDeviceCharacteristics = faulty_DeviceCharacteristics,
    .xShmMap = faulty_shm_map,
    .xShmLock = faulty_ShmLock,
    .xShmBarrier = faulty_shm_barrier,
    .xShmUnmap = faulty_ShmUnmap,
};

/* ---- The folder ---- */

static int kind_of(int flags) {
    return flags & SQLITE_OPEN_MAIN_DB ? FILE_STORE : flags & SQLITE_OPEN_WAL ? FILE_LOG : FILE_JOURNAL;
}

static int faulty_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags, int *given) {
    (void)vfs;
    faulty_file *mine = (faulty_file *)f;
    f->pMethods = NULL;
    mine->kind = kind_of(flags);
    if (disk_strikes(DISK_OPEN, mine->kind)) return disk.fault.code;
    memset(mine->real, 0, (size_t)disk.real->szOsFile);
    int code = disk.real->xOpen(disk.real, name, real_of(f), flags, given);
    if (code != SQLITE_OK) return code;
    f->pMethods = &faulty_methods;
    pthread_mutex_lock(&disk.lock);
    mine->file = file_of(name);
    pthread_mutex_unlock(&disk.lock);
    mine->syncs_folder = flags & SQLITE_OPEN_CREATE && mine->kind != FILE_STORE;
    return SQLITE_OK;
}

static int faulty_delete(sqlite3_vfs *vfs, const char *path, int sync) {
    (void)vfs;
    if (disk_strikes(DISK_DELETE, FILE_ANY)) return disk.fault.code;
    size_t upto = disk_time();
    int code = disk.real->xDelete(disk.real, path, sync);
    if (code != SQLITE_OK) return code;
    pthread_mutex_lock(&disk.lock);
    if (disk.records) {
        int name = name_of(path);
        remember((trace){.kind = TRACE_DELETE, .name = name}, NULL);
        disk.bound[name] = -1;
        if (sync) remember((trace){.kind = TRACE_SYNC_FOLDER, .upto = upto + 1}, NULL);
    }
    pthread_mutex_unlock(&disk.lock);
    return SQLITE_OK;
}

static int faulty_access(sqlite3_vfs *vfs, const char *path, int flags, int *result) {
    (void)vfs;
    return disk.real->xAccess(disk.real, path, flags, result);
}

static int faulty_last_error(sqlite3_vfs *vfs, int size, char *text) {
    (void)vfs, (void)size, (void)text;
    return errno;
}

/* Before the first store is opened. */
FAULTY void faulty_install(void) {
    disk.real = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.real;
    disk.vfs.zName = "faulty";
    disk.vfs.szOsFile = (int)(sizeof(faulty_file) + (size_t)disk.real->szOsFile);
    disk.vfs.xOpen = faulty_open;
    disk.vfs.xDelete = faulty_delete;
    disk.vfs.xAccess = faulty_access;
    disk.vfs.xGetLastError = faulty_last_error;
    sqlite3_vfs_register(&disk.vfs, 1);
}

#endif
