"""Starts the firmware on MicroPython's Unix port: `micropython main.py PROFILE KEY_FOLDER`.

The folder holds `link.key`, `witness.key` and, once there is one, `witness.record`: what the flash
of a board would hold. BOT4_BENCH_SOCKET names the hub's socket, MICROPYPATH the folder that holds
`controller` and `firmware` and the folder of this file.
"""

import os
import sys

from boards.virtual import Board
from loop import Loop
from machine import BenchLost

from controller.mac import KEY_BYTES
from controller.times import Times


def read(path):
    """Return a file's bytes, or None when there is no such file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def main(profile, folder):
    """Run until the bench is gone."""

    def store(record):
        with open(folder + "/witness.part", "wb") as file:
            file.write(record)
        os.rename(folder + "/witness.part", folder + "/witness.record")

    loop = Loop(
        Board(),
        Times(profile),
        read(folder + "/link.key")[:KEY_BYTES],
        witness_key=read(folder + "/witness.key")[:KEY_BYTES],
        store=store,
        stored=read(folder + "/witness.record"),
    )
    try:
        loop.run()
    except BenchLost:
        sys.exit(0)


main(sys.argv[1], sys.argv[2])
