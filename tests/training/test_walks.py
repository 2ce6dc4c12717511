"""The same numbers on one core, on two, and on a Dask cluster; a killed worker costs time alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("joblib")

from host.data.reader import BadData
from host.training import walks
from host.training.cluster import on_cluster
from host.training.labels import parsed
from host.training.local import MOST_LOST, on_cores
from host.training.samples import Samples, samples
from host.training.walks import Outcome, Task, WorkersLost, grid, planned
from tests.features.test_features import walk
from tests.training.local_cluster import started

FOLDS = 3
GRID = {"n_estimators": [3, 6]}


@pytest.fixture(scope="module")
def data() -> list[Samples]:
    return [samples(walk(800, seed), "engine", parsed("triple:5:1")) for seed in (1, 2)]


@pytest.fixture(scope="module")
def tasks(data: list[Samples]) -> list[Task]:
    return planned(data, grid("boosted", GRID), "purged_kfold", FOLDS)


@pytest.fixture(scope="module")
def expected(data: list[Samples], tasks: list[Task]) -> list[Outcome]:
    return walks.alone(tasks, data, walks.work, lambda done: None)


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[str, list[int]]]:
    pytest.importorskip("distributed")
    with started() as found:
        yield found


def alike(one: Sequence[Outcome], other: Sequence[Outcome]) -> bool:
    """To the last bit, a NaN included."""
    return msgspec.json.encode(one) == msgspec.json.encode(other) and repr(one) == repr(other)


def test_two_processes_find_the_same(
    data: list[Samples], tasks: list[Task], expected: list[Outcome]
) -> None:
    done: list[int] = []
    assert alike(on_cores(2)(tasks, data, walks.work, done.append), expected)
    assert done == list(range(1, len(tasks) + 1))
    assert len({outcome.scores["auc"] for outcome in expected if outcome.scores}) > len(tasks) // 2


def test_a_cluster_finds_the_same(
    data: list[Samples], tasks: list[Task], expected: list[Outcome], cluster: Any
) -> None:
    address = cluster[0].replace("tcp://", "dask://")
    done: list[int] = []
    assert alike(on_cluster(address)(tasks, data, walks.work, done.append), expected)
    assert done == list(range(1, len(tasks) + 1))


def slow(given: Samples, task: Task) -> Outcome:
    """Takes a while, so that a kill finds it at work."""
    time.sleep(0.2)
    return walks.work(given, task)


def test_a_killed_worker_of_the_cluster_costs_no_result(
    data: list[Samples], tasks: list[Task], expected: list[Outcome]
) -> None:
    pytest.importorskip("distributed")
    with started() as (address, pids):

        def kill_one(done: int) -> None:
            if done == 3:
                os.kill(pids[0], signal.SIGKILL)

        assert alike(on_cluster(address)(tasks, data, slow, kill_one), expected)
        assert not Path(f"/proc/{pids[0]}").exists()


def killed_once(flag: Path, given: Samples, task: Task) -> Outcome:
    """The first to come here kills its process."""
    if task.fold == 2 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return walks.work(given, task)


def killed_always(given: Samples, task: Task) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("never reached")


def test_a_killed_process_costs_no_result(
    data: list[Samples], tasks: list[Task], expected: list[Outcome], tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    work = partial(killed_once, flag)
    assert alike(on_cores(2)(tasks, data, work, lambda done: None), expected)
    assert flag.exists()


def test_a_task_that_always_kills_ends(data: list[Samples], tasks: list[Task]) -> None:
    with pytest.raises(WorkersLost, match=f"killed {MOST_LOST} times"):
        on_cores(2)(tasks[:4], data, killed_always, lambda done: None)


def test_a_worker_with_other_code_is_refused(
    data: list[Samples], tasks: list[Task], cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Here alone: what the worker has of the code gives another digest.
    monkeypatch.setattr("host.training.cluster.CODE", ("training",))
    with pytest.raises(WorkersLost, match="numbers would not be ours"):
        on_cluster(cluster[0])(tasks, data, walks.work, lambda done: None)


def test_a_cluster_that_is_not_there_is_one_line(
    data: list[Samples], tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("host.training.cluster.CONNECT_S", 1)
    with pytest.raises(WorkersLost, match=r"tcp://127\.0\.0\.1:9") as lost:
        on_cluster("dask://127.0.0.1:9")(tasks, data, walks.work, lambda done: None)
    assert len(str(lost.value).splitlines()) == 1
    for wrong in ("somewhere", "http://host:1", "dask://host"):
        with pytest.raises(ValueError, match="cluster"):
            on_cluster(wrong)


def test_a_fold_that_cannot_be_judged_fails_its_run_alone(data: list[Samples]) -> None:
    tasks = planned(data[:2], grid("logistic", {}), "walk_forward", 3)
    outcomes = walks.alone(tasks, data, walks.work, lambda done: None)
    outcomes[1] = Outcome(None, "one kind of label")
    found = walks.told(data[:2], tasks, outcomes)
    assert [run["errors"] for run in found["runs"]] == [["one kind of label"], []]
    assert found["runs"][0]["mean"] is None
    assert not found["runs"][0]["pass"]


def test_what_does_not_belong_together_is_refused(data: list[Samples]) -> None:
    plan = grid("logistic", {"C": [1, 2]})
    with pytest.raises(BadData, match="same bars"):
        planned([data[0], replace(data[0], source="twin")], plan, "walk_forward", 3)
    slower = walk(800, 9)
    slower.time_ns[:] *= 60
    mixed = samples(slower, "engine", parsed("forward:1"))
    with pytest.raises(BadData, match="mixed frequency"):
        planned([data[0], mixed], plan, "walk_forward", 3)
    with pytest.raises(BadData, match="split|samples"):
        planned(data, plan, "walk_forward", 5_000)
    with pytest.raises(ValueError, match="tea"):
        grid("logistic", {"tea": [1]})


# --- as a user meets it --------------------------------------------------------------------------


def bot4(*words: object) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-m", "bot4", "validate", "run", *map(str, words)]
    return subprocess.run(given, capture_output=True, text=True, check=False, timeout=110)


def csv(folder: Path, seed: int, rows: int = 1_000, before: int = 0) -> Path:
    series = walk(rows, seed)
    days = np.datetime64("2020-01-01") - before + np.arange(rows)
    columns = (series.open, series.high, series.low, series.price, series.volume)
    table = np.column_stack([column for column in columns if column is not None]).tolist()
    lines = [f"{day}," + ",".join(map(repr, row)) for day, row in zip(days, table, strict=True)]
    file = folder / f"walk{seed}.csv"
    file.write_text("\n".join(["timestamp,open,high,low,close,volume", *lines, ""]))
    return file


def test_the_command_prints_the_same_everywhere(tmp_path: Path, cluster: Any) -> None:
    files = [csv(tmp_path, 1), csv(tmp_path, 2, before=100)]
    words = [*files, "--n-splits", 3, "--grid", "C=0.1,1", "--json"]
    alone, two, far = (
        bot4(*words, *where) for where in ([], ["--jobs", 2], ["--cluster", cluster[0]])
    )
    assert alone.returncode in (0, 1), alone.stderr
    assert alone.stdout == two.stdout == far.stdout
    told = json.loads(alone.stdout)
    assert [symbol["ends_early"] for symbol in told["symbols"]] == [False, True]
    assert len(told["runs"]) == 4
    assert all(len(run["folds"]) == 3 for run in told["runs"])


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--jobs", "0"], "--jobs 0"),
        (["--cluster", "nowhere"], "nowhere"),
        (["--jobs", "2", "--cluster", "dask://x:1"], "one of both"),
        (["--grid", "C=a"], "C=a"),
        (["--grid", "C=1", "--grid", "C=2"], "twice"),
        (["--mode", "shuffled"], "shuffled"),
        (["--n-splits", "1"], "--n-splits 1"),
    ],
)
def test_wrong_use_is_one_line(tmp_path: Path, words: list[str], named: str) -> None:
    done = bot4(csv(tmp_path, 1), *words)
    assert done.returncode == 2
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1
