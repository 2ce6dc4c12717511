"""Whose signature counts: an Ed25519 public key of the auditor, whose private half is never on the host.

A trust root is a PEM file. The one of production lies at PRODUCTION, a place that the host's own user
cannot write; `bot4 run --live` reads that place and no other, and there is no option or variable that
names another one to it. A file with TEST_MARK in it is for trying the gate out: `bot4 ready` works with
it and says so, and `run --live` refuses it wherever it lies.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

PRODUCTION = Path("/etc/bot4/auditor.pem")
TEST_MARK = b"bot4 test trust root"
MOST_BYTES = 4096


class TrustError(ValueError):
    """There is no trust root that can be used; the text is one line."""


class Root(NamedTuple):
    """A key, and whether results that it signed may let real money be traded."""

    file: str
    key: Ed25519PublicKey
    production: bool
    why_not: str  # what keeps it from being production's; empty when nothing does

    @property
    def name(self) -> str:
        """First digits of the SHA-256 of the raw key: its name in evidence and log."""
        return key_name(self.key)

    def signed(self, signature: bytes, message: bytes) -> bool:
        """Return whether the auditor has signed the message."""
        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def key_name(key: Ed25519PublicKey) -> str:
    """Return the short name of a public key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def read(path: Path) -> Root:
    """Read a trust root from anywhere. Raises TrustError."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise TrustError(f"{path}: {error.strerror}") from None
    try:
        if len(content) > MOST_BYTES:
            raise ValueError("too long")
        key = load_pem_public_key(content)
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("another kind of key")
    except (ValueError, UnsupportedAlgorithm):
        raise TrustError(f"{path}: not a public Ed25519 key in PEM") from None
    why_not = _why_not(path, content, status)
    return Root(str(path), key, not why_not, why_not)


def _why_not(path: Path, content: bytes, status: os.stat_result) -> str:
    """Return why a file cannot be the trust root of production."""
    if TEST_MARK in content:
        return "it is marked as a test root"
    if path != PRODUCTION:
        return f"it is not {PRODUCTION}"
    if not stat.S_ISREG(status.st_mode) or path.is_symlink():
        return "it is not a plain file"
    if status.st_uid != 0 or path.parent.stat().st_uid != 0:
        return "it, or its folder, does not belong to root"
    if (status.st_mode | path.parent.stat().st_mode) & 0o022:
        return "others than root may write it, or its folder"
    return ""
