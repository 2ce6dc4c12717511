"""Puts a build onto a Pico. The old firmware stays active in its slot until the new one verifies."""

import hashlib
from collections.abc import Callable

from firmware.tools.board import Board
from firmware.tools.build import SLOTS, Build


def flash(board: Board, made: Build, say: Callable[[str], None]) -> str:
    """Write a build; return the slot it is in. Raises BoardError, and then the old one still runs.

    The last step is one rename, of the file that names the active slot.
    """
    slot = free_slot(board)
    say(f"slot {slot}: writing {len(made.slot)} files, {made.size_bytes} bytes")
    board.run(f"remove({slot!r})")
    for path, content in sorted(made.slot.items()):
        board.write(f"{slot}/{path}", content)
    for path, content in sorted(made.loaders.items()):
        if board.evaluate(f"digest({path!r})") != hashlib.sha256(content).hexdigest():
            board.write(path + ".new", content)
            board.replace(path)
    board.write("active.new", slot.encode())
    board.replace("active")
    say(f"slot {slot}: verified and active from the next power-up")
    return slot


def free_slot(board: Board) -> str:
    """Return the slot that is not active."""
    active = board.evaluate("open('active').read().strip() if 'active' in os.listdir() else ''")
    return next(slot for slot in SLOTS if slot != active)
