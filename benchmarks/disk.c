/* What `disk.hold` has processes load: their syncs take no less than UNDERSTUDY_BENCH_SYNC_US microseconds. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

typedef int (*sync_function)(int);

static int held(const char *name, int file)
{
    static __thread int exact;
    const char *least = getenv("UNDERSTUDY_BENCH_SYNC_US");
    struct timespec until;
    if (!exact) /* or the kernel rounds up what is slept by 50 us */
        exact = prctl(PR_SET_TIMERSLACK, 1000) == 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (least ? atol(least) : 0) * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int result = ((sync_function)dlsym(RTLD_NEXT, name))(file);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    return result;
}

int fsync(int file) { return held("fsync", file); }

int fdatasync(int file) { return held("fdatasync", file); }
