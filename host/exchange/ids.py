"""Our order ids in the form that each exchange takes, and back.

An id says strategy, run, mode epoch and number (host.engine.provenance) and has up to 49 characters; no
exchange takes all of them. What cannot be written in an exchange's form is refused, never cut: an order
must be recognised as ours after any restart. Forms:

dashed     trend-18c2f0a1b2c-7-42: dots become dashes; readable on the exchange's own pages
packed     every id, as a number with a check digit, in letters and digits
uuid, hex, short
           as 128 bits: strategy as a digest (so names must be known to read it), smaller numbers

Other ids (of tests and tools) go as they are where they fit.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from host.engine.provenance import Origin, read

_OURS_DASHED = re.compile(
    r"([a-z0-9]{1,12})-([0-9a-f]{1,12})-([0-9]{1,10})-([0-9]{1,12})", re.ASCII
)
_PLAIN = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TEXT = "-0123456789:._ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NAME = "_0123456789abcdefghijklmnopqrstuvwxyz"  # the first is none: names have no leading one
# Primes: of numbers that we did not make one in so many passes. All that there is room for.
_CHECK = {"packed": 13, "uuid": 509, "hex": 509, "short": 509}


class BadId(ValueError):
    """This id cannot be written in the exchange's form."""


@dataclass(frozen=True)
class Form:
    """How an exchange's ids look.

    kind -- dashed, packed, uuid, hex or short
    most -- characters, `prefix` included
    """

    kind: str
    most: int
    prefix: str = ""


class Ids:
    """Translates for one exchange; `strategies` are the names that a digest may stand for."""

    def __init__(self, form: Form, strategies: Iterable[str] = ()) -> None:
        self._form = form
        self._names = {_digest(name): name for name in strategies}

    def wire(self, order_id: str) -> str:
        """Return the id as the exchange takes it. Raises BadId."""
        form = self._form
        text = form.prefix + self._written(order_id)
        if len(text) > form.most or self.ours(text) != order_id:
            raise BadId(f"id {order_id!r} has no place in {form.most} characters ({form.kind})")
        return text

    def ours(self, text: str) -> str | None:
        """Return the id that an exchange's text stands for, or None when we cannot have made it."""
        prefix = self._form.prefix
        if not text.startswith(prefix) or not text.isascii():
            return None
        text = text[len(prefix) :]
        if self._form.kind == "dashed":
            if not _PLAIN.fullmatch(text):
                return None
            return text.replace("-", ".") if _OURS_DASHED.fullmatch(text) else text
        number = self._number(text)
        found = None if number is None else self._unpacked(number)
        try:
            return found if found is not None and self._written(found) == text else None
        except (BadId, ValueError):
            return None  # somebody else's number, which happens to pass the check

    def _written(self, order_id: str) -> str:
        if self._form.kind == "dashed":
            return order_id.replace(".", "-") if read(order_id) else order_id
        number = self._packed(order_id)
        if self._form.kind != "packed" and number >> 128:
            raise BadId(f"id {order_id!r} has no place in 128 bits")
        if self._form.kind in ("packed", "short"):
            return _in_base(number, _DIGITS)
        text = f"{number:032x}"
        if self._form.kind == "hex":
            return text
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def _number(self, text: str) -> int | None:
        """The number that a text is, when it is written as we write it."""
        if self._form.kind in ("packed", "short"):
            known = all(char in _DIGITS for char in text) and text[:1] not in ("", "0")
            return _of_base(text, _DIGITS) if known else None
        plain = text.replace("-", "") if self._form.kind == "uuid" else text
        return int(plain, 16) if re.fullmatch(r"[0-9a-f]{32}", plain) else None

    def _packed(self, order_id: str) -> int:
        origin = read(order_id)
        if origin is None:
            number = _of_base(order_id, _TEXT, 1) * 2
        elif self._form.kind == "packed":
            name = _of_base(origin.strategy, _NAME)
            number = _joined((name, 63), (origin.run, 48), (origin.epoch, 34), (origin.number, 40))
            number = number * 2 + 1
        else:
            name = _digest(origin.strategy)
            self._names.setdefault(name, origin.strategy)
            number = _joined((name, 22), (origin.run, 42), (origin.epoch, 22), (origin.number, 32))
            number = number * 2 + 1
        check = _CHECK[self._form.kind]
        return number * check + number % check

    def _unpacked(self, number: int) -> str | None:
        number, check = divmod(number, _CHECK[self._form.kind])
        if number % _CHECK[self._form.kind] != check:
            return None
        ours, number = number & 1, number >> 1
        if not ours:
            return _in_base(number, _TEXT)[1:] or None
        if self._form.kind == "packed":
            name, run, epoch, serial = _parted(number, 48, 34, 40)
            strategy: str | None = _in_base(name, _NAME)
        else:
            name, run, epoch, serial = _parted(number, 42, 22, 32)
            strategy = self._names.get(name)
        return None if strategy is None else _written(Origin(strategy, run, epoch, serial))


def _written(origin: Origin) -> str:
    return f"{origin.strategy}.{origin.run:x}.{origin.epoch}.{origin.number}"


def _digest(strategy: str) -> int:
    return int.from_bytes(hashlib.sha256(strategy.encode()).digest()[:3], "big") >> 2


def _joined(*fields: tuple[int, int]) -> int:
    number = 0
    for value, bits in fields:
        if value >> bits:
            raise BadId(f"{value} has no place in {bits} bits")
        number = number << bits | value
    return number


def _parted(number: int, *bits: int) -> tuple[int, ...]:
    fields: list[int] = []
    for width in reversed(bits):
        fields.append(number & ((1 << width) - 1))
        number >>= width
    return number, *reversed(fields)


def _of_base(text: str, digits: str, number: int = 0) -> int:
    for char in text:
        number = number * len(digits) + digits.index(char)
    return number


def _in_base(number: int, digits: str) -> str:
    text = ""
    while number:
        number, digit = divmod(number, len(digits))
        text = digits[digit] + text
    return text
