"""Moves HALT from a process of its own: `stimulus COUNT`. It starts when its input closes."""

import os
import sys
import time
from pathlib import Path

from tests.gpio.simulated import HALT, Header

# s. Three spacings, so that no edge keeps step with anybody's polling period.
GAPS_S = (0.0031, 0.0043, 0.0052)


def main(count: int) -> None:
    """Move the line `count` times, ending low."""
    header = Header(Path(os.environ["VM_GPIO_SYSFS"]))
    sys.stdin.read()
    for number in range(count):
        header.pull(HALT, (count - number - 1) & 1)
        time.sleep(GAPS_S[number % len(GAPS_S)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
