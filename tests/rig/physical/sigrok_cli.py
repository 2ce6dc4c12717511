"""Stands for `sigrok-cli` with an analyser on the wires of the stand-in world (BOT4_WORLD).

It speaks to the driver as the real one does (rig.analysers.sigrok_device): version, scan, rate, and
captures without an end, one byte a sample.
"""

import json
import os
import socket
import sys
import time
from pathlib import Path

import numpy as np

CHANNELS = [f"D{number}" for number in range(8)]


def option(name: str) -> str:
    """Return the word after an option."""
    return sys.argv[sys.argv.index(name) + 1]


def world(start_ns: int, end_ns: int) -> dict:
    """Ask the world for start levels and edges of a stretch of time."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.connect(os.environ["BOT4_WORLD"])
        asked.sendall(b"%d %d\n" % (start_ns, end_ns))
        with asked.makefile("rb") as answer:
            return json.loads(answer.read())


def say(line: str) -> None:
    """Write a line of sigrok's log."""
    print(f"sr: {line}", file=sys.stderr, flush=True)


def capture() -> None:
    """Record until a key is pressed; the number of samples is told when the last one is over."""
    config = dict(pair.split("=") for pair in option("-c").split(":"))
    rate_hz = int(config["samplerate"])
    lines = dict(pair.split("=") for pair in option("-C").split(","))
    start_ns = time.monotonic_ns()
    say("session: Received SR_DF_HEADER packet.".removeprefix("session: "))
    sys.stdin.readline()
    count = (time.monotonic_ns() - start_ns) * rate_hz // 1_000_000_000
    say(f"Received SR_DF_LOGIC ({count} bytes, unitsize = 1)")
    seen = world(start_ns, start_ns + count * 1_000_000_000 // rate_hz)
    samples = np.zeros(count, dtype=np.uint8)
    for channel, line in lines.items():
        bit = CHANNELS.index(channel)
        times = np.array(seen["edges"][line], dtype=np.int64)
        at = (times - start_ns) * rate_hz // 1_000_000_000 + 1  # seen by the next sample
        flips = np.bincount(at[at < count], minlength=count).astype(np.uint8) & 1
        level = np.bitwise_xor.accumulate(flips) ^ seen["initial"][line]
        samples |= (level << bit).astype(np.uint8)
    Path(option("-o")).write_bytes(samples.tobytes())
    say("Received SR_DF_END")


if __name__ == "__main__":
    if "--version" in sys.argv:
        print("sigrok-cli stand-in\n- libsigrok 0 (stand-in).")
    elif "--scan" in sys.argv:
        print(f"stand-in - the wires of a hub with 8 channels: {' '.join(CHANNELS)}")
    elif "--get" in sys.argv:
        print(option("-c").partition("=")[2])
    else:
        capture()
