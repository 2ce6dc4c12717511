/* Loaded before libc into the processes of an unchanged host (LD_PRELOAD). LD_SHIM_WORDS names a file
   of 64-bit words that the test writes:

   word 0  added to CLOCK_REALTIME, ns: a wall clock that has been set
   word 1  1: the next send() of an OPEN stops its own process first (SIGSTOP), then goes on.
           The gate has permitted by then and the kernel has seen nothing: exactly in between.
   word 2  process id of whoever stopped there
*/
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { SHIFT, STOP, STOPPED, WORDS = 512 };

static _Atomic int64_t none[WORDS];
static _Atomic int64_t *words = none;

__attribute__((constructor)) static void attach(void)
{
    const char *name = getenv("LD_SHIM_WORDS");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED)
        words = mapped;
    close(fd);
}

static void shift(struct timespec *at)
{
    int64_t ns = (int64_t) at->tv_sec * 1000000000 + at->tv_nsec + words[SHIFT];
    at->tv_sec = ns / 1000000000;
    at->tv_nsec = ns % 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int failed = (int) syscall(SYS_clock_gettime, clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        shift(at);
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    (void) zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

ssize_t send(int fd, const void *data, size_t length, int flags)
{
    int64_t armed = 1;
    if (words[STOP] == 1 && memmem(data, length, "\"OPEN\"", 6)
        && atomic_compare_exchange_strong(&words[STOP], &armed, 0)) {
        words[STOPPED] = getpid();
        raise(SIGSTOP);
    }
    return sendto(fd, data, length, flags, NULL, 0);
}
