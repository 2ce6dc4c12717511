"""The machine code of firmware.native against the portable functions, on the real MicroPython."""

from tests.emulated.kit import IMAGE, firmware, needs_emulator

pytestmark = needs_emulator

MAIN = b"""
import os, sys
sys.path.insert(0, "/a")
from controller import frames, mac
from firmware import native
from machine import UART, Pin
encode, decode, same = frames.cobs_encode, frames.cobs_decode, mac.same
checked = 0
wrong = []
def check(what, got, wanted, given):
    global checked
    checked += 1
    if got != wanted:
        wrong.append((what, given))
for size in list(range(0, 40)) + [159, 160, 252, 253, 254, 255, 256, 300, 509, 600]:
    for kind in range(6):
        body = os.urandom(size)
        if kind == 1:
            body = bytes(size)
        elif kind == 2:
            body = b"\\1" * size
        elif kind > 2:
            body = bytes([b if b > 60 * (kind - 2) else 0 for b in body])
        coded = encode(body)
        check("encode", native.encode(body), coded, body)
        check("decode", native.decode(coded), body, coded)
        check("decode", native.decode(body), decode(body), body)
        check("decode", native.decode(coded[:-1]), decode(coded[:-1]), coded)
        other = bytearray(body)
        check("same", native.same(body, other), True, body)
        if size:
            other[kind % size] ^= 1 << kind
            check("same", native.same(body, other), False, body)
            check("same", native.same(body, body[1:]), same(body, body[1:]), body)
told = "%d checked, %d wrong %r\\n" % (checked, len(wrong), wrong[:1])
UART(0, 921600, tx=Pin(0), rx=Pin(1)).write(told)
"""


def test_machine_code_does_what_the_portable_functions_do() -> None:
    from rig.emulated.chip import EmulatedPico

    pico = EmulatedPico(IMAGE.path, {**firmware("bench"), "main.py": MAIN})
    said = bytearray()
    pico.on_uart(lambda data, _t_ns: said.extend(data))
    for _ in range(60):
        pico.run_for(500_000_000)
        if said.endswith(b"\n"):
            break
    assert b"checked, 0 wrong" in said, bytes(said)
    assert int(said.split()[0]) > 1_500
