"""The bench as a word on the command line; test bodies do not change."""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.times import Times
from rig.emulated.bench import EmulatedBench
from rig.emulated.errors import EmulatorError
from rig.emulated.needs import require_emulator
from rig.processes import BenchAbsent
from rig.session import Session
from rig.virtual.bench import Setup, VirtualBench

# s. Somebody else's run on the same machine is waited for, not failed on.
PATIENCE_S = 90.0
BENCHES = {"virtual": VirtualBench, "emulated": EmulatedBench}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bench", default="virtual", choices=sorted(BENCHES))
    parser.addoption(
        "--require-bench", action="store_true", help="fail, do not skip, what the bench cannot do"
    )


def look_for_emulator() -> None:
    """Raise BenchAbsent when there is no image, or nothing to run it on."""
    try:
        require_emulator()
    except EmulatorError as error:
        raise BenchAbsent(str(error)) from None


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    """A bench that is up, its host armed and trading."""
    kind = BENCHES[request.config.getoption("--bench")]
    try:
        if kind is EmulatedBench:
            look_for_emulator()
        with kind(Setup(out=tmp_path, span_s=60.0, patience_s=PATIENCE_S)) as up:
            session = Session(up, Times("bench"), random.Random(11), lambda _line: None)
            with contextlib.closing(session):
                session.rearm()
                yield session
    except BenchAbsent as error:
        if request.config.getoption("--require-bench"):
            raise
        pytest.skip(str(error))
