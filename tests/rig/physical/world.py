"""A world for the physical bench without hardware: each part is stood in for, at its own interface.

The hub is the wires, MicroPython runs the firmware, the host is the real one. The bench gets no more than
a physical one has: a serial port (a pseudo-terminal, which is what its results are named for), an `ssh`,
a `sigrok-cli`, and the press robot's own program on a serial port of its own.

`python -m tests.rig.physical.world FOLDER` brings it up for `pytest hil --bench FOLDER/bench.toml`.
"""

import json
import os
import pty
import socket
import subprocess
import sys
import threading
import time
import tty
from pathlib import Path

from rig.processes import (
    CONTROLLER_PRIORITY,
    CONTROLLER_SLICE_US,
    HUB_PRIORITY,
    HUB_SLICE_US,
    Placement,
    end,
    fifo_permitted,
    spawn,
)
from rig.stimuli.robot_line import TABLE
from rig.virtual.bench import HOUSE, micropython
from rig.virtual.recording import capture_of
from tests.rig.hub_kit import Hub

# s. Between two looks at what the robot has done.
LOOK_S = 0.001
OUTPUTS = ("SWITCH_A", "SWITCH_B", "REARM")
SSH = """#!/bin/sh
# Takes options away, then the address, and runs the rest as sshd would.
while [ "${1#-}" != "$1" ]; do shift 2; done
shift
exec sh -c "$*"
"""
BOT4 = """#!/bin/sh
export BOT4_BENCH_SOCKET='{hub}' PYTHONPATH='{house}'
word=$1; shift
[ "$word" = run ] || exec '{python}' -m bot4 "$word" "$@"
exec '{python}' {run} --pins bot4bench --link-key '{key}' \
  --scheduler {scheduler} --guard-cpu {cpu} "$@"
"""
PYTHON = """#!/bin/sh
export PYTHONPATH='{house}' BOT4_WORLD='{world}'
exec '{python}' "$@"
"""
BENCH = """profile = "bench"
[controller]
kind = "serial"
port = "{folder}/serial"
witness_key = "{folder}/flash/witness.key"
[host]
{host}
argv = ["{folder}/pi/bot4", "run"]
[analyser]
kind = "sigrok"
[analyser.options]
driver = "stand-in"
sample_rate_hz = 1_000_000
program = "{folder}/pi/sigrok-cli"
[stimulus]
kind = "robot"
[stimulus.options]
port = "{robot}"
"""
OVER_SSH = """kind = "ssh"
address = "bot4@stand-in"
folder = "{folder}/records"
connect = ["{folder}/pi/ssh", "-o", "BatchMode=yes"]"""
HERE = """kind = "local"
folder = "{folder}/records"
"""


class World:
    """Hub, controller, robot and the programs that lead to them.

    engine -- a module that stands for the host's, with a fault planted in it
    """

    def __init__(self, folder: Path, engine: str = "") -> None:
        self.folder = folder
        self._pi = folder / "pi"
        self._flash = folder / "flash"
        for made in (self._pi, self._flash):
            made.mkdir()
        for name in ("link.key", "witness.key"):
            (self._flash / name).touch(0o600)
            (self._flash / name).write_bytes(os.urandom(32))
        self._fifo = fifo_permitted()
        self._cpu = max(os.sched_getaffinity(0))
        self._hub = Hub(folder, self._place(HUB_PRIORITY, HUB_SLICE_US))
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._serve_analyser()
        self._processes = [self._robot()]
        self.power_up()
        self._write_programs(engine)

    def bench(self, over_ssh: bool = True) -> Path:
        """Write the bench file of this world; return it."""
        host = (OVER_SSH if over_ssh else HERE).format(folder=self.folder)
        file = self.folder / f"bench-{'ssh' if over_ssh else 'local'}.toml"
        file.write_text(BENCH.format(folder=self.folder, host=host, robot=self._robot_port))
        return file

    def power_up(self) -> None:
        """Start the controller."""
        path = f"{HOUSE}:{HOUSE / 'firmware'}:{HOUSE / 'firmware' / 'unix'}"
        command = [*micropython(), str(HOUSE / "firmware" / "unix" / "main.py"), "bench"]
        env = {"MICROPYPATH": path, "BOT4_BENCH_SOCKET": self._hub.socket}
        self._processes.append(
            spawn(
                [*command, str(self._flash)],
                log=self.folder / "pico.log",
                env=env,
                placement=self._place(CONTROLLER_PRIORITY, CONTROLLER_SLICE_US),
            )
        )

    def close(self) -> None:
        """End everything."""
        self._closed.set()
        for process in reversed(self._processes):
            end(process)
        self._server.close()
        self._hub.close()

    def _place(self, priority: int, slice_us: int) -> Placement:
        """As on the virtual bench: wires and controller take no time from each other."""
        return Placement(frozenset({self._cpu}), priority if self._fifo else 0, slice_us)

    def _write_programs(self, engine: str) -> None:
        planted = f"'{HOUSE}/tests/planted/host_with.py' host.engine {engine}"
        words = {
            "hub": self._hub.socket,
            "house": HOUSE,
            "key": self._flash / "link.key",
            "python": sys.executable,
            "world": self._socket,
            "run": planted if engine else "-m bot4 run",
            "scheduler": "fifo" if self._fifo else "other",
            "cpu": self._cpu,
        }
        sigrok = PYTHON.replace('"$@"', '-m tests.rig.physical.sigrok_cli "$@"')
        programs = {"ssh": SSH, "bot4": BOT4, "python3": PYTHON, "sigrok-cli": sigrok}
        for name, text in programs.items():
            program = self._pi / name
            program.write_text(text if name == "ssh" else text.format(**words))
            program.chmod(0o755)

    def _robot(self) -> subprocess.Popen:
        """The robot's own program; what it does to its outputs is done to the hub's lines."""
        record = self.folder / "robot.record"
        record.touch()
        threading.Thread(target=self._follow, args=(record,), daemon=True).start()
        master, slave = pty.openpty()
        tty.setraw(slave)
        self._robot_port = os.ttyname(slave)
        self._kept_open = slave
        program = HOUSE / "firmware" / "stimulus" / "unix.py"
        env = {**os.environ, "MICROPYPATH": str(HOUSE)}
        command = [*micropython(), str(program), str(TABLE), str(record)]
        return subprocess.Popen(command, stdin=master, stdout=master, env=env)

    def _follow(self, record: Path) -> None:
        before, rest = None, ""
        with record.open() as file:
            while not self._closed.wait(LOOK_S):
                *lines, rest = (rest + file.read()).split("\n")
                for line in lines:
                    bits = int(line.split()[1])
                    if bits != before:
                        before = bits
                        moves = [(0, name, 1 - (bits >> at & 1)) for at, name in enumerate(OUTPUTS)]
                        with self._lock:
                            self._hub.wires.stimulate(moves)

    def _serve_analyser(self) -> None:
        self._socket = self.folder / "world"
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(str(self._socket))
        self._server.listen()
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while True:
            try:
                asking, _address = self._server.accept()
            except OSError:
                return
            with asking, asking.makefile("rb") as words:
                start_ns, end_ns = (int(word) for word in words.readline().split())
                with self._lock:
                    edges, sent = self._hub.wires.fetch_edges(), self._hub.wires.fetch_sent()
                    state = self._hub.wires.state()
                whole = capture_of(edges, sent, state, time.monotonic_ns(), "world")
                part = whole.window(start_ns, end_ns)
                told = {line: times.tolist() for line, times in part.edges.items()}
                asking.sendall(json.dumps({"initial": part.initial, "edges": told}).encode())


def main(folder: str) -> None:
    """Be the world until Ctrl-C."""
    made = Path(folder).absolute()
    made.mkdir(parents=True)
    world = World(made)
    try:
        for over_ssh in (True, False):
            print(world.bench(over_ssh), flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        world.close()


if __name__ == "__main__":
    main(sys.argv[1])
