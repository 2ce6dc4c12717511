"""Gives a Pico its two keys: the link key, shared with the host, and the witness key, with the auditor.

Neither is ever printed together with the other or kept in the repository: the link key goes into a file
of the host, the witness key is shown once.
"""

import os
from pathlib import Path

from controller.mac import KEY_BYTES
from firmware.tools.board import Board, BoardError

LINK_KEY, WITNESS_KEY = "link.key", "witness.key"


def provision(board: Board, link_key: Path) -> str:
    """Write both keys; return the witness key in hex. Raises BoardError; then no key has changed.

    link_key -- file for the host, made with mode 0600; it must not exist
    """
    if link_key.exists():
        raise BoardError(f"{link_key} exists: the Pico that has this key needs it")
    keys = {LINK_KEY: os.urandom(KEY_BYTES), WITNESS_KEY: os.urandom(KEY_BYTES)}
    for name, key in keys.items():
        board.write(name + ".new", key)
    write_private(link_key, keys[LINK_KEY])
    try:
        for name in keys:
            board.replace(name)
    except BoardError:
        link_key.unlink()
        raise
    return keys[WITNESS_KEY].hex()


def write_private(path: Path, content: bytes) -> None:
    """Make a file that only its owner may read. Raises BoardError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BoardError(f"{path}: {error.strerror}") from None
