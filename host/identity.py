"""Who a process is, in one 64-bit word that no later process shares: start time and process id."""

import os
from pathlib import Path

# Linux: process ids stay below 2^22 (include/linux/threads.h); clock ticks since boot get the rest.
PID_BITS = 22
DEAD_STATES = (b"Z", b"X")


def identity(pid: int | None = None) -> int:
    """Return the word of process `pid` (default: this one), or 0 when it is dead or not there.

    A zombie is dead: none of its threads can run any more. Raises OSError when /proc cannot be read.
    """
    pid = os.getpid() if pid is None else pid
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    # The name, in brackets, may contain anything: count the fields behind its last bracket.
    fields = stat[stat.rindex(b")") + 2 :].split()
    state, start_ticks = fields[0], int(fields[19])
    return 0 if state in DEAD_STATES else start_ticks << PID_BITS | pid


def alive(word: int) -> bool:
    """Return whether the process of this word still runs. Raises OSError as `identity` does."""
    return word != 0 and identity(word & ((1 << PID_BITS) - 1)) == word
