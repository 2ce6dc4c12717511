"""The watchdog's brain: pure logic, no I/O and no clock.

The same files run under MicroPython on the board and under CPython in the host, the rig
and the tests, so they keep to what both have: no enum, dataclasses, typing or match.
"""
