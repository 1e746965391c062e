/* A thread of C that ends its process where nothing has gone on: neither Python's lock nor a library can hold it up. */
#ifndef COPYMPI_WATCH_H
#define COPYMPI_WATCH_H

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    long beats;      /* grows when something has gone on */
    int done;        /* whoever sets it leaves the rest to the thread */
    int rank;
    double patience; /* seconds */
} Watch;

static double watch_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void watch_sleep(double seconds) {
    struct timespec pause = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    nanosleep(&pause, NULL);
}

typedef struct {
    char line[160];
    size_t size;
    int said;
} Words;

/* Say it, and leave a launcher two seconds to read it. */
static void *watch_say(void *given) {
    Words *words = (Words *)given;
    int unread = 1, k;
    if (write(2, words->line, words->size) == (ssize_t)words->size)
        for (k = 0; k < 200 && ioctl(2, FIONREAD, &unread) == 0 && unread > 0; k++)
            watch_sleep(0.01);
    __atomic_store_n(&words->said, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* End the process, at the latest after five seconds: standard error may itself be what hangs. */
static void watch_end(const Watch *watch, double idle) {
    static Words words;
    pthread_t thread;
    int k;
    words.size = (size_t)snprintf(
        words.line, sizeof words.line, "copympi: rank %d: nothing has gone on for %.0f s; the job ends\n", watch->rank,
        idle
    );
    if (pthread_create(&thread, NULL, watch_say, &words) == 0)
        for (k = 0; k < 500 && !__atomic_load_n(&words.said, __ATOMIC_ACQUIRE); k++)
            watch_sleep(0.01);
    _exit(1);
}

/* Its own looks are added up, so that time in which the process was suspended does not count. */
static void *watch_thread(void *given) {
    Watch *watch = (Watch *)given;
    const double pause = watch->patience < 4.0 ? watch->patience / 4.0 : 1.0;
    double idle = 0.0, before = watch_clock();
    long seen = -1;
    while (!__atomic_load_n(&watch->done, __ATOMIC_ACQUIRE)) {
        const long beats = __atomic_load_n(&watch->beats, __ATOMIC_RELAXED);
        double now, passed;
        watch_sleep(pause);
        now = watch_clock();
        passed = now - before;
        idle = beats == seen ? idle + (passed < 2.0 * pause ? passed : 2.0 * pause) : 0.0;
        seen = beats;
        before = now;
        if (idle > watch->patience && __atomic_load_n(&watch->beats, __ATOMIC_RELAXED) == seen
            && !__atomic_load_n(&watch->done, __ATOMIC_ACQUIRE))
            watch_end(watch, idle);
    }
    free(watch);
    return NULL;
}

/* NULL where there is no memory or no thread. Signals stay with the threads that there were. */
static Watch *watch_start(double patience, int rank) {
    Watch *watch = (Watch *)malloc(sizeof(Watch));
    sigset_t all, before;
    pthread_t thread;
    int failed;
    if (!watch)
        return NULL;
    *watch = (Watch){0, 0, rank, patience};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread, NULL, watch_thread, watch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        free(watch);
        return NULL;
    }
    pthread_detach(thread);
    return watch;
}

static void watch_beat(Watch *watch) { __atomic_fetch_add(&watch->beats, 1, __ATOMIC_RELAXED); }

static void watch_stop(Watch *watch) { __atomic_store_n(&watch->done, 1, __ATOMIC_RELEASE); }

#endif
