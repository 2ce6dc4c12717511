"""What the audit log costs: `python -m host.perf.audit [--json] [FOLDER]`.

FOLDER is on the disk that the log will be on (default: the temporary directory). The real recorder
runs as a process of its own; this program plays the guard. A safety record counts from the push into
the ring until the recorder's page says that it is durable, in turns with a bare write and fdatasync
of as many bytes in the same folder. The guard is the running one of --run-dir, or, where none runs,
its program loaded and locked into memory. Ends with 0 when every limit holds, 1 when one does not,
2 on wrong use.
"""

import argparse
import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from host import config, layout, realtime, shm
from host.audit.verify import verify
from host.audit.writer import AuditWriter
from host.guard.client import GuardClient, GuardUnreachable

Row = dict[str, Any]
PRESSES, RECORDS = 400, 60_000
# us. A record of the chain written, and verified: 50,000/s and 300,000/s.
WRITE_US, VERIFY_US = 1e6 / 50_000, 1e6 / 300_000
# p99 of a durable safety record: so many bare fdatasyncs of the same run, and so much more.
BARE_SHARE, MORE_US = 1.5, 1_000.0
GUARD_MB = 60.0
VERIFY_ROUNDS = 9
GROUP = 256  # records a commit, as the recorder reads a ring
PATIENCE_S = 20.0
# s. Before each of the two, so that both find disk and recorder at rest; and between two looks at the
# recorder's page: spinning would take the CPU from whom it waits for, and from the bare one after it.
BETWEEN_S, LOOK_S = 0.003, 100e-6
ORDER = {"op": "new", "id": "trend.18c2f0a1b2c.7.42", "intent": "OPEN", "side": "buy",
         "type": "limit", "qty": "0.5", "price": "100.25", "reduce_only": False}  # fmt: skip
SAFETY = {"mode": "EMERGENCY", "reason": "HALT_LINE", "waited_us": 12, "forced": False}


def rows(folder: Path, run_dir: Path, presses: int = PRESSES, records: int = RECORDS) -> list[Row]:
    """Measure everything in a new folder below `folder`. Raises OSError, RuntimeError."""
    with tempfile.TemporaryDirectory(prefix="bot4-perf-", dir=folder) as name:
        place = Path(name)
        durable, bare = durable_us(place, presses)
        written, verified, cpu = chain_us(place / "chain", records)
    what, kilobytes = guard_kb(run_dir)
    limit_us = BARE_SHARE * percentile(bare, 0.99) + MORE_US
    return [
        row("write + fdatasync, bare", bare, "us"),
        row("safety record durable", durable, "us", limit_us),
        row("record chained and committed", written, "us", WRITE_US, judged="p50"),
        row("record verified", verified, "us", VERIFY_US, judged="p50"),
        row("record verified, of CPU time", cpu, "us"),
        row(what, [kilobytes * 1024 / 1e6], "MB", GUARD_MB),
    ]


def durable_us(place: Path, presses: int) -> tuple[list[float], list[float]]:
    """Return (durable, bare) in us, taken in turns."""
    durable, bare = [], []
    realtime.short_slice()  # as the recorder: both are woken by the disk alike
    content = b"x" * 350
    with recorder(place) as (page, wake, theirs):
        scratch = os.open(place / "bare", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for number in range(presses):
            time.sleep(BETWEEN_S)
            began_ns = time.monotonic_ns()
            record = {"kind": "gate_closed", "mono_ns": began_ns, "data": SAFETY}
            page.ring.push(msgspec.json.encode(record))
            os.eventfd_write(wake, 1)
            wait_durable(theirs, number + 1)
            durable.append((time.monotonic_ns() - began_ns) / 1e3)
            time.sleep(BETWEEN_S)
            began_ns = time.monotonic_ns()
            os.pwrite(scratch, content, number * len(content))
            os.fdatasync(scratch)
            bare.append((time.monotonic_ns() - began_ns) / 1e3)
        os.close(scratch)
    return durable, bare


def wait_durable(theirs: shm.Page, number: int) -> None:
    """Wait until the recorder says that its reading is durable up to `number`."""
    deadline = time.monotonic() + PATIENCE_S
    while theirs.words.load(layout.RECORDER_GUARD_SEQ) < number:
        if time.monotonic() > deadline:
            raise RuntimeError("the recorder does not get a record onto the disk")
        time.sleep(LOOK_S)


@contextlib.contextmanager
def recorder(place: Path) -> Iterator[tuple[shm.Page, int, shm.Page]]:
    """Run a real recorder; give the guard's page, the eventfd that wakes it, and its own page."""
    with contextlib.ExitStack() as held:
        page = shm.create(layout.KIND_GUARD, "perf-guard")
        held.callback(page.close)
        wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        held.callback(os.close, wake)
        # Not in `place`: what the path of a socket may have is short.
        run_dir = held.enter_context(tempfile.TemporaryDirectory(prefix="bot4-perf-"))
        listener = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        listener.bind(f"{run_dir}/guard.sock")
        listener.listen(1)
        listener.settimeout(PATIENCE_S)
        words = [run_dir, place / "audit", "perf", config.DEFAULT]
        command = [sys.executable, "-m", "host.recorder", *map(str, words)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        held.callback(process.wait, PATIENCE_S)
        held.callback(process.send_signal, signal.SIGTERM)
        connection = held.enter_context(listener.accept()[0])
        connection.settimeout(PATIENCE_S)
        _request, fds = shm.receive_fds(connection)
        theirs = shm.attach(fds[0], layout.KIND_RECORDER)
        held.callback(theirs.close)
        reply = msgspec.json.encode({"ok": True, "recorded": 0, "supervisor": 0})
        shm.send_fds(connection, reply, [page.fd, wake])
        yield page, wake, theirs


def chain_us(place: Path, records: int) -> tuple[list[float], list[float], list[float]]:
    """Return us a record: appended and committed, by group; verified, by round; the CPU's part."""
    written = []
    with AuditWriter(place, host_id="perf") as writer:
        for _group in range(records // GROUP):
            began_ns = time.monotonic_ns()
            for _record in range(GROUP):
                writer.append("order", "engine", ORDER)
            writer.commit()
            written.append((time.monotonic_ns() - began_ns) / 1e3 / GROUP)
    verified, cpu = [], []
    for _round in range(VERIFY_ROUNDS):
        began_ns, cpu_ns = time.monotonic_ns(), time.process_time_ns()
        report = verify(place, settle_s=0)
        verified.append((time.monotonic_ns() - began_ns) / 1e3 / report.records)
        cpu.append((time.process_time_ns() - cpu_ns) / 1e3 / report.records)
        if not report.verified:
            raise RuntimeError(f"the log of the measurement does not verify: {report.reason}")
    return written, verified, cpu


def guard_kb(run_dir: Path) -> tuple[str, int]:
    """Return (what was measured, its resident memory in KiB)."""
    with contextlib.suppress(GuardUnreachable):
        client = GuardClient(run_dir)
        credentials = client.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        client.close()
        return "guard, resident", resident_kb(int.from_bytes(credentials[:4], sys.byteorder))
    command = [sys.executable, "-m", "host.perf.guard_loaded"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    return "guard loaded, resident", int(said.stdout)


def resident_kb(pid: int) -> int:
    """Return VmRSS of a process in KiB. Raises OSError."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def row(
    what: str, taken: Sequence[float], unit: str, limit: float | None = None, judged: str = "p99"
) -> Row:
    """Return the figures; `limit` is for the one called `judged`."""
    shares = {"p50": 0.5, "p99": 0.99, "p999": 0.999, "max": 1.0}
    figures = {name: round(percentile(taken, share), 2) for name, share in shares.items()}
    holds = limit is None or figures[judged] <= limit
    limit = limit if limit is None else round(limit, 2)
    return {"what": what, **figures, "unit": unit, "limit": limit, "judged": judged, "pass": holds}


def percentile(taken: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of a sequence that is not empty."""
    return sorted(taken)[max(0, math.ceil(share * len(taken)) - 1)]


def show(found: list[Row]) -> str:
    """Return the table as text of at most 80 columns."""
    keys = ("p50", "p99", "p999", "max", "limit")
    lines = [
        f"{'what':33}" + "".join(f" {key:>8}" for key in ("p50", "p99", "p99.9", "max", "limit"))
    ]
    for line in found:
        figures = "".join(f" {_short(line[key]):>8}" for key in keys)
        what = f"{line['what']}, {line['unit']}"
        lines.append(f"{what:33}{figures}{'' if line['pass'] else ' !'}")
    return "\n".join(lines)


def _short(figure: float | None) -> str:
    if figure is None:
        return "-"
    return f"{figure:.2f}" if figure < 1_000 else f"{figure:.0f}"


def main(arguments: list[str]) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m host.perf.audit", description="Audit figures.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--run-dir", type=Path, default=Path("/nonexistent"))
    parser.add_argument("--json", action="store_true", dest="as_json")
    args = parser.parse_args(arguments)
    try:
        found = rows(args.folder, args.run_dir)
    except (OSError, RuntimeError) as error:
        print(f"perf: {error}", file=sys.stderr)
        return 2
    holds = all(line["pass"] for line in found)
    verdict = "pass" if holds else "fail"
    print(json.dumps({"rows": found, "verdict": verdict}) if args.as_json else show(found))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
