"""The bench's words: what its workflow keeps, what its tests need, what a bench lacks."""

import re
from pathlib import Path

import msgspec

from hil import capabilities
from rig.benchfile import Driver, load

HOUSE = Path(__file__).resolve().parents[2]


def test_the_workflow_requires_the_bench_and_keeps_what_was_seen() -> None:
    text = (HOUSE / ".github" / "workflows" / "hil.yml").read_text()
    for needed in ("--require-bench", "if: always()", "concurrency:", "bot4 bench summary"):
        assert needed in text


def test_every_capability_that_a_test_needs_is_a_word() -> None:
    for file in (HOUSE / "hil").glob("test_*.py"):
        for words in re.findall(r"mark\.needs\(([^)]*)\)", file.read_text()):
            assert set(re.findall(r'"([\w-]+)"', words)) <= set(capabilities.WORDS)


def test_a_bench_lacks_what_it_does_not_have() -> None:
    assert capabilities.missing(load("virtual"), tuple(capabilities.WORDS)) == []
    assert capabilities.missing(load("emulated"), ("true-latency",)) != []
    robot = load("physical-example")
    assert capabilities.missing(robot, ("cut-wire", "rearm")) == [capabilities.WORDS["cut-wire"]]
    relays = msgspec.structs.replace(robot, stimulus=Driver("gpio", {"contact_a": 1}))
    assert capabilities.missing(relays, ("rearm",)) == [capabilities.WORDS["rearm"]]
    relays = msgspec.structs.replace(robot, stimulus=Driver("gpio", {"button": 3}))
    assert capabilities.missing(relays, ("rearm", "timed-contacts")) == []
