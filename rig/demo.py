"""`bot4 demo`: a host trading on real data, the kill switch pressed again and again, a report."""

import contextlib
import datetime
import itertools
import random
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from controller.times import Times
from rig import benches, benchfile, outcome
from rig.bench import Bench
from rig.capture.model import CaptureError
from rig.capture.vcd import write_vcd
from rig.processes import BenchError
from rig.progress import Say, progress
from rig.session import DENSE, LEISURE, ONE_CORE, OWN_CORE, Pace, Session

# s. What one press cycle takes with its pauses, and the way up before the first one: only for
# pacing the data so that they last, never for a measurement.
CYCLE_S, START_S, SLACK = 0.75, 3.0, 1.6
# A file that is there from the first press on, until there is a result.
STARTED = "unfinished"
# Data are needed before each press: a handful of rows to warm up, and some to trade on.
ROWS_PER_PRESS = 10
MOST_PRESSES = 100_000


@dataclass(frozen=True)
class Demo:
    """What the user asked for; see `bot4 demo --help`."""

    data: str
    presses: int
    speed: float | None
    out: Path | None
    seed: int
    scheduler: str
    host: str
    bench: str = "virtual"
    layouts: tuple[str, ...] = (ONE_CORE, OWN_CORE)
    loads: tuple[str, ...] = ()
    dense: bool = False

    @property
    def total(self) -> int:
        """Presses in all layouts together."""
        return self.presses * len(self.layouts)

    @property
    def pace(self) -> Pace:
        """How fast the hand is."""
        return DENSE if self.dense else LEISURE

    def check(self) -> None:
        """Raise ValueError with one line for anything that cannot be run."""
        if not 1 <= self.presses <= MOST_PRESSES:
            raise ValueError(f"--presses {self.presses}: from 1 to {MOST_PRESSES}")
        if self.speed is not None and not 0 < self.speed <= 100_000:
            raise ValueError(f"--speed {self.speed:g}: rows a second, above 0 and at most 100000")
        for layout in self.layouts:
            if layout not in (ONE_CORE, OWN_CORE):
                raise ValueError(f"--layout {layout}: it is {ONE_CORE}, {OWN_CORE} or both")
        benchfile.load(self.bench)
        if self.scheduler not in ("auto", "other"):
            raise ValueError(f"--scheduler {self.scheduler}: it is auto or other")
        if self.data != "sp500" and not Path(self.data).exists():
            raise ValueError(f"{self.data}: no such file")


def run_demo(demo: Demo, as_json: bool) -> int:
    """Run it, print the table or the JSON object, and return the exit code: 0 only for a pass."""
    demo.check()
    with _ended_by_signals(), _results_folder(demo.out) as out, progress(as_json) as say:
        result = _measure(demo, out, say)
    if as_json:
        print(msgspec.json.encode(result).decode())
    else:
        outcome.show(result)
    return 0 if result["verdict"] == "pass" else 1


def _measure(demo: Demo, out: Path, say: Say) -> dict[str, Any]:
    bench_file = benchfile.load(demo.bench)
    # A hand and a look at the Pi take their time: the data are repeated, whatever they last for.
    by_hand = bench_file.controller.kind == "serial"
    setup = benches.setup(
        bench_file,
        out=out,
        data=demo.data,
        speed=demo.speed,
        span_s=SLACK * (START_S + demo.total * CYCLE_S),
        scheduler=demo.scheduler,
        repeat=demo.dense or by_hand,
        loads=demo.loads,
        **({"host": tuple(shlex.split(demo.host))} if demo.host else {}),
    )
    opened = benches.open_bench(bench_file, setup)
    say(f"starting: {bench_file.controller.kind} controller, paper venue on {demo.data}, host")
    with opened as bench:
        times, rng = Times(setup.profile), random.Random(demo.seed)
        with contextlib.closing(Session(bench, times, rng, say, demo.pace)) as session:
            if not setup.repeat:
                session.check_data(demo.total * ROWS_PER_PRESS)
            (out / STARTED).touch()
            with _kept_when_interrupted(bench, out):
                layouts = session.run(demo.presses, demo.layouts)
                ended = session.finish()
    say("judging: capture, venue record, audit log")
    result = outcome.build(bench, demo.presses, demo.seed, layouts, ended)
    (out / STARTED).unlink()
    return result


@contextlib.contextmanager
def _kept_when_interrupted(bench: Bench, out: Path) -> Iterator[None]:
    """Write what the wires showed so far when somebody ends the run: the presses were real ones."""
    try:
        yield
    except KeyboardInterrupt:
        with contextlib.suppress(BenchError, CaptureError, OSError):
            write_vcd(bench.capture(), out / outcome.CAPTURE_VCD)
        raise


@contextlib.contextmanager
def _results_folder(wanted: Path | None) -> Iterator[Path]:
    """Make the folder of the results.

    What fails before the first press leaves nothing behind; from then on everything is kept, whatever
    happens: it is what shows why.
    """
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    out = wanted or _free(Path("runs") / stamp)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"--out {out}: not an empty folder")
    existed = out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--out {out}: {error.strerror}") from None
    try:
        yield out
    except BaseException:
        if (out / STARTED).exists():
            print(f"no result; what was recorded is kept in {out}", file=sys.stderr)
            raise
        for left in out.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        if not existed:
            out.rmdir()
        raise


def _free(wanted: Path) -> Path:
    """Return `wanted`, or the first of `wanted-2`, `wanted-3`, ... that is not there."""
    names = itertools.chain(
        [wanted], (wanted.with_name(f"{wanted.name}-{n}") for n in itertools.count(2))
    )
    return next(name for name in names if not name.exists())


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception, so that everything started is ended."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
