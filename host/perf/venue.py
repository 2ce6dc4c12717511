"""Orders a second from decision to a paper venue: a real one, in a process of its own.

The compiled path sends as fast as the venue takes. Every order is recorded, accepted and answered; each
BATCH is taken off again by one cancel_all, because the venue holds no more than 1,000. The time ends with
the venue's last answer, and every answer is counted: a refused order is an error, not a fast one.
"""

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from host.engine.venue import PACKET_BYTES
from host.hotpath.pathbench import stream
from host.perf.engine import path, prices
from host.perf.judging import judge
from host.perf.timing import Row

# Blueprint: thousands a second, sustained.
K_PER_S = 50.0
ORDERS, BATCH, ROUNDS = 50_000, 500, 5
PATIENCE_S = 30.0
QUOTES = "timestamp_ms,bid,bid_qty,ask,ask_qty\n" + "".join(
    f"{1_704_067_200_000 + row},{200 + row % 2},1,{202 + row % 2},1\n" for row in range(100)
)
CANCEL_ALL = b'{"op":"cancel_all","intent":"CANCEL"}'


def rows(orders: int = ORDERS, rounds: int = ROUNDS) -> list[Row]:
    """Measure. Raises RuntimeError when the venue did not accept every order, OSError without it."""
    with (
        tempfile.TemporaryDirectory(prefix="bot4-perf-") as name,
        venue(Path(name)) as (where, pid),
    ):
        values, cpu_us = [], []
        for _round in range(rounds):
            began_ns = cpu_ns(pid)
            values.append(per_s(where, orders) / 1e3)
            cpu_us.append((cpu_ns(pid) - began_ns) / 1e3 / orders)
    return [
        judge("orders, decision to paper venue", values, "k/s", K_PER_S, "p50", at_least=True),
        judge("one order, of the venue's CPU time", cpu_us, "us"),
    ]


def per_s(where: str, orders: int) -> float:
    """Send so many orders over a connection of its own; return how many a second were accepted."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock,
        path() as (pipeline, guard, *_),
    ):
        sock.settimeout(PATIENCE_S)
        sock.connect(where)
        sock.recv(PACKET_BYTES)
        sock.send(b'{"op":"hello","role":"trade"}')
        accepted, batches, values = 0, orders // BATCH, prices(BATCH)
        began_ns = time.monotonic_ns()
        for _batch in range(batches):
            accepted += stream(pipeline, guard, values, sock.fileno())
            sock.send(CANCEL_ALL)
        accepted += last_answers(sock, batches)
        taken_s = (time.monotonic_ns() - began_ns) / 1e9
    if accepted != batches * BATCH:
        raise RuntimeError(f"the venue accepted {accepted} of {batches * BATCH} orders")
    return accepted / taken_s


def last_answers(sock: socket.socket, batches: int) -> int:
    """Read until the venue has answered the last question; return how many more it accepted."""
    accepted = 0
    sock.send(b'{"op":"position","req":%d}' % batches)
    while not (answer := sock.recv(PACKET_BYTES)).startswith(b'{"ev":"position"'):
        if not answer:
            raise RuntimeError("the venue closed the connection")
        accepted += answer.startswith(b'{"ev":"ack"')
    return accepted


def cpu_ns(pid: int) -> int:
    """Return how long a process of one thread has been on a CPU: what else runs is not in it."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])


@contextlib.contextmanager
def venue(folder: Path) -> Iterator[tuple[str, int]]:
    """Run a paper venue; give its socket and its process id."""
    (folder / "quotes.csv").write_text(QUOTES)
    where, record = str(folder / "venue"), str(folder / "record.jsonl")
    command = [sys.executable, "-m", "host.paper", "--listen", where, "--record", record,
               "--data", str(folder / "quotes.csv"), "--rows-per-s", "1"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or process.stdout.readline() != b"ready\n":
                raise RuntimeError("the paper venue does not start")
            yield where, process.pid
        finally:
            process.terminate()
