"""What is kept of a run is read back the same; what is broken is named."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.latency import FAIL, PASS, TOO_NOISY, Press
from rig.report import checks, files
from rig.report.junit import write_junit
from rig.report.views import Run
from tests.rig import runs

Kept = tuple[Path, list[Run], dict]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """A run of two layouts, written."""
    folder = tmp_path_factory.mktemp("run")
    made = [runs.run(6), runs.run(5, "own_core", seed=2)]
    result = runs.result(*made)
    files.write(folder, result, made)
    return folder, made, result


@pytest.fixture
def kept(written: Kept, tmp_path: Path) -> Kept:
    """A copy of it, to be broken."""
    shutil.copytree(written[0], tmp_path, dirs_exist_ok=True)
    return tmp_path, *written[1:]


def test_a_run_is_read_back_as_it_was(kept: Kept) -> None:
    folder, made, result = kept
    for place in (folder, folder / files.RESULT):
        loaded = files.load(place)
        assert loaded.result == result
        assert [run.layout for run in loaded.runs] == ["one_core", "own_core"]
        for ours, theirs in zip(made, loaded.runs, strict=True):
            assert list(ours.presses) == list(theirs.presses)
            assert list(ours.closings) == list(theirs.closings)
            assert ours.views == theirs.views


def test_a_run_drawn_again_is_the_same_page(kept: Kept) -> None:
    folder, _made, _result = kept
    page = folder / "report.html"
    before = page.read_bytes()
    page.unlink()
    loaded = files.load(folder)
    files.draw(folder, loaded.result, loaded.runs)
    assert page.read_bytes() == before
    plots = {file.suffix for file in (folder / "plots").iterdir()}
    assert plots == {".svg", ".png"}


def test_presses_without_an_end_are_kept_too(tmp_path: Path) -> None:
    presses = [Press(5, None, None), Press(9, 10, None)]
    files.write(tmp_path, runs.result(runs.run(2)), [Run("one_core", presses)])
    (run,) = files.load(tmp_path).runs
    assert run.presses == presses
    assert run.closings == [None, None]
    assert run.views == {}


BROKEN = {
    "no result": (files.RESULT, None, "result.json: No such file"),
    "no JSON": (files.RESULT, "{", "no result of a run"),
    "another JSON": (files.RESULT, "{}", "it has no 'bench'"),
    "a list": (files.RESULT, "[]", "no result of a run"),
    "no presses": ("presses.csv", None, "presses.csv: No such file"),
    "another table": ("presses.csv", "a,b\n", "its first line is not layout,press,"),
    "empty table": ("presses.csv", "", "its first line is not"),
    "a word for a time": ("presses.csv", "HEAD\none_core,1,x,2,3,,,\n", "row 2 is no press"),
    "no switch": ("presses.csv", "HEAD\none_core,1,,2,3,,,\n", "row 2 is no press"),
    "a short row": ("presses.csv", "HEAD\none_core,1,5\n", "row 2 is no press"),
    "an unknown view": ("presses.csv", "HEAD\none_core,1,5,6,7,,,x\n", "row 2 is no press"),
    "a path for a layout": ("presses.csv", "HEAD\n../x,1,5,6,7,,,worst\n", "row 2 is no press"),
    "not ASCII": ("presses.csv", "HEAD\n\u00e9,1,5,6,7,,,\n", "ascii"),
    "a cut capture": ("views/one_core-worst.vcd", "$date", "one_core-worst.vcd"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named_in_one_line(kept: Kept, case: str) -> None:
    folder = kept[0]
    name, content, complaint = BROKEN[case]
    if content is None:
        (folder / name).unlink()
    else:
        head = (folder / "presses.csv").read_text().splitlines()[0]
        (folder / name).write_text(content.replace("HEAD", head))
    with pytest.raises(files.RunError, match=".") as raised:
        files.load(folder)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def outcomes(result: dict) -> dict[str, str]:
    return {check.name: check.outcome for check in checks.of(result)}


def test_every_check_passes_on_a_good_run() -> None:
    found = outcomes(runs.result(runs.run(5)))
    assert found.pop("guard_stretches") == checks.NOT_JUDGED  # it holds on the physical bench
    assert set(found.values()) == {checks.GOOD}


PLANTED = {
    "order_leak": ({"orders": {"after_ack": 1}}, checks.BAD),
    "audit_log": ({"audit": {"verified": False}}, checks.BAD),
    "lost_edges_and_fouls": ({"fouls": ["two drive one line"]}, checks.BAD),
    "host_ended_in_order": ({"host_exit": 1}, checks.BAD),
    "orders_before_each_press": ({"orders": {"presses_without_order": 2}}, checks.BAD),
    "guard_stretches": (
        {"bench": "physical", "guard_stretches": {"tick": {"over_100_us": 1}}},
        checks.BAD,
    ),
    "verdict": ({"verdict": FAIL}, checks.BAD),
}


@pytest.mark.parametrize("name", PLANTED)
def test_each_check_can_fail(name: str) -> None:
    changes, outcome = PLANTED[name]
    assert outcomes(runs.result(runs.run(5), **changes))[name] == outcome


@pytest.mark.parametrize(
    ("change", "name", "outcome"),
    [
        ({"asked": 6}, "all_presses_seen.one_core", checks.BAD),
        ({"guard_complaints": ["press 1: odd"]}, "guard_stamps.one_core", checks.BAD),
        ({"guard_complaints": None}, "guard_stamps.one_core", checks.NOT_JUDGED),
        ({"misses": [{"kind": "machine"}]}, "latency_limit.one_core", checks.NOISY),
        ({"misses": [{"kind": "unexplained"}]}, "latency_limit.one_core", checks.BAD),
        ({"misses": [{}]}, "latency_limit.one_core", checks.BAD),
        ({"misses": None}, "latency_limit.one_core", checks.UNKNOWN),
        ({"latency_us": {}}, "latency_limit.one_core", checks.UNKNOWN),
    ],
)
def test_each_check_of_a_layout_can_fail(change: dict, name: str, outcome: str) -> None:
    given = runs.result(runs.run(5))
    given["layouts"]["one_core"].update(change)
    assert outcomes(given)[name] == outcome


def test_what_a_result_does_not_tell_never_passes() -> None:
    assert checks.GOOD not in outcomes({}).values()


def cases(path: Path) -> dict[str, ElementTree.Element]:
    return {case.get("name", ""): case for case in ElementTree.parse(path).iter("testcase")}


def red(case: ElementTree.Element) -> bool:
    return case.find("failure") is not None or case.find("error") is not None


def test_measurements_are_properties_of_their_cases(tmp_path: Path) -> None:
    given = runs.result(runs.run(5))
    write_junit(tmp_path / "j.xml", given)
    case = cases(tmp_path / "j.xml")["latency_limit.one_core"]
    told = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert told["switch_to_ack_max_us"] == str(given["latency_us"]["switch_to_ack"]["max"])
    assert told["limit_us"] == "1000.0"
    assert "halt_to_seen_p50_us" in told


@given(
    verdict=st.sampled_from([PASS, TOO_NOISY, FAIL, None, "fine", 3]),
    reason=st.text(max_size=20),
    odd=st.recursive(
        st.none() | st.floats() | st.text(max_size=5) | st.booleans(),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=4,
    ),
    key=st.sampled_from(["orders", "audit", "layouts", "fouls", "guard_stretches", "host_exit"]),
)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_file_is_green_only_for_a_pass_and_always_xml(
    tmp_path: Path, verdict: object, reason: str, odd: object, key: str
) -> None:
    given = {**runs.result(runs.run(2)), "verdict": verdict, "reasons": [reason], key: odd}
    path = tmp_path / "j.xml"
    write_junit(path, given)
    found = cases(path)
    assert red(found["verdict"]) == (verdict != PASS)
    suite = next(ElementTree.parse(path).iter("testsuite"))
    told = sum(int(suite.get(name, 0)) for name in ("failures", "errors"))
    assert told == sum(red(case) for case in ElementTree.parse(path).iter("testcase"))


def test_the_result_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(files, "write_junit", broken)
    made = runs.run(2)
    with pytest.raises(OSError, match="no space"):
        files.write(tmp_path, runs.result(made), [made])
    assert not (tmp_path / files.RESULT).exists()
