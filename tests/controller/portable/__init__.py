"""Cases that import nothing but `controller`: the same under CPython and MicroPython."""
