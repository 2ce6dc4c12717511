"""A bench that trades, and what its venue says happened: shared by the integration tests."""

import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from controller.times import Times
from rig.processes import BenchError
from rig.session import Session
from rig.virtual.bench import Setup, VirtualBench, only_bench

T = TypeVar("T")
PATIENCE_S = 90.0
BENCH_TIMES = Times("bench")


class Trading:
    """A bench whose host is armed and has sent orders."""

    def __init__(self, bench: VirtualBench) -> None:
        self.bench = bench
        self.session = Session(bench, BENCH_TIMES, random.Random(7), lambda _line: None)

    def rearm(self) -> None:
        """Arm by the virtual button and wait for orders; raises BenchError when that fails."""
        self.session.rearm()

    def press(self) -> None:
        """Press and wait for ACK."""
        self.session.press()

    def status(self) -> dict:
        """Return what `bot4 status` says; empty when the host does not answer."""
        return self.session.status() or {}

    def pid(self, name: str, timeout_s: float = 20.0) -> int:
        """Return the process id of guard, engine, recorder or pico, once there is one."""
        role = {"guard": "HOST", "pico": "PICO"}.get(name)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            pids = self.bench.wires.state()["pids"] if role else self.status()
            found = pids.get(role or f"{name}_pid")
            if found is not None:
                return found
            time.sleep(0.02)
        raise BenchError(f"no {name} is running")

    def wait_status(self, timeout_s: float = 5.0, **wanted: object) -> dict:
        """Poll the status until all fields are as wanted; return the last one either way."""
        deadline = time.monotonic() + timeout_s
        status = self.status()
        while any(status.get(key) != value for key, value in wanted.items()):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
            status = self.status()
        return status

    def wait_record(self, kind: str, timeout_s: float = 5.0) -> dict:
        """Return the data of the first audit record of `kind`; empty when none comes in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for segment in sorted((self.bench.setup.out / "audit").glob("*.jsonl")):
                for line in segment.read_bytes().split(b"\n")[:-1]:
                    record = msgspec.json.decode(line)
                    if record["kind"] == kind:
                        return record["data"]
            time.sleep(0.05)
        return {}

    def orders_after(self, t_ns: int) -> list[dict]:
        """Return the OPEN and REDUCE packets that the venue's kernel stamped after `t_ns`."""
        return [
            packet
            for packet in packets(self.bench.venue_record)
            if packet["sent_ns"] is not None
            and packet["sent_ns"] > t_ns
            and (packet["msg"] or {}).get("intent") in ("OPEN", "REDUCE")
        ]


def packets(record: Path) -> list[dict]:
    """Return the packet lines of a venue record, complete lines only."""
    lines = record.read_bytes().split(b"\n")[:-1]
    return [line for line in map(msgspec.json.decode, lines) if line["kind"] == "packet"]


@contextlib.contextmanager
def trading(
    out: Path,
    kind: type[VirtualBench] = VirtualBench,
    tail: Callable[[VirtualBench], Any] | None = None,
    **options: object,
) -> Iterator[Trading]:
    """Bring a bench up, arm it, wait for the first order; end everything afterwards."""
    with kind(Setup(out=out, span_s=60.0, patience_s=PATIENCE_S, **options)) as bench:
        kit = Trading(bench)
        if tail is not None:  # what else tells how far the host has traded
            kit.session.close()
            kit.session._venue = tail(bench)
        with contextlib.closing(kit.session):
            kit.rearm()
            yield kit


def planted(honest: str, module: str) -> list[str]:
    """Return the command line of a host in which `module` stands for `honest`."""
    script = Path(__file__).resolve().parents[1] / "planted" / "host_with.py"
    return [sys.executable, str(script), honest, module]


def bot4(*arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess:
    """Run one command as a person would."""
    command = [sys.executable, "-m", "bot4", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


def when_free(run: Callable[[], T]) -> T:
    """Wait for the machine's one bench: somebody else's demo is no failure of ours."""
    with contextlib.suppress(BenchError), only_bench(patience_s=PATIENCE_S):
        pass
    return run()


def leftovers() -> list[str]:
    """Return the command lines of processes of ours that are still running.

    Another bench on this machine, in another temporary folder, is none of our business.
    """
    here = os.fsencode(tempfile.gettempdir())
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                text = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                marks = ("-m host.", "-m rig.", "micropython_unix")
                environment = (folder / "environ").read_bytes().split(b"\0")
                ours = b"TMPDIR=" + here in environment or "TMPDIR" not in os.environ
                if ours and any(mark in text for mark in marks):
                    found.append(text)
    return found
