from libc.stdint cimport uint64_t

cdef extern from "atomics.h" nogil:
    ctypedef uint64_t bot4_word
    uint64_t bot4_load(const volatile bot4_word *word)
    void bot4_store(volatile bot4_word *word, uint64_t value)
    uint64_t bot4_add(volatile bot4_word *word, uint64_t value)
    void bot4_fence()
    uint64_t bot4_now_ns()
