"""Times and durations of every accepted kind as whole nanoseconds.

Numbers are seconds. Integers and floats, datetimes of Python, numpy and pandas meet in int64
nanoseconds, so that the comparisons of closed intervals are exact. pandas is imported only for what
is its own, and for texts such as "30D".
"""

from __future__ import annotations

import datetime
import math
import numbers
from typing import Any

import numpy as np

IntArray = np.ndarray[Any, np.dtype[np.int64]]

NS_PER_S = 1_000_000_000
LIMIT_NS = np.iinfo(np.int64).max
SECONDS, NAIVE, ZONED = "numbers", "datetimes without a zone", "datetimes with a zone"
_KINDS = "numbers in seconds, datetimes or a pandas index of datetimes"


def times_ns(values: Any, name: str) -> tuple[IntArray, str]:
    """Return times as int64 nanoseconds, and their kind; those with a zone become UTC.

    Raises ValueError for missing, infinite or too distant times, TypeError for other kinds.
    """
    array, kind = _plain(values, name)
    if array.ndim != 1:
        raise ValueError(f"{name}: one dimension is needed, these have {array.ndim}")
    if array.dtype.kind in "iu":
        _refuse(np.abs(array.astype(np.float64)) >= LIMIT_NS / NS_PER_S, array, name)
        return array.astype(np.int64) * NS_PER_S, kind
    if array.dtype.kind == "f":
        scaled = array.astype(np.float64)
        _refuse(~(np.abs(scaled) < LIMIT_NS / NS_PER_S), array, name)
        # Whole seconds apart from their fraction: the product of both would lose nanoseconds.
        whole = np.floor(scaled)
        fraction_ns = np.rint((scaled - whole) * NS_PER_S).astype(np.int64)
        return whole.astype(np.int64) * NS_PER_S + fraction_ns, kind
    _refuse(np.isnat(array), array, name)
    # Through seconds: a cast to ns would silently wrap beyond the years 1677-2262.
    whole_s = array.astype("datetime64[s]").astype(np.int64)
    _refuse(np.abs(whole_s) >= LIMIT_NS // NS_PER_S, array, name)
    return array.astype("datetime64[ns]").astype(np.int64), kind


def duration_ns(value: Any, name: str) -> int:
    """Return a duration as nanoseconds: seconds, timedelta, np.timedelta64, pandas offset, "30D".

    Raises ValueError for a negative, endless or unknown one, or one whose length depends on the
    date (months), TypeError for other kinds.
    """
    length_ns = _length_ns(value, name)
    if length_ns < 0:
        raise ValueError(f"{name}={value!r}: a duration cannot be negative")
    if length_ns > LIMIT_NS:
        raise ValueError(f"{name}={value!r}: longer than 292 years")
    return length_ns


def shown(at_ns: int, kind: str) -> str:
    """Return a time as a person would write it: seconds, or ISO-8601."""
    if kind == SECONDS:
        return f"{at_ns / NS_PER_S:.12g}"
    return str(
        np.datetime64(at_ns, "ns") if at_ns % NS_PER_S else np.datetime64(at_ns // NS_PER_S, "s")
    )


def shown_length(length_ns: int) -> str:
    """Return a duration in days, or in seconds below a tenth of a day."""
    days = length_ns / (86_400 * NS_PER_S)
    return f"{days:.10g} days" if days >= 0.1 else f"{length_ns / NS_PER_S:.10g} s"


def _plain(values: Any, name: str) -> tuple[np.ndarray[Any, Any], str]:
    """Return a numpy array of numbers or datetime64, and its kind."""
    if isinstance(values, str):
        raise TypeError(f"{name}: {_KINDS}, not a text")
    zoned = getattr(getattr(values, "dtype", None), "tz", None) is not None
    array = np.asarray(values) if not zoned else np.empty(0, dtype=object)
    if array.dtype.kind == "O":
        index = _pandas_index(values, name)
        zoned = getattr(index, "tz", None) is not None
        array = (index.tz_convert(None) if zoned else index).to_numpy()
    if array.dtype.kind not in "iufM":
        raise TypeError(f"{name}: {_KINDS}, not {array.dtype}")
    return array, SECONDS if array.dtype.kind != "M" else ZONED if zoned else NAIVE


def _pandas_index(values: Any, name: str) -> Any:
    """Return pandas' reading of objects: datetimes of Python, Timestamps, columns of numbers."""
    pd = _pandas(name)
    try:
        return pd.Index(values).infer_objects()
    except (ValueError, TypeError) as error:
        raise TypeError(f"{name}: {_KINDS}: {error}") from None


def _refuse(wrong: np.ndarray[Any, Any], array: np.ndarray[Any, Any], name: str) -> None:
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(
            f"{name}: sample {at} is {array[at]}: not a time between the years 1677 and 2262"
        )


def _length_ns(value: Any, name: str) -> int:
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}={value!r}: a duration is needed")
    if isinstance(value, np.timedelta64):
        return _numpy_length_ns(value, name)
    if isinstance(value, datetime.timedelta) and not hasattr(value, "as_unit"):
        return value // datetime.timedelta(microseconds=1) * 1000
    if isinstance(value, numbers.Real):
        if not math.isfinite(value):
            raise ValueError(f"{name}={value!r}: not a duration")
        exact = int(value) if isinstance(value, numbers.Integral) else float(value)
        return round(exact * NS_PER_S)
    if isinstance(value, str):
        return _text_length_ns(value, name)
    if hasattr(value, "as_unit"):  # a Timedelta of pandas
        return _timedelta_ns(value, value, name)
    if hasattr(type(value), "rollforward"):  # an offset of pandas
        return _offset_length_ns(value, name)
    raise TypeError(
        f"{name}={value!r}: seconds, a timedelta, a pandas offset or a text such as '30D'"
    )


def _numpy_length_ns(value: np.timedelta64, name: str) -> int:
    if np.isnat(value) or np.datetime_data(value.dtype)[0] in ("generic", "Y", "M"):
        raise ValueError(f"{name}={value!r}: not a duration of one length")
    # Through seconds: a cast to ns would silently wrap beyond 292 years.
    if abs(int(value.astype("timedelta64[s]").astype(np.int64))) > LIMIT_NS // NS_PER_S - 1:
        raise ValueError(f"{name}={value!r}: longer than 292 years")
    return int(value.astype("timedelta64[ns]").astype(np.int64))


def _text_length_ns(text: str, name: str) -> int:
    # pandas takes "30" for 30 nanoseconds: nobody who writes it means that.
    if not any(c.isalpha() or c == ":" for c in text):
        raise ValueError(f"{name}={text!r}: a text needs a unit, such as '30D' or '24h'")
    try:
        parsed = _pandas(name).Timedelta(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{name}={text!r}: not a duration such as '30D' or '24h'") from None
    return _timedelta_ns(parsed, text, name)


def _timedelta_ns(parsed: Any, value: Any, name: str) -> int:
    if parsed is _pandas(name).NaT:
        raise ValueError(f"{name}={value!r}: not a duration")
    return int(parsed.as_unit("ns").value)


def _offset_length_ns(offset: Any, name: str) -> int:
    pd = _pandas(name)
    # A Thursday, a Saturday, and the first of a month of another length.
    anchors = [pd.Timestamp(day) for day in ("1970-01-01", "1970-01-03", "1970-02-01")]
    lengths = {(anchor + offset) - anchor for anchor in anchors}
    if len(lengths) != 1:
        raise ValueError(f"{name}={offset!r}: its length depends on the date; give days or hours")
    return _timedelta_ns(pd.Timedelta(lengths.pop()), offset, name)


def _pandas(name: str) -> Any:
    try:
        import pandas
    except ImportError:
        raise TypeError(f"{name}: this kind needs pandas: pip install 'bot4[models]'") from None
    return pandas
