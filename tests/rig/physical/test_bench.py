"""The physical bench run to its end on stand-ins: what it finds, and that a leak or a lie is found.

No hardware takes part, and the results say so. How late this machine was is not the subject: a press
over the limit is the only reason that a run may give for not passing.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.benches import open_bench, setup
from rig.benchfile import load
from rig.capture.formats import read_capture
from rig.processes import BenchError
from tests.integration.kit import bot4, when_free
from tests.rig.physical.world import World

SLOW = re.compile(r"as configured: (press \d+ took .* us, limit|\d+ presses over)")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder whose name is short: sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="bot4-") as folder:
        yield Path(folder)


@pytest.fixture
def world(place: Path) -> Iterator[World]:
    made = World(place)
    yield made
    made.close()


def measured(bench: Path, presses: int, out: Path) -> tuple[dict[str, Any], str]:
    """Run `bot4 bench measure`; return its result and what it said."""
    words = ("--bench", str(bench), "--presses", str(presses), "--out", str(out), "--json")
    done = when_free(lambda: bot4("bench", "measure", *words, timeout_s=280))
    assert done.stdout, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.mark.timeout(300)
@pytest.mark.parametrize("over_ssh", [True, False], ids=["ssh", "local"])
def test_a_run_measures_and_says_that_it_is_no_proof(
    world: World, tmp_path: Path, over_ssh: bool
) -> None:
    found, _said = measured(world.bench(over_ssh), 3, tmp_path / "out")
    assert found["bench"] == "physical (stand-ins)"
    assert [why for why in found["reasons"] if not SLOW.match(why)] == []
    assert found["presses"] == 3
    assert found["latency_us"]["switch_to_ack"]["n"] == 3
    assert found["noise_floor_us"]["n"] > 0
    assert found["orders"]["after_ack"] == 0
    assert found["orders"]["sent"] > 0
    assert found["audit"]["verified"] is True
    assert found["environment"]["clocks"].startswith("3 ACK edges paired")
    seen = read_capture(Path(found["artifacts"]["capture_sr"]))
    assert seen.falling("HALT").size == 3
    # The log and the mode beside it stay where the host is: the controller remembers the log's head.
    left = sorted(path.name for path in (world.folder / "records").iterdir())
    assert left == ["audit", "audit.mode.json"]


@pytest.mark.timeout(300)
def test_a_planted_leak_fails_the_run(place: Path, tmp_path: Path) -> None:
    world = World(place, engine="tests.planted.leaky_engine")
    try:
        found, _said = measured(world.bench(), 2, tmp_path / "out")
    finally:
        world.close()
    assert found["verdict"] == "fail"
    assert found["orders"]["after_ack"] == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("stand-in", "no such device", "analyser sigrok"),
        ("1_000_000", "10_000", "at least 50000 Hz"),
        ("/serial", "/no-such-port/serial", "not there"),
        ("/pi/ssh", "/pi/no-ssh", "no-ssh"),
        ("/pi/bot4", "/pi/no-bot4", "no-bot4"),
        ("/dev/pts/", "/dev/no-such-", "stimulus robot: /dev/no-such-"),
    ],
)
def test_a_part_that_is_not_there_is_named_in_one_line(
    world: World, tmp_path: Path, old: str, new: str, said: str
) -> None:
    file = world.bench()
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))

    def opened() -> None:
        bench = load(str(file))
        with open_bench(bench, setup(bench, out=tmp_path / "out", patience_s=60.0)):
            pytest.fail("it came up")

    with pytest.raises((BenchError, ValueError), match=re.escape(said)) as caught:
        opened()
    assert "\n" not in str(caught.value)
