"""A guard whose handler of the HALT edge raises: that itself must be a halt."""

import sys

from host.guard import __main__ as entry
from host.guard.halting import Halting


def raise_instead(_halting: Halting) -> None:
    """Stand in for Halting.halt_fell."""
    raise RuntimeError("planted")


if __name__ == "__main__":
    Halting.halt_fell = raise_instead  # type: ignore[method-assign]
    sys.exit(entry.main())
