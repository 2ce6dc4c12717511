"""Children for the tests of several processes: started, and killed.

BOT4_POOL_PAIRS: acquire and release pairs of all processes together (`make hotpath-long`: 50,000,000).
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

PAIRS = int(os.environ.get("BOT4_POOL_PAIRS", "1000000"))
PROCESSES, KILLS = 4, 200
FOREVER = 1 << 62
context = multiprocessing.get_context("fork")


def start(work: Callable, *arguments: object) -> tuple[multiprocessing.Process, Connection]:
    """Run `work(pipe, *arguments)` in a child; return it and our end of its pipe."""
    ours, theirs = context.Pipe()
    child = context.Process(target=work, args=(theirs, *arguments), daemon=True)
    child.start()
    theirs.close()
    return child, ours


def kill(child: multiprocessing.Process) -> None:
    """SIGKILL, and wait for it."""
    child.kill()
    child.join(10)
    assert child.exitcode == -signal.SIGKILL
