"""Checks the witness's receipts that stand in a log; shares no code with controller or writer.

A receipt says: in power-up `epoch` I was shown, as head number `number`, a log of `count` records
that ends in `head`. Numbers count the heads that the witness accepted, so that:

- a head that is not the hash of that record of this log: the log was changed after it was shown;
- a number that is missing: a receipt was taken out, or the log was cut and continued;
- a count beyond the log, or an epoch that goes back: the log was rolled back;
- a new epoch (a power cycle) begins with the receipt that stands, for what the witness had kept:
  the recorder asks for it first, also at the beginning of a log (number 0, nothing shown yet).

Without the witness key the MACs are not checked, and whoever owns the host could have made all of it.
"""

import hmac
import struct
from hashlib import sha256
from typing import Any

LABEL = b"bot4 receipt"
SIGNED = struct.Struct("<IIQ32s")
KEY_BYTES = 32
NO_HEAD = bytes(32).hex()
KIND_RECEIPT = "receipt"
# A head is shown when it is the newest and its receipt recorded soon after: far fewer in between.
REMEMBERED = 4096
FIELDS = {"n": int, "epoch": int, "number": int, "count": int, "head": str, "mac": str}


class Receipts:
    """Follows a log record by record. key -- the witness key, or None."""

    def __init__(self, key: bytes | None) -> None:
        self._key = key
        self._hashes: dict[int, str] = {}  # of the records since the last receipt's count
        self._known: dict[int, tuple[int, str]] = {0: (0, NO_HEAD)}  # number -> (count, head)
        self.taken = 0
        self.vouched = 0
        self.vouched_most = 0
        self.number = 0
        self.epochs: list[dict[str, int]] = []

    def record(self, seq: int, digest: str) -> None:
        """Remember the hash of record `seq` until a receipt has gone past it."""
        self._hashes[seq] = digest
        self._hashes.pop(seq - REMEMBERED, None)

    def take(self, seq: int, data: dict[str, Any]) -> str | None:
        """Check the receipt in record `seq`; return why it is wrong, or None."""
        if set(data) != set(FIELDS) or not all(type(data[key]) is FIELDS[key] for key in FIELDS):
            return "it is not a receipt"
        reason = self._order(data) or self._content(data) or self._mac(data)
        if reason is None:
            self._accept(seq, data)
        return reason

    def _order(self, data: dict[str, Any]) -> str | None:
        number, epoch = data["number"], data["epoch"]
        last = self.epochs[-1]["epoch"] if self.epochs else 0
        if epoch < last:
            return f"a receipt of epoch {epoch} after one of epoch {last}: rolled back"
        if epoch > last and number > self.number:
            return f"epoch {epoch} does not begin with a receipt that this log carries: rolled back"
        if number > self.number + 1:
            return f"receipts {self.number + 1} to {number - 1} are missing: cut and continued"
        if epoch == last and number < self.number:
            return f"receipt {number} after receipt {self.number}"
        return None

    def _content(self, data: dict[str, Any]) -> str | None:
        number, count, head = data["number"], data["count"], data["head"]
        if number in self._known and number <= self.number:
            known = self._known[number]
        elif count < self.vouched:
            return f"it vouches for {count} records, an earlier one for {self.vouched}"
        else:
            known = (count, self._hashes.get(count, ""))
        if known != (count, head):
            return f"it vouches for another record {count} than the one in this log"
        return None

    def _mac(self, data: dict[str, Any]) -> str | None:
        if self._key is None:
            return None
        try:
            head = bytes.fromhex(data["head"])
            signed = SIGNED.pack(data["epoch"], data["number"], data["count"], head)
        except (ValueError, struct.error):
            return "it is not a receipt"
        expected = hmac.new(self._key, LABEL + signed, sha256).hexdigest()
        if not hmac.compare_digest(expected, data["mac"]):
            return "the receipt's MAC is not the witness's: forged, or another witness"
        return None

    def _accept(self, seq: int, data: dict[str, Any]) -> None:
        number, count = data["number"], data["count"]
        if not self.epochs or data["epoch"] > self.epochs[-1]["epoch"]:
            self.epochs.append({"epoch": data["epoch"], "first_record": seq})
            # What the witness had accepted but not kept before its power went is shown anew.
            self._known = {key: self._known[key] for key in self._known if key <= number}
        self._known[number] = (count, data["head"])
        self._hashes = {key: value for key, value in self._hashes.items() if key >= count}
        self.number = number
        self.vouched = count
        self.vouched_most = max(self.vouched_most, count)
        self.taken += 1
