"""From a bench file to a bench that is up, and the one seam to the drivers of its parts."""

from contextlib import AbstractContextManager
from typing import Any

from rig.bench import Bench
from rig.benchfile import BenchFile, Driver
from rig.virtual.bench import Setup, VirtualBench

# What the hub is by itself; every other kind is a driver.
OWN = {"analyser": ("virtual", "emulated"), "stimulus": ("virtual",)}


def setup(bench: BenchFile, **run: Any) -> Setup:
    """Return the setup of one run on a bench: what the file says, then what this run asks for."""
    run.setdefault("host", tuple(bench.host.argv or Setup.host))
    return Setup(profile=bench.profile, limit_us=bench.limits.switch_to_ack_us, **run)


def open_bench(bench: BenchFile, setup: Setup) -> AbstractContextManager[Bench]:
    """Return the bench of a file, still to be entered. Raises BenchAbsent where it cannot be driven."""
    if bench.controller.kind == "serial":
        # Only now: a virtual bench needs no driver of an analyser.
        from rig.physical.bench import PhysicalBench

        return PhysicalBench(bench, setup)
    if bench.controller.kind == "emulated":
        # Only now: not everybody has the emulator.
        from rig.emulated.bench import EmulatedBench

        return EmulatedBench(setup)
    return VirtualBench(setup)


def open_part(what: str, driver: Driver, profile: str) -> Any:
    """Open an analyser or a stimulus by its driver's name; None for what the hub is by itself.

    Raises OptionError (a wrong kind or option), BenchAbsent when it cannot be opened.
    """
    if driver.kind in OWN[what]:
        return None
    if what == "analyser":
        from rig.analysers import open_analyser

        return open_analyser(driver.kind, driver.options)
    from rig.stimuli import open_stimulus

    return open_stimulus(driver.kind, driver.options, profile=profile)
