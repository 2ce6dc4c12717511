"""A hub alone: the wires of the virtual bench without boards, host and venue."""

import subprocess
import sys
from pathlib import Path

from rig.processes import Placement, end, spawn, wait_ready
from rig.virtual.wires import Wires


class Hub:
    """The hub's process and the rig's connection to it."""

    def __init__(self, folder: Path, placement: Placement | None = None) -> None:
        self.socket = str(folder / "hub")
        self._log = folder / "hub.log"
        command = [sys.executable, "-m", "rig.virtual.hub", self.socket, str(folder / "serial")]
        self._process = spawn(command, log=self._log, stdout=subprocess.PIPE, placement=placement)
        wait_ready(self._process, "hub", self._log, 20)
        self.wires = Wires(self.socket)

    def kill(self) -> None:
        """Take it away without warning."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it in order."""
        self.wires.close()
        end(self._process)
