"""The hardware-in-the-loop suite: one set of tests, every bench. `pytest hil --bench virtual`."""
