/* C11 atomics for Cython, which has no _Atomic types of its own. All words are 64 bit. */
#ifndef BOT4_ATOMICS_H
#define BOT4_ATOMICS_H

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

typedef _Atomic uint64_t bot4_word;

/* The words are shared between processes: a lock inside libatomic would protect nothing. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");
_Static_assert(sizeof(bot4_word) == 8, "a word is 8 bytes");

static inline uint64_t bot4_load(const volatile bot4_word *word) {
    return atomic_load_explicit(word, memory_order_seq_cst);
}

static inline void bot4_store(volatile bot4_word *word, uint64_t value) {
    atomic_store_explicit(word, value, memory_order_seq_cst);
}

static inline uint64_t bot4_add(volatile bot4_word *word, uint64_t value) {
    return atomic_fetch_add_explicit(word, value, memory_order_seq_cst);
}

static inline void bot4_fence(void) {
    atomic_thread_fence(memory_order_seq_cst);
}

/* CLOCK_MONOTONIC in nanoseconds: the clock of leases and heartbeats, one per machine. */
static inline uint64_t bot4_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
