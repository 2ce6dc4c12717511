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
# A head is shown when it is the newest and its receipt recorded soon after: far fewer in between.
REMEMBERED = 4096
FIELDS = {"n": int, "epoch": int, "number": int, "count": int, "head": str, "mac": str}


class Receipts:
    """Follows a log record by record. key -- the witness key, or None."""

    def __init__(self, key: bytes | None) -> None:
        self._key = key
        # Of the newest records: the hash of record `seq` is at seq % REMEMBERED.
        self._hashes = [(0, "")] * REMEMBERED
        self._known: dict[int, tuple[int, str]] = {0: (0, NO_HEAD)}  # number -> (count, head)
        self._retired = 0
        self.first: dict[str, Any] | None = None  # receipt in the log as it stands
        self.last: dict[str, Any] | None = None
        self.taken = 0
        self.vouched = 0
        self.vouched_most = 0
        self.number = 0
        self.epochs: list[dict[str, int]] = []

    def begin(self, retired: int, head: str) -> None:
        """The log begins after record `retired`, whose hash is `head`; the ones before are gone.

        What receipts say of those cannot be judged here; where the numbers begin, neither
        (host.audit.retirements does).
        """
        self._retired = retired
        self.record(retired, head)

    def record(self, seq: int, digest: str) -> None:
        """Remember the hash of record `seq` for the receipt that will follow soon."""
        self._hashes[seq % REMEMBERED] = seq, digest

    def take(self, seq: int, data: dict[str, Any]) -> str | None:
        """Check the receipt in record `seq`; return why it is wrong, or None."""
        if not is_receipt(data):
            return "it is not a receipt"
        order = self._order(data) if self.first or not self._retired else None
        reason = order or self._content(data) or self.unsigned(data)
        if reason is None:
            self._accept(seq, data)
        return reason

    def _order(self, data: dict[str, Any]) -> str | None:
        last = self.epochs[-1]["epoch"] if self.epochs else 0
        return out_of_order(last, self.number, data["epoch"], data["number"])

    def _content(self, data: dict[str, Any]) -> str | None:
        number, count, head = data["number"], data["count"], data["head"]
        if number in self._known and number <= self.number:
            known = self._known[number]
        elif count < self._retired:
            return None  # of a record that is gone; the chain leads back to it
        elif count < self.vouched:
            return f"it vouches for {count} records, an earlier one for {self.vouched}"
        else:
            known = self._hashes[count % REMEMBERED]
        if known != (count, head):
            return f"it vouches for another record {count} than the one in this log"
        return None

    def unsigned(self, data: dict[str, Any]) -> str | None:
        """Return why the MAC is not the witness's, or None; also None without the witness key."""
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
        self.first = self.first or data
        self.last = data
        if not self.epochs or data["epoch"] > self.epochs[-1]["epoch"]:
            self.epochs.append({"epoch": data["epoch"], "first_record": seq})
            # What the witness had accepted but not kept before its power went is shown anew.
            self._known = {key: self._known[key] for key in self._known if key <= number}
        self._known[number] = (count, data["head"])
        self.number = number
        self.vouched = count
        self.vouched_most = max(self.vouched_most, count)
        self.taken += 1


def is_receipt(data: dict[str, Any]) -> bool:
    """True when `data` has the fields of a receipt, of their types."""
    return set(data) == set(FIELDS) and all(type(data[key]) is FIELDS[key] for key in FIELDS)


def out_of_order(last_epoch: int, last_number: int, epoch: int, number: int) -> str | None:
    """Return why receipt (epoch, number) cannot follow (last_epoch, last_number), or None."""
    if epoch < last_epoch:
        return f"a receipt of epoch {epoch} after one of epoch {last_epoch}: rolled back"
    if epoch > last_epoch and number > last_number:
        return f"epoch {epoch} does not begin with a receipt that this log carries: rolled back"
    if number > last_number + 1:
        return f"receipts {last_number + 1} to {number - 1} are missing: cut and continued"
    if epoch == last_epoch and number < last_number:
        return f"receipt {number} after receipt {last_number}"
    return None
