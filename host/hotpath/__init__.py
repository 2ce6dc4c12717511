"""The compiled core: shared words, rings and the gate. Everything here is Cython with C11 atomics."""
