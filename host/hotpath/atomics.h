/* C11 atomics for Cython, which has no _Atomic types of its own. All words are 64 bit. */
#ifndef BOT4_ATOMICS_H
#define BOT4_ATOMICS_H

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
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

static inline uint64_t bot4_or(volatile bot4_word *word, uint64_t bits) {
    return atomic_fetch_or_explicit(word, bits, memory_order_seq_cst);
}

static inline uint64_t bot4_and(volatile bot4_word *word, uint64_t bits) {
    return atomic_fetch_and_explicit(word, bits, memory_order_seq_cst);
}

/* Set the word to `wanted` if it is `expected`; return whether it was. */
static inline int bot4_cas(volatile bot4_word *word, uint64_t expected, uint64_t wanted) {
    return atomic_compare_exchange_strong_explicit(word, &expected, wanted, memory_order_seq_cst,
                                                   memory_order_seq_cst);
}

/* A hint that may be stale: no order with anything else. */
static inline uint64_t bot4_peek(const volatile bot4_word *word) {
    return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void bot4_poke(volatile bot4_word *word, uint64_t value) {
    atomic_store_explicit(word, value, memory_order_relaxed);
}

static inline uint64_t bot4_load_acquire(const volatile bot4_word *word) {
    return atomic_load_explicit(word, memory_order_acquire);
}

static inline void bot4_store_release(volatile bot4_word *word, uint64_t value) {
    atomic_store_explicit(word, value, memory_order_release);
}

/* Copies of what may change meanwhile. Who reads a word that was stored after a sequence number went
 * up sees, at its next look, a sequence number that went up: each store releases and each load acquires,
 * which costs nothing on x86-64 and needs no fence that a thread sanitizer cannot follow. */
static inline void bot4_copy_in(volatile bot4_word *to, const void *from, size_t bytes) {
    const char *at = (const char *)from;
    for (; bytes >= 8; bytes -= 8, at += 8) {
        uint64_t value;
        memcpy(&value, at, 8);
        bot4_store_release(to++, value);
    }
    if (bytes) {
        uint64_t value = 0;
        memcpy(&value, at, bytes);
        bot4_store_release(to, value);
    }
}

static inline void bot4_copy_out(void *to, const volatile bot4_word *from, size_t bytes) {
    char *at = (char *)to;
    for (; bytes >= 8; bytes -= 8, at += 8) {
        uint64_t value = bot4_load_acquire(from++);
        memcpy(at, &value, 8);
    }
    if (bytes) {
        uint64_t value = bot4_load_acquire(from);
        memcpy(at, &value, bytes);
    }
}

/* The number of the lowest bit that is set; `bits` is not 0. */
static inline int bot4_lowest(uint64_t bits) {
    return __builtin_ctzll(bits);
}

static inline uint64_t bot4_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return bits;
}

/* CLOCK_MONOTONIC in nanoseconds: the clock of leases and heartbeats, one per machine. */
static inline uint64_t bot4_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
