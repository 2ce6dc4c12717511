"""Starts the firmware on MicroPython's Unix port: `micropython main.py PROFILE KEY_FILE`.

BOT4_BENCH_SOCKET names the hub's socket, MICROPYPATH the folder that holds `controller` and
`firmware` and the folder of this file.
"""

import sys

from boards.virtual import Board
from loop import Loop
from machine import BenchLost

from controller.mac import KEY_BYTES
from controller.times import Times


def main(profile, key_file):
    """Run until the bench is gone."""
    with open(key_file, "rb") as file:
        key = file.read(KEY_BYTES)
    loop = Loop(Board(), Times(profile), key)
    try:
        loop.run()
    except BenchLost:
        sys.exit(0)


main(sys.argv[1], sys.argv[2])
