"""An emulated Pico whose USB port is a pty: `python -m tests.emulated.service_pico FOLDER BUTTON`.

FOLDER holds the files of its flash, and what is in flash at the end is written back. BUTTON is `held` at
power-up, or `released`. The first line printed is the name of the pty. It runs until told to stop, by
a line on standard input.
"""

import os
import pty
import sys
import tty
from pathlib import Path

from rig.emulated.chip import HIGH, LOW, EmulatedPico
from rig.emulated.image import find_image
from rig.emulated.pacer import Pacer
from rig.emulated.pico import read_folder
from tests.emulated.kit import MS, PIN


def main(folder: Path, button: int) -> None:
    """Serve until told to stop."""
    pico = EmulatedPico(find_image().path, read_folder(folder), usb=True)
    pico.set_pin(PIN["REARM"], button)
    pico.run_for(400 * MS)
    pico.set_pin(PIN["REARM"], HIGH)
    master, slave = pty.openpty()
    tty.setraw(slave)
    pico.on_usb(lambda data, _t_ns: os.write(master, data))
    pacer = Pacer(pico)
    asked: list[bytes] = []
    pacer.serve(master, lambda: pico.usb.write(os.read(master, 4096)))
    pacer.serve(0, lambda: asked.append(os.read(0, 100)))
    print(os.ttyname(slave), flush=True)
    pacer.run(lambda: bool(asked))
    for path, content in pico.files().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    gone = set(read_folder(folder)) - set(pico.files())
    for path in gone:
        (folder / path).unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), LOW if sys.argv[2] == "held" else HIGH)
