from host.hotpath.atomics cimport bot4_word


cdef class Words:
    cdef bint _held
    cdef Py_buffer _view
    cdef volatile bot4_word *base
    cdef readonly Py_ssize_t count
    cdef readonly bint writable
    cdef int check(self, Py_ssize_t index) except -1
