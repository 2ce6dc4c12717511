"""How fast a big capture is read, beside sigrok itself: `python -m tests.rig.bench_capture`.

Makes a .sr of a billion samples of eight lines at 24 MHz (presses, lamps, the controller's messages at
921600 baud), reads its edges in a process of its own, and times `sigrok-cli -P timing` over one line of
the same file. Exit code 1 when a limit is missed or the edges are not those that were written.
"""

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from controller import frames, mac, protocol
from rig.capture import LINES, Capture, read_sr, write_sr
from rig.virtual import serial_line

RATE_HZ = 24_000_000
SAMPLES = 1_000_000_000
LIMIT_S, LIMIT_MB, TIMES_FASTER = 10.0, 600, 20
PRESS_NS, PERIOD_NS, S_NS = 200_000_000, 20_000_000, 1_000_000_000


def make(samples: int) -> Capture:
    """Return `samples` of a bench at work: a press each 200 ms, CHALLENGE and STATUS each 20 ms."""
    rng = np.random.default_rng(1)
    end_ns = (samples - 1) * S_NS // RATE_HZ
    edges: dict[str, list[int]] = {line: [] for line in LINES}
    for at in range(PRESS_NS // 2, end_ns - PRESS_NS, PRESS_NS):
        for line, skew in (("SWITCH_A", 0), ("SWITCH_B", 150_000)):
            bounces = np.cumsum(rng.integers(2_000, 200_000, 5)) + at + skew
            edges[line] += [*bounces.tolist(), at + 60_000_000]
        edges["HALT"] += [at + 2_100, at + 90_000_000]
        edges["ACK"] += [at + 250_000, at + 80_000_000]
        edges["LED_RED"] += [at + 300_000, at + 85_000_000]
        edges["LED_GREEN"] += [at + 310_000, at + 100_000_000]
        edges["LED_YELLOW"] += [at + 85_000_000, at + 100_000_000]
    initial = {**dict.fromkeys(LINES, 0), "HALT": 1, "LED_GREEN": 1, "PICO_TX": serial_line.IDLE}
    return Capture(
        "physical",
        initial,
        {
            **{line: np.array(times, dtype=np.int64) for line, times in edges.items()},
            "PICO_TX": serial_line.edges(_messages(end_ns), start_ns=0, end_ns=end_ns),
        },
        0,
        end_ns,
    )


def _messages(end_ns: int) -> list[tuple[int, bytes]]:
    channel = frames.Channel(protocol.CONTROLLER, mac.Mac(bytes(32)))
    sent = []
    for at in range(PERIOD_NS, end_ns, PERIOD_NS):
        challenge = channel.encode("CHALLENGE", (at.to_bytes(8, "little"),), at // 1000)
        status = channel.encode("STATUS", (4, 0, 0, 4, 0, 0, 0, 0), at // 1000)
        sent.append((at, challenge + status))
    return sent


def digest(capture: Capture) -> str:
    """Return one digest of all edges."""
    found = hashlib.sha256()
    for line in capture.lines:
        found.update(bytes([capture.initial[line]]) + capture.edges[line].tobytes())
    return found.hexdigest()


def read(path: Path) -> None:
    """Read and print: seconds, peak memory in MB, edges, digest. Runs in a process of its own."""
    begun = time.perf_counter()
    capture = read_sr(path)
    took_s = time.perf_counter() - begun
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    edges = sum(times.size for times in capture.edges.values())
    print(f"{took_s:.3f} {peak_mb:.0f} {edges} {digest(capture)}")


def sigrok_s(path: Path) -> float:
    """Return how long sigrok's own timing decoder takes over one line of the file, s."""
    command = ["sigrok-cli", "-i", str(path), "-P", "timing:data=PICO_TX"]
    begun = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def main() -> int:
    """Make, read, compare."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--samples", type=int, default=SAMPLES)
    options.add_argument("--read", type=Path, help="only read this file")
    asked = options.parse_args()
    if asked.read:
        read(asked.read)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return compare(Path(folder) / "big.sr", asked.samples)


def compare(path: Path, samples: int) -> int:
    """Write the file, read it with both, print and judge."""
    write_sr(make(samples), path, rate_hz=RATE_HZ)
    size_mb = path.stat().st_size / 1e6
    print(f"{samples:,} samples of {len(LINES)} lines at {RATE_HZ:,} Hz, {size_mb:.1f} MB")
    command = [sys.executable, "-m", "tests.rig.bench_capture", "--read", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    took_s, peak_mb, edges = float(said[0]), int(said[1]), int(said[2])
    cpus = len(os.sched_getaffinity(0))
    print(f"edges: {took_s:.2f} s, {peak_mb} MB at most, {edges:,} edges, on {cpus} cores")
    good = took_s <= LIMIT_S and peak_mb <= LIMIT_MB
    print(f"limits: {LIMIT_S:g} s, {LIMIT_MB} MB: {'held' if good else 'MISSED'}")
    if said[3] != digest(on_samples(make(samples))):
        print("the edges are NOT those that were written")
        good = False
    if shutil.which("sigrok-cli") is None:
        print("sigrok-cli is not installed: nothing to compare with")
        return 1
    other_s = sigrok_s(path)
    faster = other_s / took_s
    held = faster >= TIMES_FASTER
    print(f"sigrok-cli -P timing, one line: {other_s:.1f} s, {faster:.0f} times as long as ours")
    print(f"limit: {TIMES_FASTER} times: {'held' if held else 'MISSED'}")
    return 0 if good and held else 1


def on_samples(capture: Capture) -> Capture:
    """Return what an analyser sees of a capture: each edge on the first sample at or after it."""
    edges = {}
    for line, times in capture.edges.items():
        seconds, rest = np.divmod(times, S_NS)
        sample = seconds * RATE_HZ + -(-rest * RATE_HZ // S_NS)
        edges[line] = sample // RATE_HZ * S_NS + sample % RATE_HZ * S_NS // RATE_HZ
    return replace(capture, edges=edges)


if __name__ == "__main__":
    sys.exit(main())
