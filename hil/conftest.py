"""The bench as a word on the command line; test bodies do not change."""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.times import Times
from hil import capabilities
from hil.health import Health
from hil.kit import ROWS_PER_S, Bench
from rig.benches import open_bench, setup
from rig.benchfile import BenchFile, BenchFileError, load
from rig.processes import BenchAbsent, BenchError
from rig.session import Session

# s. Somebody else's run on the same machine is waited for, not failed on.
PATIENCE_S = 90.0


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bench")
    group.addoption("--bench", default="virtual", help="a bench by name, or its file")
    group.addoption(
        "--require-bench", action="store_true", help="fail, do not skip, what the bench cannot do"
    )
    group.addoption(
        "--within-bench",
        action="store_true",
        help="leave out, and list, what a bench of these parts can never do",
    )
    group.addoption("--soak-minutes", type=float, default=0.1, help="length of the soak test")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): what the bench must be able to do")
    config.addinivalue_line("markers", "faults(*reasons): controller faults that the test provokes")
    try:
        config.stash[FILE] = load(config.getoption("--bench"))
    except BenchFileError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --within-bench the rest must run: then --require-bench can hold on any bench."""
    if not config.getoption("--within-bench"):
        return
    out = [item for item in items if "bench" in getattr(item, "fixturenames", ()) and lacks(item)]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]
    config.stash[LEFT_OUT] = [f"{item.nodeid}: {lacks(item)}" for item in out]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    left_out = config.stash.get(LEFT_OUT, [])
    if left_out:
        terminalreporter.section(f"{len(left_out)} left out: the bench can never do it")
        for line in left_out:
            terminalreporter.write_line(line)


def lacks(item: pytest.Item) -> str:
    """Return what the bench cannot do of what a test needs; empty when it can do all."""
    file = item.config.stash[FILE]
    # Every test brings the bench home first, with a hand on the button.
    needed = ["rearm", *(word for mark in item.iter_markers("needs") for word in mark.args)]
    lacking = capabilities.missing(file, tuple(needed))
    return f"a {file.controller.kind} bench cannot {' or '.join(lacking)}" if lacking else ""


LEFT_OUT = pytest.StashKey[list[str]]()
FILE = pytest.StashKey[BenchFile]()


class Keeper:
    """Keeps one bench up for all tests; a bench that does not come home is replaced, once."""

    def __init__(self, file: BenchFile, folder: Path) -> None:
        self._file = file
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self._bench: Bench | None = None
        self._count = 0
        self._broken: BenchError | None = None

    def bench(self) -> Bench:
        """Return the bench, armed and trading. Raises BenchError with the first error ever after."""
        if isinstance(self._broken, BenchAbsent):
            raise BenchAbsent(str(self._broken))
        if self._broken is not None:
            raise BenchError(f"the bench broke before: {self._broken}")
        if self._bench is not None:
            try:
                self._bench.home()
            except BenchError:
                self.close()  # a fresh one may do what a worn one does not
            else:
                return self._bench
        try:
            self._bench = self._fresh()
            self._bench.home()
        except BenchError as error:
            self.close()
            self._broken = error
            raise
        return self._bench

    def close(self) -> None:
        """End everything."""
        self._bench = None
        self._stack.close()

    def _fresh(self) -> Bench:
        self._count += 1
        wanted = setup(
            self._file,
            out=self._folder / f"bench-{self._count}",
            speed=ROWS_PER_S,
            repeat=True,
            patience_s=PATIENCE_S,
        )
        with contextlib.ExitStack() as stack:
            up = stack.enter_context(open_bench(self._file, wanted))
            times = Times(wanted.profile)
            session = Session(up, times, random.Random(11), lambda _line: None)
            stack.enter_context(contextlib.closing(session))
            self._stack = stack.pop_all()
        return Bench(session)


@pytest.fixture(scope="package")
def keeper(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Keeper]:
    """The bench of the suite, gone when other tests begin; its artefacts are below --basetemp."""
    kept = Keeper(request.config.stash[FILE], tmp_path_factory.mktemp("hil"))
    yield kept
    kept.close()


@pytest.fixture
def bench(request: pytest.FixtureRequest, keeper: Keeper) -> Iterator[Bench]:
    """A bench that is up, its host armed and trading; looked over when the test is done."""
    if lacking := lacks(request.node):
        _cannot(request, lacking)
    try:
        up = keeper.bench()
    except BenchAbsent as error:
        _cannot(request, str(error))
    up.require = request.config.getoption("--require-bench")
    health = Health(up)
    yield up
    expected = frozenset(word for mark in request.node.iter_markers("faults") for word in mark.args)
    complaints = health.complaints(expected)
    assert not complaints, "; ".join(complaints)


def _cannot(request: pytest.FixtureRequest, why: str) -> None:
    """Skip with the reason; with --require-bench that is a failure."""
    if request.config.getoption("--require-bench"):
        pytest.fail(why)
    pytest.skip(why)
