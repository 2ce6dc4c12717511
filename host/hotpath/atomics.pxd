from libc.stdint cimport uint64_t

cdef extern from "atomics.h" nogil:
    ctypedef uint64_t bot4_word
    uint64_t bot4_load(const volatile bot4_word *word)
    void bot4_store(volatile bot4_word *word, uint64_t value)
    uint64_t bot4_add(volatile bot4_word *word, uint64_t value)
    uint64_t bot4_or(volatile bot4_word *word, uint64_t bits)
    uint64_t bot4_and(volatile bot4_word *word, uint64_t bits)
    bint bot4_cas(volatile bot4_word *word, uint64_t expected, uint64_t wanted)
    uint64_t bot4_peek(const volatile bot4_word *word)
    void bot4_poke(volatile bot4_word *word, uint64_t value)
    uint64_t bot4_load_acquire(const volatile bot4_word *word)
    void bot4_store_release(volatile bot4_word *word, uint64_t value)
    void bot4_copy_in(volatile bot4_word *to, const void *data, size_t length)
    void bot4_copy_out(void *to, const volatile bot4_word *data, size_t length)
    int bot4_lowest(uint64_t bits)
    uint64_t bot4_bits(double value)
    uint64_t bot4_now_ns()
