"""The emulated bench: the virtual one with the real MicroPython image in the controller's place."""

import subprocess
import sys
from typing import Any

from rig.emulated.errors import EmulatorError
from rig.emulated.image import Image
from rig.emulated.needs import require_emulator
from rig.emulated.stamps import Stamps, read_stamps
from rig.processes import CONTROLLER_SLICE_US, Placement
from rig.virtual.bench import HOUSE, VirtualBench, micropython_version

# s. The first start compiles pioclock.
READY_S = 60.0


class EmulatedBench(VirtualBench):
    """Hub, emulated Pico, paper venue and host."""

    image: Image
    name = "emulated"

    def __enter__(self) -> "EmulatedBench":
        self.image = require_emulator()
        super().__enter__()
        return self

    def identity(self) -> dict[str, Any]:
        """Return what the controller of this bench is."""
        return {
            "bench": self.name,
            "mcu": "rp2040",
            "micropython": self.image.version,
            "image_sha256": self.image.sha256,
            "micropython_unix": micropython_version(),
        }

    def stamps(self) -> Stamps:
        """Return the emulated Pico's record of its pins, once it has ended."""
        return read_stamps(self.setup.out / "emulated.json")

    def start_controller(self) -> None:
        """Build the firmware, flash it into an emulated Pico and power that up."""
        firmware = self._room / "firmware"
        command = [sys.executable, "-m", "firmware.tools.build", str(firmware)]
        command += ["--profile", self.setup.profile]
        built = subprocess.run(command, capture_output=True, text=True, cwd=HOUSE, check=False)
        if built.returncode:
            raise EmulatorError(built.stderr.strip() or "the firmware does not build")
        command = [sys.executable, "-m", "rig.emulated.pico", self._socket, str(firmware)]
        command += [str(self._flash), str(self.setup.out / "emulated.json")]
        # Never SCHED_FIFO: it may need a whole core for a while, and the kernel's reserve for others
        # would then stop the guard and the hub too, for 50 ms at a time.
        place = Placement(frozenset({self.bench_cpu}), 0, CONTROLLER_SLICE_US)
        self._spawn("pico", command, place, ready=True, ready_s=READY_S)
