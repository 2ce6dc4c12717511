"""Checks that what is missing at the beginning of a log was retired, and not just deleted.

The log may begin with a later segment than the first when a "retired" record in what is left names
exactly the segment before it, its last record and its hash; a receipt before that record had vouched
for everything that went, and a later one vouches for the record itself. The last receipt of the
retired part stands in the record, so that the numbers of the receipts go on without a gap: who cuts
more away than was retired, or invents a retirement, has no receipt of the witness that fits.
"""

from typing import Any

from host.audit.receipts import Receipts, is_receipt, out_of_order

FIELDS = {"segments", "records", "head", "receipt", "keep_days", "keep_bytes"}
NO_RECEIPT = {"epoch": 0, "number": 0}


class Retirements:
    """Follows a log record by record, beside `receipts`."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts
        self._gone = (0, 0, "")  # segments, records, hash of the last one
        self._ends: dict[int, tuple[int, str, dict[str, Any] | None]] = {}
        self._by = 0

    @property
    def records(self) -> int:
        """Number of records that are gone, as a record says."""
        return self._gone[1] if self._by else 0

    def begin(self, segments: int, records: int, head: str) -> None:
        """The log begins after so many segments and records, the last of which has hash `head`."""
        self._gone = segments, records, head
        self._receipts.begin(records, head)

    def segment_ended(self, number: int, records: int, head: str) -> None:
        """Remember where a segment ended, and the last receipt by then."""
        self._ends[number] = records, head, self._receipts.last

    def take(self, seq: int, data: dict[str, Any]) -> str | None:
        """Check the "retired" record `seq`; return why it is wrong, or None."""
        wrong = _shape(data)
        if wrong is not None or data["segments"] < self._gone[0]:
            return wrong  # an older one: the receipts before it have gone as well
        wrong = self._vouching(data)
        if wrong is not None or data["segments"] > self._gone[0]:
            return wrong or self._standing(data)
        wrong = self._missing(data)
        self._by = self._by or seq
        return wrong

    def unexplained(self) -> str | None:
        """At the end of the log: why what is missing at its beginning is not all right, or None."""
        if not self._gone[0]:
            return None
        if not self._by:
            return "is missing, and no record retires it"
        if self._receipts.vouched_most < self._by:
            return (
                f"is missing; record {self._by} retires it, but no receipt vouches for that record"
            )
        return None

    def _vouching(self, data: dict[str, Any]) -> str | None:
        if self._receipts.vouched_most < data["records"]:
            return "it retires records that no receipt had vouched for"
        receipt = data["receipt"]
        if receipt is None:
            return None
        if receipt["count"] > data["records"]:
            return "its receipt is of a record that it does not retire"
        return self._receipts.unsigned(receipt)

    def _standing(self, data: dict[str, Any]) -> str | None:
        """A segment that is still there: compare."""
        end = self._ends.get(data["segments"])
        if end is None:
            return "it retires a segment that is not before it"
        records, head, last = end
        # Without a receipt in what is left of it, the one in the record came from what is gone.
        same_receipt = data["receipt"] == last or (last is None and self._gone[0])
        if (data["records"], data["head"]) != (records, head) or not same_receipt:
            return "it retires other records than those of that segment"
        return None

    def _missing(self, data: dict[str, Any]) -> str | None:
        """The segment before the first that is there."""
        if (data["records"], data["head"]) != self._gone[1:]:
            return "it retires other records than those that are missing"
        last, first = data["receipt"] or NO_RECEIPT, self._receipts.first
        if first is None:
            return None
        wrong = out_of_order(last["epoch"], last["number"], first["epoch"], first["number"])
        return f"the receipts do not go on where it ends: {wrong}" if wrong else None


def _shape(data: dict[str, Any]) -> str | None:
    whole = type(data.get("segments")) is int and type(data.get("records")) is int
    receipt = data.get("receipt")
    if receipt is not None and not (isinstance(receipt, dict) and is_receipt(receipt)):
        return "the receipt in it is none"
    if set(data) != FIELDS or not whole or not isinstance(data["head"], str):
        return "it does not say what it retires"
    return None
