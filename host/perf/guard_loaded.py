"""The guard's program with everything loaded and locked, but no lines: prints VmRSS in KiB."""

import os

from host import layout, realtime, shm
from host.guard.__main__ import main as _guard
from host.perf.audit import resident_kb

__all__ = ["_guard"]

if __name__ == "__main__":
    page = shm.create(layout.KIND_GUARD, "perf-guard")
    page.ring.push(bytes(layout.SLOT_WORDS))
    realtime.lock_memory()
    realtime.freeze_gc()
    print(resident_kb(os.getpid()))
