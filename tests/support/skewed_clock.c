/* Preloaded by tests: a process whose command line has a marker lives at another time of day than its machine.
 * SKEW_FILE names a file of lines "<seconds> <marker>"; who matches none keeps the machine's time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static long offset;

__attribute__((constructor)) static void choose(void) {
    char words[4096] = "", line[512], marker[256];
    long seconds;
    const char *path = getenv("SKEW_FILE");
    FILE *own = fopen("/proc/self/cmdline", "r"), *table = path ? fopen(path, "r") : NULL;
    size_t size = own ? fread(words, 1, sizeof words - 1, own) : 0;
    for (size_t i = 0; i + 1 < size; i++)
        if (!words[i]) words[i] = ' ';
    while (table && fgets(line, sizeof line, table))
        if (sscanf(line, "%ld %255[^\n]", &seconds, marker) == 2 && strstr(words, marker)) offset = seconds;
    if (own) fclose(own);
    if (table) fclose(table);
}

int clock_gettime(clockid_t id, struct timespec *at) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(id, at);
    if (!status && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += offset;
    return status;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
    int status = real(at, zone);
    if (!status && at) at->tv_sec += offset;
    return status;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
