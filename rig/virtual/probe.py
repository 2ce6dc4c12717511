"""The noise floor: how late the machine wakes a process that does nothing but sleep.

`python -m rig.virtual.probe FILE` sleeps to absolute deadlines 1 ms apart until SIGTERM, then writes
pairs of int64 (time in ns, lateness in ns). It runs at the priority and on the CPU of the halt path.
"""

import array
import ctypes
import gc
import signal
import sys
import time
from pathlib import Path

PERIOD_NS = 1_000_000
PR_SET_TIMERSLACK = 29


def main(file: str) -> None:
    """Sample until told to stop."""
    samples = array.array("q")
    running = True

    def stop(*_signal: object) -> None:
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    # The fair scheduler lets sleepers oversleep by 50 us to save power; the halt path does not sleep.
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    gc.disable()
    print("ready", flush=True)
    due_ns = time.monotonic_ns() + PERIOD_NS
    while running:
        time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
        now_ns = time.monotonic_ns()
        samples.extend((now_ns, now_ns - due_ns))
        # After a long stall go on from now: one stall is one late sample, not many.
        due_ns = max(due_ns + PERIOD_NS, now_ns)
    Path(file).write_bytes(samples.tobytes())


if __name__ == "__main__":
    main(sys.argv[1])
