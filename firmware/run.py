"""Brings the firmware up on a Pico and keeps the reason when it goes down."""

import io
import os
import sys
import time

import machine

from controller import wiring
from controller.mac import KEY_BYTES
from controller.times import Times
from firmware import manifest, native
from firmware.boards.pico import Board
from firmware.loop import Loop

LINK_KEY, WITNESS_KEY = "link.key", "witness.key"
FAULT = "fault.txt"
FAULT_BYTES = 1024
BLINK_MS = 125


def main():
    """Run until the power goes; whatever goes wrong ends in `stop`, never in the REPL."""
    try:
        run()
    except BaseException as error:  # noqa: BLE001  nobody is above to handle it, and HALT is low
        stop(error)


def run():
    """Check the slot, then run the main loop for ever."""
    profile, firmware = manifest.check(sys.path[0])
    link_key = read_key(LINK_KEY)
    if link_key is None:
        raise OSError("no link key: bot4 firmware provision")
    native.install()
    times = Times(profile)
    board = Board(times)
    loop = Loop(
        board,
        times,
        link_key,
        build=int.from_bytes(firmware[:4], "little"),
        witness_key=read_key(WITNESS_KEY),
        store=board.keep,
        stored=board.kept(),
        firmware=firmware,
    )
    loop.run()


def read_key(name):
    """Return a provisioned key, or None when there is none."""
    if name not in os.listdir():
        return None
    with open(name, "rb") as file:
        return file.read(KEY_BYTES)


def stop(error):
    """Keep the reason and blink red for ever; a watchdog that runs already resets the chip soon."""
    try:
        keep(error)
    except Exception as failed:  # noqa: BLE001  the reason is lost, HALT stays low
        print(failed)
    red = machine.Pin(wiring.pico_pin("LED_RED"), machine.Pin.OUT)
    while True:
        red.toggle()
        time.sleep_ms(BLINK_MS)


def keep(error):
    """Write the traceback to fault.txt, once: a fault in every start must not wear the flash out."""
    text = io.StringIO()
    sys.print_exception(error, text)
    text = text.getvalue()[-FAULT_BYTES:]
    try:
        with open(FAULT) as file:
            if file.read() == text:
                return
    except OSError:
        pass
    with open(FAULT, "w") as file:
        file.write(text)
