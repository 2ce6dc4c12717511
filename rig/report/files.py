"""The files of a run: presses as CSV, captures around the drawn ones, pictures, page, JUnit, result.

`load` reads them back, so that a page can be drawn again without the whole capture.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from rig.capture.model import CaptureError
from rig.capture.vcd import read_vcd
from rig.capture.vcd_write import write_vcd
from rig.guard_stamps import Closing
from rig.latency import Press
from rig.report import page
from rig.report.junit import write_junit
from rig.report.views import MEDIAN, WORST, Run, View

RESULT = "result.json"
NAMES = {
    "report": "report.html",
    "junit": "junit.xml",
    "presses": "presses.csv",
    "views": "views",
    "plots": "plots",
}
_COLUMNS = ("layout", "press", "switch_ns", "halt_ns", "ack_ns", "seen_ns", "guard_ack_ns", "drawn")


class RunError(ValueError):
    """The files of a run cannot be read; one line that names file and place."""


@dataclass(frozen=True)
class Loaded:
    """A run that was read back."""

    folder: Path
    result: dict[str, Any]
    runs: list[Run]


def write(out: Path, result: Mapping[str, Any], runs: Sequence[Run]) -> None:
    """Write all files of a run into `out`, the result last: where it stands, the rest is whole."""
    _write_presses(out / NAMES["presses"], runs)
    _write_views(out / NAMES["views"], runs)
    draw(out, result, runs)
    (out / RESULT).write_bytes(msgspec.json.encode(result))


def draw(out: Path, result: Mapping[str, Any], runs: Sequence[Run]) -> None:
    """Write page, pictures and JUnit: what is made of the rest."""
    plots = out / NAMES["plots"]
    plots.mkdir(exist_ok=True)
    drawn = page.draw(result, runs)
    for shown in drawn.values():
        for captioned in (*shown[0], *shown[1]):
            captioned.picture.write(plots)
    page.write_page(out / NAMES["report"], result, runs, drawn)
    write_junit(out / NAMES["junit"], result)


def load(given: Path) -> Loaded:
    """Read a run from its folder or its result.json. Raises RunError."""
    folder = given if given.is_dir() else given.parent
    result = read_result(folder / RESULT if given.is_dir() else given)
    return Loaded(folder, result, _read_presses(folder / NAMES["presses"], folder / NAMES["views"]))


def read_result(file: Path) -> dict[str, Any]:
    """Read one result.json. Raises RunError."""
    try:
        result = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise RunError(f"{file}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{file}: no result of a run: {error}") from None
    for key in ("bench", "verdict", "latency_us"):
        if key not in result:
            raise RunError(f"{file}: no result of a run: it has no {key!r}")
    return result


def _write_presses(path: Path, runs: Sequence[Run]) -> None:
    with path.open("w", newline="", encoding="ascii") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(_COLUMNS)
        for run in runs:
            for index, press in enumerate(run.presses):
                seen = run.closing(index) or ("", "")
                times = (press.t_switch_ns, press.t_halt_ns, press.t_ack_ns, *seen)
                rows.writerow((run.layout, index + 1, *times, _drawn(run, index)))


def _drawn(run: Run, index: int) -> str:
    return "+".join(name for name, view in run.views.items() if view.index == index)


def _write_views(folder: Path, runs: Sequence[Run]) -> None:
    folder.mkdir(exist_ok=True)
    for run in runs:
        for name, view in run.views.items():
            write_vcd(view.capture, folder / f"{run.layout}-{name}.vcd")


def _read_presses(path: Path, views: Path) -> list[Run]:
    presses: dict[str, list[Press]] = {}
    closings: dict[str, list[Closing | None]] = {}
    drawn: dict[str, dict[str, View]] = {}
    try:
        with path.open(newline="", encoding="ascii") as file:
            rows = csv.reader(file)
            if tuple(next(rows, ())) != _COLUMNS:
                raise RunError(f"{path}: its first line is not {','.join(_COLUMNS)}")
            for number, row in enumerate(rows, start=2):
                layout, press, closing, names = _row(path, number, row)
                presses.setdefault(layout, []).append(press)
                closings.setdefault(layout, []).append(closing)
                index = len(presses[layout]) - 1
                for name in names:
                    view = View(index, read_vcd(views / f"{layout}-{name}.vcd"))
                    drawn.setdefault(layout, {})[name] = view
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}") from None
    except (CaptureError, csv.Error, UnicodeDecodeError) as error:
        raise RunError(str(error)) from None
    return [Run(key, each, drawn.get(key, {}), closings[key]) for key, each in presses.items()]


def _row(
    path: Path, number: int, row: Sequence[str]
) -> tuple[str, Press, Closing | None, list[str]]:
    try:
        layout, _press, *times, names = row
        switch_ns, halt_ns, ack_ns, seen_ns, guard_ack_ns = (int(t) if t else None for t in times)
        drawn = names.split("+") if names else []
        if switch_ns is None or not set(drawn) <= {MEDIAN, WORST} or "/" in layout:
            raise ValueError
    except ValueError:
        raise RunError(f"{path}: row {number} is no press: {','.join(row)[:80]}") from None
    closing = None
    if seen_ns is not None and guard_ack_ns is not None:
        closing = Closing(seen_ns, guard_ack_ns)
    return layout, Press(switch_ns, halt_ns, ack_ns), closing, drawn
