"""From a bench file to a bench that is up, and the one seam to the drivers of its parts."""

from typing import Any

from rig.benchfile import BenchFile, Driver
from rig.processes import BenchAbsent
from rig.virtual.bench import Setup, VirtualBench

# What the hub is by itself; every other kind is a driver.
OWN = {"analyser": ("virtual", "emulated"), "stimulus": ("virtual",)}


def setup(bench: BenchFile, **run: Any) -> Setup:
    """Return the setup of one run on a bench: what the file says, then what this run asks for."""
    run.setdefault("host", tuple(bench.host.argv or Setup.host))
    return Setup(profile=bench.profile, limit_us=bench.limits.switch_to_ack_us, **run)


def open_bench(bench: BenchFile, setup: Setup) -> VirtualBench:
    """Return the bench of a file, still to be entered. Raises BenchAbsent where it cannot be driven."""
    if bench.controller.kind == "serial":
        raise BenchAbsent(
            "a bench with a real Pico is checked by `bot4 bench doctor`; driving a whole run of it "
            "is not possible yet"
        )
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
