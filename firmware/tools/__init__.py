"""Tools for the firmware, run by CPython: build, flash, provision."""
