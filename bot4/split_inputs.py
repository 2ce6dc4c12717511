"""What `bot4 validate split` is given: options by mode, times and labels of a file."""

import inspect
from functools import partial
from pathlib import Path
from typing import Any

from bot4.errors import require

EMBARGO = ("embargo", "embargo_time")
NO_EMBARGO = (
    "the embargo acts in purged_kfold only: after a walk-forward test nothing is trained on"
)


def splitter(mode: str, asked: dict[str, Any]) -> tuple[Any, list[str]]:
    """Return the maker of a mode's splitter, and notes on what was asked without effect.

    Raises BadInput for an option that the mode does not have.
    """
    from host.validation import PurgedKFold, WalkForward, WalkForwardTime

    modes: dict[str, Any] = {
        "walk_forward": WalkForward,
        "walk_forward_time": WalkForwardTime,
        "purged_kfold": PurgedKFold,
    }
    require(mode in modes, f"--mode {mode}: {', '.join(modes)}")
    given = {name: value for name, value in asked.items() if value is not None}
    known = inspect.signature(modes[mode]).parameters
    idle = [name for name in EMBARGO if name in given and name not in known]
    for name in given:
        good = name in known or name in idle
        require(good, f"--{name.replace('_', '-')} does not go with --mode {mode}")
    if idle:  # without effect, but not without a check
        PurgedKFold(times=[], **{name: given.pop(name) for name in idle})
    return partial(modes[mode], **given), [NO_EMBARGO] if idle else []


def load_times(file: str, label: str | None, label_end: str | None) -> tuple[Any, Any]:
    """Return the times of a file and the label ends (None without labels) as datetimes."""
    from host.data.reader import read
    from host.validation.convert import LIMIT_NS, duration_ns

    require(label is None or label_end is None, "--label and --label-end: give one of both")
    if label_end is not None:
        return load_labelled(file, label_end)
    t_ns = read(file).time_ns
    times = t_ns.view("datetime64[ns]")
    if label is None:
        return times, None
    length_ns = duration_ns(duration(label), "label")
    require(int(t_ns[-1]) + length_ns < LIMIT_NS, f"--label {label}: ends after the year 2262")
    return times, (t_ns + length_ns).view("datetime64[ns]")


def load_labelled(file: str, label_end: str) -> tuple[Any, Any]:
    """Return `timestamp` and the named column of a CSV or Parquet file with any other columns."""
    from host.data.sources import load_csv, load_parquet
    from host.data.table import BadData

    name = label_end.strip().lower()  # as the readers name columns

    def choose(source: str, header: list[str]) -> list[str]:
        for column in ("timestamp", name):
            if header.count(column) != 1:
                raise BadData(f"{source}: one column {column!r} is needed")
        return ["timestamp", name]

    require(name != "timestamp", "--label-end timestamp: that is the time of the sample")
    load = load_parquet if file.lower().endswith(".parquet") else load_csv
    table = load(Path(file), choose)
    t_ns, end_ns = (table.iso_times_ns(column) for column in ("timestamp", name))
    return t_ns.view("datetime64[ns]"), end_ns.view("datetime64[ns]")


def duration(text: str | None) -> Any:
    """Return seconds for a plain number, the text itself (such as 30D) for anything else."""
    try:
        return None if text is None else float(text)
    except ValueError:
        need("pandas", "pandas")
        return text


def count_or_duration(name: str, text: str | None, mode: str) -> Any:
    """Return a count of samples for a whole number, else a duration in walk_forward_time alone."""
    if text is None:
        return None
    by_clock = mode == "walk_forward_time"
    if text.isascii() and text.isdigit() and not (by_clock and name == "gap"):
        require(len(text) < 19, f"--{name}: {len(text)} digits: more samples than there can be")
        return int(text)
    require(by_clock, f"--{name} {text}: a number of samples")
    return duration(text)


def need(module: str, package: str) -> None:
    """Raise BadInput when a package of the extra `models` is not installed."""
    import importlib.util

    require(
        importlib.util.find_spec(module) is not None,
        f"{package} is not installed: pip install 'bot4[models]'",
    )
