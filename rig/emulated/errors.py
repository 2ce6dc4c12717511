"""What can be wrong with the emulated bench, each as one line that says what to do."""

from rig.processes import BenchError


class EmulatorError(BenchError):
    """The emulator cannot be used on this machine, or the emulated chip stopped."""
