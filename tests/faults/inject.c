/* Makes system calls fail, for a process that is started with LD_PRELOAD=inject.so.

COPYMPI_FAULT = "CALL ERRNO FIRST COUNT PATH": of the calls of that kind on files whose path contains PATH as whole
names, the last whole unless it ends in "-" ("out" is not to befall layout.py nor output.py), those from the FIRST-th on, COUNT of them, fail with
that errno. CALL: open read write sync rename unlink stat list resize mkdir.
COPYMPI_FAULT_LOG: a file to which each failure adds a byte. */
#define _GNU_SOURCE
#define _LARGEFILE64_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int ready, number, first, count, seen;
static char kind[16], part[PATH_MAX];

static void setup(void) {
    const char *asked = getenv("COPYMPI_FAULT");
    ready = 1;
    if (asked && sscanf(asked, "%15s %d %d %d %4000s", kind, &number, &first, &count, part) != 5) kind[0] = 0;
}

static int contains(const char *path) {
    size_t n = strlen(part);
    for (const char *at = path; (at = strstr(at, part)); at++)
        if ((at == path || at[-1] == '/') && (!at[n] || at[n] == '/' || part[n - 1] == '-')) return 1;
    return 0;
}

static int fails(const char *call, const char *path) {
    if (!ready) setup();
    if (!kind[0] || strcmp(call, kind) || !path || !contains(path)) return 0;
    int now = __sync_add_and_fetch(&seen, 1);
    if (now < first || now >= first + count) return 0;
    const char *log = getenv("COPYMPI_FAULT_LOG");
    if (log) {
        int to = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0644);
        if (to >= 0) { syscall(SYS_write, to, ".", 1); syscall(SYS_close, to); }
    }
    errno = number;
    return 1;
}

static int fails_fd(const char *call, int fd) {
    char link[64], path[PATH_MAX];
    if (!ready) setup();
    if (!kind[0] || strcmp(call, kind)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return fails(call, path);
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define OPEN(name)                                                                                     \
    int name(const char *path, int flags, ...) {                                                       \
        REAL(name);                                                                                    \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more);         \
        return fails("open", path) ? -1 : real(path, flags, mode);                                     \
    }
#define OPENAT(name)                                                                                   \
    int name(int at, const char *path, int flags, ...) {                                               \
        REAL(name);                                                                                    \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more);         \
        return fails("open", path) ? -1 : real(at, path, flags, mode);                                 \
    }
OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)
#define ON_FD(call, type, name, given, passed) \
    type name given { REAL(name); return fails_fd(call, fd) ? -1 : real passed; }
ON_FD("read", ssize_t, read, (int fd, void *b, size_t n), (fd, b, n))
ON_FD("read", ssize_t, pread, (int fd, void *b, size_t n, off_t o), (fd, b, n, o))
ON_FD("read", ssize_t, pread64, (int fd, void *b, size_t n, off64_t o), (fd, b, n, o))
ON_FD("write", ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n))
ON_FD("write", ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
ON_FD("write", ssize_t, pwrite64, (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o))
ON_FD("write", ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
ON_FD("write", ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o))
ON_FD("sync", int, fsync, (int fd), (fd))
ON_FD("sync", int, fdatasync, (int fd), (fd))
ON_FD("resize", int, ftruncate, (int fd, off_t n), (fd, n))
ON_FD("resize", int, ftruncate64, (int fd, off64_t n), (fd, n))
ON_FD("stat", int, fstat, (int fd, struct stat *s), (fd, s))
ON_FD("stat", int, fstat64, (int fd, struct stat64 *s), (fd, s))
#define ON_PATH(call, type, bad, name, given, passed) \
    type name given { REAL(name); return fails(call, path) ? bad : real passed; }
ON_PATH("stat", int, -1, stat, (const char *path, struct stat *s), (path, s))
ON_PATH("stat", int, -1, stat64, (const char *path, struct stat64 *s), (path, s))
ON_PATH("stat", int, -1, lstat, (const char *path, struct stat *s), (path, s))
ON_PATH("stat", int, -1, lstat64, (const char *path, struct stat64 *s), (path, s))
ON_PATH("stat", int, -1, fstatat, (int at, const char *path, struct stat *s, int f), (at, path, s, f))
ON_PATH("stat", int, -1, fstatat64, (int at, const char *path, struct stat64 *s, int f), (at, path, s, f))
ON_PATH("stat", int, -1, statvfs, (const char *path, struct statvfs *s), (path, s))
ON_PATH("stat", int, -1, statvfs64, (const char *path, struct statvfs64 *s), (path, s))
ON_PATH("resize", int, -1, truncate, (const char *path, off_t n), (path, n))
ON_PATH("rename", int, -1, rename, (const char *path, const char *to), (path, to))
ON_PATH("unlink", int, -1, unlink, (const char *path), (path))
ON_PATH("mkdir", int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
ON_PATH("list", DIR *, NULL, opendir, (const char *path), (path))
