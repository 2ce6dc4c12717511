"""The guard, taking the spare chip for the header: `guard_on_spare` and the options of host.guard."""

import sys

from host.guard.__main__ import main
from host.pins import chips
from tests.gpio.simulated import SPARE_LABEL

chips.HEADERS.clear()
chips.HEADERS[SPARE_LABEL] = "for a test"

if __name__ == "__main__":
    sys.exit(main())
