"""A folder with what the commands of the documents name: prices, a run, its log, a key.

Prices are made up, the run is one of tests/rig, the log is written by the recorder's own code.
"""

import datetime
import math
import os
import random
import shutil
import sys
from pathlib import Path

from host.audit.writer import AuditWriter
from rig.capture.vcd import write_vcd
from rig.report import files
from tests.audit.audit_logs import no_sync
from tests.audit.witnessed import KEY, Witness
from tests.docs.pages import HOUSE, PAGES, blocks
from tests.rig import runs

BARS = 700
LINKED = ("benches", "firmware", "hil", "tests", "tools")
JUNIT = (
    '<testsuite name="hil"><testcase classname="hil" name="test_a_press" time="1"/></testsuite>\n'
)


def fill(folder: Path) -> None:
    """Put everything into `folder` that a reader has at that point."""
    prices(folder / "prices.csv", seed=1)
    prices(folder / "others.csv", seed=2)
    prices(folder / "hourly.csv", seed=3, hours=1)
    prices(folder / "local.csv", seed=4, hours=1, zone="")
    run(folder / "runs" / "RUN")
    for name in ("quiet", "loaded"):
        shutil.copytree(folder / "runs" / "RUN", folder / "runs" / name)
    log(folder / ".local" / "state" / "bot4" / "audit")
    (folder / "witness.key").write_bytes(KEY)
    (folder / "witness.hex").write_text(f"{KEY.hex()}\n")
    (folder / "hil.xml").write_text(JUNIT)
    for block in (block for page in PAGES for block in blocks(page) if block.title):
        (folder / block.title).write_text("\n".join(block.lines) + "\n")
    for name in LINKED:
        (folder / name).symlink_to(HOUSE / name)


def prices(file: Path, seed: int, hours: int = 24, zone: str = "Z") -> None:
    """Bars that wander, from the middle of a winter on."""
    rng, price = random.Random(seed), 100.0
    start, step = datetime.datetime(2018, 12, 1), datetime.timedelta(hours=hours)  # noqa: DTZ001
    rows = ["timestamp,open,high,low,close,volume"]
    for number in range(BARS):
        close = price * math.exp(rng.gauss(0.0003, 0.02))
        high, low = max(price, close) * 1.004, min(price, close) * 0.996
        bar = ",".join(f"{value:.4f}" for value in (price, high, low, close, 1000.0))
        rows.append(f"{(start + number * step).isoformat()}{zone},{bar}")
        price = float(f"{close:.4f}")
    file.write_text("\n".join(rows) + "\n")


def run(folder: Path) -> None:
    """What `bot4 bench measure` leaves behind."""
    folder.mkdir(parents=True)
    made, capture = runs.run(20), runs.capture(runs.latencies(20), serial_edges=8)
    files.write(folder, runs.result(made), [made])
    write_vcd(capture, folder / "capture.vcd")
    log(folder / "audit")


def log(folder: Path, records: int = 40, segment_bytes: int = 4_000) -> None:
    """A log of the recorder's writer, in several segments, with receipts of a witness."""
    witness = Witness()
    with no_sync(), AuditWriter(folder, host_id="pi", segment_bytes=segment_bytes) as writer:
        writer.append("receipt", "guard", witness.receipt())
        for number in range(records):
            writer.append("order", "engine", {"n": number, "px": number / 8, "who": "é\n"})
            writer.commit()
            if number % 5 == 4:
                receipt = witness.show(*writer.head)
                assert receipt is not None
                writer.append("receipt", "guard", receipt)
            if number % 15 == 14:
                witness.keep()
                witness.power_cycle()
                writer.append("receipt", "guard", witness.receipt())


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of a reader: our programs in front, a home of their own, no terminal's width."""
    return os.environ | {
        "HOME": str(folder),
        "PATH": f"{shims(folder)}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(HOUSE),
        "COLUMNS": "80",
        "MPLBACKEND": "Agg",
    }


def shims(folder: Path) -> Path:
    """`bot4` of this checkout, whatever is installed."""
    place = folder / ".local" / "bin"
    place.mkdir(parents=True, exist_ok=True)
    command = place / "bot4"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m bot4 "$@"\n')
    command.chmod(0o755)
    return place
