"""How `bot4 validate split` shows its splits: table, JSON, pictures."""

from pathlib import Path
from typing import Any

from bot4.errors import BadInput
from bot4.split_inputs import need

LARGEST_SHOWN_RANGES = 2


def facts(fold: Any, line: Any) -> dict[str, Any]:
    """Return one split as it is told: times, counts, closed ranges, sample numbers."""
    from host.validation import Role

    test = fold.indices(Role.TEST)
    told = {role.name.lower(): role for role in Role if role is not Role.UNUSED}
    return {
        "split": fold.number,
        "test_from": line.shown(int(line.t_ns[test[0]])),
        "test_to": line.shown(int(line.t_ns[test[-1]])),
        "counts": {name: fold.count(role) for name, role in told.items()},
        "ranges": {name: fold.ranges(role) for name, role in told.items()},
        **{name: fold.indices(role) for name, role in told.items()},
    }


def print_json(told: dict[str, Any], ranges_only: bool) -> None:
    """Print everything, or the splits without their lists of sample numbers."""
    import msgspec
    import numpy as np

    if ranges_only:
        short = [
            {name: value for name, value in split.items() if not isinstance(value, np.ndarray)}
            for split in told["splits"]
        ]
        told = {**told, "splits": short}
    print(msgspec.json.encode(told, enc_hook=lambda array: array.tolist()).decode())


def show(told: dict[str, Any]) -> None:
    """Print a table of ranges and counts for 80 columns."""
    from rich.console import Console
    from rich.table import Table

    out = Console(highlight=False)
    out.print(f"{told['samples']} samples, {told['from']} to {told['to']}", soft_wrap=True)
    for note in told["notes"]:
        out.print(note, soft_wrap=True)
    table = Table("#", "train", box=None, padding=(0, 1, 0, 0))
    for name in ("n", "test", "n", "gap", "purged", "embargoed"):
        table.add_column(name, justify="left" if name == "test" else "right")
    for split in told["splits"]:
        n, ranges = split["counts"], split["ranges"]
        train, test = _runs(ranges["train"]), _runs(ranges["test"])
        counts = (n["test"], n["gap"], n["purged"], n["embargoed"])
        table.add_row(*map(str, (split["split"], train, n["train"], test, *counts)))
    out.print(table)


def _runs(ranges: list[tuple[int, int]]) -> str:
    cut = len(ranges) > LARGEST_SHOWN_RANGES
    shown = [ranges[0], ranges[-1]] if cut else ranges
    texts = [f"{a}" if a == b else f"{a}..{b}" for a, b in shown]
    return (" ... " if cut else " ").join(texts)


def draw(path: Path, line: Any, folds: list[Any], title: str) -> None:
    """Write a picture or page; BadInput when it cannot be written."""
    need("matplotlib", "matplotlib")
    from host.validation.plot import write_plot

    try:
        write_plot(path, line, folds, title)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
