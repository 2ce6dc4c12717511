"""`make test-systemd`: the units under a real systemd, in a virtual machine (tools/vm-systemd)."""

import os
import subprocess
import sys
import sysconfig
from collections import defaultdict
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[2]
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
SYSTEM = Path(f"/usr/bin/python{VERSION}")

pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("BOT4_SYSTEMD_VM"),
        reason="BOT4_SYSTEMD_VM is not set: `make test-systemd`",
    ),
    pytest.mark.skipif(not SYSTEM.exists(), reason=f"no {SYSTEM}: the machine has no other Python"),
    pytest.mark.timeout(1200),
]


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    """What tools/vm-systemd/look.sh has seen, name -> values."""
    command = [HOUSE / "tools/vm-gpio/run-in-vm.sh", "bash", HOUSE / "tools/vm-systemd/guest.sh", HOUSE,
               sysconfig.get_path("purelib"), VERSION]  # fmt: skip
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    print(done.stdout[-6000:], done.stderr[-2000:])
    seen = defaultdict(list)
    for line in done.stdout.splitlines():
        name, colon, value = line.partition(": ")
        if colon:
            seen[name].append(value)
    return seen


def test_both_units_are_up_and_the_host_is_in_emergency(found: dict[str, list[str]]) -> None:
    assert found["bot4"] == found["bot4-dashboard"] == ["active"]
    assert found["mode"] == ["EMERGENCY"]


def test_the_guard_has_what_it_asks_for_and_nobody_a_capability(
    found: dict[str, list[str]],
) -> None:
    assert found["guard scheduler"] == ["FF 50"]
    assert int(found["guard locked kB"][0]) > 0
    # Supervisor, guard, its relay, recorder, modeller, engine; reader and web of the dashboard.
    assert len(found["capabilities"]) >= 8
    assert set(found["capabilities"]) == {"0" * 16}
    assert set(found["seccomp"]) == {"2"}
    assert found["processes of root"] == ["0"]


def test_the_dashboard_sees_the_host_and_its_pages(found: dict[str, list[str]]) -> None:
    assert found["web as"] == ["bot4-web"]
    assert found["dashboard mode"] == found["dashboard pages"] == ["1.0"]


def test_a_killed_host_comes_back_in_emergency(found: dict[str, list[str]]) -> None:
    assert found["restarted"] == ["1"]
    assert found["mode after restart"] == ["EMERGENCY"]
    assert found["journals kept"] == ["1"]


def test_it_ends_in_order_and_wrong_input_is_not_tried_again(found: dict[str, list[str]]) -> None:
    assert found["stopped"] == ["inactive 0"]
    assert found["log"][0].endswith("closed in order")
    assert found["without a key"] == ["failed 2 0"]
