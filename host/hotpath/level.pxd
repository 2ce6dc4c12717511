from host.hotpath.words cimport Words


cdef class Level:
    cdef Words _words
    cdef Py_ssize_t _index
    cdef int _fd
    cdef int look(self) noexcept nogil


cdef class Drive:
    cdef int _fd
    cdef bytes _record
    cdef const char *_data
    cdef ssize_t _length
    cdef int high(self) noexcept nogil
