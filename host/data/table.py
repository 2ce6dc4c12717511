"""Named columns of one source, and the checks that turn them into trusted numbers.

Errors: everything wrong with the data is `BadData`, whose text is one line. Rows in messages are
data rows counted from 1; the header is not a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]

MAX_DECIMALS = 8
NS_PER_MS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SHOWN_CHARS = 40


class BadData(ValueError):
    """Market data that cannot be used. Its text is one line for the operator: file, row, reason."""


def shown(value: object) -> str:
    """A value as it may stand in a one-line message: quoted, escaped and clipped."""
    text = repr(str(value))
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "...'"


@dataclass(frozen=True)
class Table:
    """Columns of equal length: texts as they stood in a CSV, or arrays out of a binary format."""

    name: str
    columns: Mapping[str, Sequence[str] | np.ndarray[Any, Any]]
    rows: int

    def bad(self, index: int, reason: str) -> BadData:
        """The error for the row at `index` (from 0)."""
        return BadData(f"{self.name}: row {index + 1}: {reason}")

    def refuse_where(self, wrong: BoolArray, column: str, reason: str) -> None:
        """Raise BadData for the first row where `wrong` is true, quoting that row's `column`."""
        if wrong.any():
            index = int(wrong.argmax())
            value = self.columns[column][index]
            raise self.bad(index, f"{column} {reason}: {shown(value)}")

    def is_blank(self, column: str) -> bool:
        """True when the column is absent, or its first row is empty."""
        values = self.columns.get(column)
        return values is None or (isinstance(values, Sequence) and values[0] == "")

    def numbers(self, column: str) -> FloatArray:
        """The column as finite floats."""
        values = self.columns[column]
        if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
            array = values.astype(np.float64)
        else:
            array = np.array(self._parse(values, column, float, "a number"), dtype=np.float64)
        self.refuse_where(~np.isfinite(array), column, "is not a number")
        return array

    def positive(self, column: str) -> FloatArray:
        """The column as prices or sizes above zero."""
        array = self.numbers(column)
        self.refuse_where(array <= 0.0, column, "is not a positive number")
        return array

    def not_negative(self, column: str) -> FloatArray:
        """The column as numbers of zero or more."""
        array = self.numbers(column)
        self.refuse_where(array < 0.0, column, "is negative")
        return array

    def integer_times_ns(self, column: str, unit_ns: int) -> IntArray:
        """A column of integers since 1970 UTC, `unit_ns` nanoseconds each, as nanoseconds."""
        values = self.columns[column]
        if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
            values = values.tolist()
        return self._as_int64(
            [n * unit_ns for n in self._parse(values, column, int, "an integer time")], column
        )

    def iso_times_ns(self, column: str) -> IntArray:
        """A column of ISO-8601 times as nanoseconds since 1970 UTC.

        A time without an offset is read as UTC. Parquet timestamps are taken as they are.
        """
        values = self.columns[column]
        if isinstance(values, np.ndarray) and values.dtype.kind == "M":
            self.refuse_where(np.isnat(values), column, "is missing")
            # Through microseconds: a cast to ns would silently wrap beyond the years 1677-2262.
            whole = values.astype("datetime64[s]").astype(np.int64)
            limit_s = np.iinfo(np.int64).max // 10**9 - 1
            self.refuse_where(np.abs(whole) > limit_s, column, "is out of range")
            return values.astype("datetime64[ns]").astype(np.int64)
        return self._as_int64(self._parse(values, column, _iso_ns, "an ISO-8601 time"), column)

    def decimals(self, columns: Sequence[str]) -> int:
        """The most decimals that any value of these columns needs, at most MAX_DECIMALS.

        Trailing zeros do not count: `10335.0` written by a program says nothing about the tick.
        """
        return min(MAX_DECIMALS, max(_decimals_in(self.columns[column]) for column in columns))

    def _parse(
        self, values: Any, column: str, convert: Callable[[Any], Any], what: str
    ) -> list[Any]:
        try:
            parsed = list(map(convert, values))
        except (ValueError, TypeError, OverflowError):
            parsed = None
        # Python takes "1_000" for a number; in a data file it is damage.
        if parsed is None or any("_" in v for v in values if isinstance(v, str)):
            # Row by row is slower, and knows the row for the message.
            return [self._one(index, v, column, convert, what) for index, v in enumerate(values)]
        return parsed

    def _one(
        self, index: int, value: Any, column: str, convert: Callable[[Any], Any], what: str
    ) -> Any:
        try:
            if not (isinstance(value, str) and "_" in value):
                return convert(value)
        except (ValueError, TypeError, OverflowError):
            pass  # the refusal is the same for both ways of being wrong
        raise self.bad(index, f"{column} is not {what}: {shown(value)}")

    def _as_int64(self, values: list[int], column: str) -> IntArray:
        limits = np.iinfo(np.int64)
        if min(values) < limits.min or max(values) > limits.max:
            wrong = np.array([not limits.min <= v <= limits.max for v in values])
            self.refuse_where(wrong, column, "is out of range")
        return np.array(values, dtype=np.int64)


def _iso_ns(text: Any) -> int:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return (when - _EPOCH) // _MICROSECOND * 1000


def _decimals_in(values: Any) -> int:
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        # Rounding gives the double next to a decimal of that length, so equality is exact.
        exact = (d for d in range(MAX_DECIMALS) if bool((np.round(values, d) == values).all()))
        return next(exact, MAX_DECIMALS)
    return max(map(_decimals_of, set(map(str, values))))


def _decimals_of(text: str) -> int:
    if "e" in text or "E" in text:
        exponent = Decimal(text).normalize().as_tuple().exponent
        return max(0, -exponent) if isinstance(exponent, int) else 0
    return len(text.partition(".")[2].rstrip("0"))
