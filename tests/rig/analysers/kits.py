"""For each analyser: how to open it on this machine, make an edge, and take it away in mid-capture."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest

from rig.analysers import Analyser, Trigger, open_analyser
from rig.analysers.emulated import EmulatedAnalyser
from rig.analysers.virtual import VirtualAnalyser
from rig.processes import end, spawn, wait_ready
from tests.emulated.kit import MISSING
from tests.rig.hub_kit import Hub

DEMO: dict[str, Any] = {
    "driver": "demo",
    "scan": {"logic_channels": "8", "analog_channels": "0"},
    "sample_rate_hz": 1_000_000,
    # The demo device counts the samples that it throws away before the trigger.
    "pretrigger_percent": 20,
}


class Kit(Protocol):
    """What the contract suite needs of a driver."""

    comes: Trigger  # an edge that `make_edge` makes
    never: Trigger

    def open(self) -> Analyser: ...
    def make_edge(self) -> None: ...
    def take_away(self) -> None: ...
    def close(self) -> None: ...


class VirtualKit:
    """The hub, and a switch that opens."""

    comes = Trigger("SWITCH_A", "rising")
    never = Trigger("LED_RED", "falling")

    def __init__(self, folder: Path) -> None:
        self.hub = Hub(folder)

    def open(self) -> Analyser:
        return VirtualAnalyser(self.hub.wires)

    def make_edge(self) -> None:
        now = self.hub.wires.levels()["SWITCH_A"]
        moves = [(10_000 * place, "SWITCH_A", level) for place, level in enumerate((0, 1, 0))]
        self.hub.wires.stimulate(moves[1 - now :] if now else moves[1:])

    def take_away(self) -> None:
        self.hub.kill()

    def close(self) -> None:
        self.hub.close()


class EmulatedKit(VirtualKit):
    """The hub and an emulated Pico, whose pins are stamped; its program does nothing."""

    def __init__(self, folder: Path) -> None:
        if MISSING:
            pytest.skip(MISSING)
        super().__init__(folder)
        for name, content in (("firmware", b"import time\nwhile True:\n time.sleep_ms(5)\n"),):
            (folder / name).mkdir()
            (folder / name / "main.py").write_bytes(content)
        (folder / "flash").mkdir()
        self._record = folder / "emulated.json"
        command = [sys.executable, "-m", "rig.emulated.pico", self.hub.socket]
        command += [str(folder / "firmware"), str(folder / "flash"), str(self._record)]
        self._pico = spawn(command, log=folder / "pico.log", stdout=subprocess.PIPE)
        wait_ready(self._pico, "pico", folder / "pico.log", 60)

    def open(self) -> Analyser:
        return EmulatedAnalyser(self._pico.pid, self._record)

    def take_away(self) -> None:
        self._pico.kill()
        self._pico.wait()

    def close(self) -> None:
        end(self._pico)
        super().close()


class SigrokKit:
    """The real sigrok-cli with its demo device, which moves all by itself; D7 of it stays low."""

    comes = Trigger("HALT", "falling")
    never = Trigger("PICO_TX", "rising")

    def __init__(self, folder: Path) -> None:
        if shutil.which("sigrok-cli") is None:
            pytest.skip("no sigrok-cli: apt-get install sigrok-cli")
        self._pid = folder / "pid"
        self.program = script(folder, f'echo $$ > {self._pid}\nexec sigrok-cli "$@"')

    def open(self) -> Analyser:
        return open_analyser("sigrok", {**DEMO, "program": self.program})

    def make_edge(self) -> None:
        """The demo device makes them."""

    def take_away(self) -> None:
        os.kill(int(self._pid.read_text()), signal.SIGKILL)

    def close(self) -> None:
        """Nothing is kept."""


class SaleaeKit:
    """A server with Logic 2's published interface."""

    comes = Trigger("HALT", "falling")
    never = Trigger("PICO_TX", "rising")

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("saleae.automation", reason="no logic2-automation: bot4[saleae]")
        from tests.rig.analysers.logic2 import Logic2

        self.logic2 = Logic2()

    def open(self) -> Analyser:
        return open_analyser("saleae", self.options())

    def options(self) -> dict[str, Any]:
        return {"sample_rate_hz": 10_000_000, "port": self.logic2.port}

    def make_edge(self) -> None:
        """The server's captures have them."""

    def take_away(self) -> None:
        self.logic2.pull_the_plug()

    def close(self) -> None:
        self.logic2.close()


KITS = {
    "virtual": VirtualKit,
    "emulated": EmulatedKit,
    "sigrok": SigrokKit,
    "saleae": SaleaeKit,
}


def script(folder: Path, text: str, name: str = "sigrok-cli") -> str:
    """Write a shell script and return its path."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)
