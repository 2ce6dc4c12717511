"""`bot4 train` and its card: judged on purged folds, checked at load, one line for what is wrong."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")
pytest.importorskip("arch")

from host.hotpath.features import Features

from host.data.reader import BadData, Series, read
from host.engine import strategy
from host.engine.predictor import Predictor
from host.features.bar import bars
from host.inference.card import ModelRefused, beside, check_data
from host.inference.model import Model
from host.inference.settings import ModelSettings
from host.training.classifiers import Classifier, embargoed, fitted
from host.training.judging import auc, calibration_error, judged, limits, log_loss, means
from host.training.labels import DOWN, UP, parsed
from host.training.samples import Samples, samples
from tests.features.test_features import walk


def bot4(*words: object) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-m", "bot4", *map(str, words)]
    return subprocess.run(given, capture_output=True, text=True, check=False, timeout=110)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("trained") / "model.onnx"
    done = bot4("train", "sp500", "--to", file, "--label", "triple:10:1", "--n-splits", 5, "--json")
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout) == json.loads(beside(file).read_bytes())
    return file


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    for file in (trained, beside(trained)):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path / trained.name


def test_the_engine_takes_it_and_asks_it(trained: Path) -> None:
    predictor, features = Predictor(ModelSettings(file=str(trained))), Features()
    for bar in list(bars(read("sp500")))[:100]:
        features.update(bar.close)
        predictor.take(features)
    assert predictor.silent == 0


def test_the_card_says_what_it_was_trained_on_and_how(trained: Path) -> None:
    told = Model(trained, strategy.MODEL_FEATURES).card.training
    assert told is not None
    assert (told.source, told.bars, told.step_s) == ("arch:sp500", 5031, 86_400)
    assert (told.first, told.last) == ("1999-01-04T00:00:00Z", "2018-12-31T00:00:00Z")
    assert "embargo=" in told.splits
    assert len(told.folds) == 5
    assert told.scores["auc"] == pytest.approx(np.mean([f["auc"] for f in told.folds]))
    done = bot4("card", trained, "--data", "sp500")
    assert done.returncode == (0 if told.passes else 1), done.stderr
    assert "test AUC" in done.stdout


def change(file: Path, alter: Any) -> None:
    card = json.loads(beside(file).read_text())
    alter(card["training"])
    beside(file).write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("alter", "named"),
    [
        (lambda t: t["scores"].update(auc=0.9), "another training"),
        (lambda t: t.update(source="btc"), "another training"),
        (lambda t: t["limits"][1].update(reached=0.9), "does not say what it is|another training"),
        (lambda t: t["limits"][1].update({"pass": not t["limits"][1]["pass"]}), "limit 'test AUC'"),
        (lambda t: t["limits"][1].update(limit="soon"), "limit 'test AUC'"),
        (lambda t: t.update(limits=[]), "limits"),
        (lambda t: t.update(last=t["first"]), "data from"),
        (lambda t: t.update(bars=10), "10 bars"),
        (lambda t: t.update(data_sha256="x"), "data_sha256"),
        (lambda t: t["importance"].pop("sigma"), "importance"),
    ],
)
def test_an_altered_card_is_refused(model: Path, alter: Any, named: str) -> None:
    change(model, alter)
    with pytest.raises(ModelRefused, match=named) as refused:
        Model(model, strategy.MODEL_FEATURES)
    assert len(str(refused.value).splitlines()) == 1


def test_a_card_without_its_training_is_refused(model: Path) -> None:
    card = json.loads(beside(model).read_text())
    beside(model).write_text(json.dumps(card | {"training": None}))
    with pytest.raises(ModelRefused, match="another training"):
        Model(model, strategy.MODEL_FEATURES)


def test_other_data_than_those_of_the_card_are_refused(model: Path, tmp_path: Path) -> None:
    training = Model(model, strategy.MODEL_FEATURES).card.training
    assert training is not None
    check_data(model, training, training.data_sha256, training.first, training.last)
    with pytest.raises(ModelRefused, match="trained on"):
        check_data(model, training, "0" * 64, training.first, training.last)
    day = "timestamp,open,high,low,close,volume\n2024-01-01,1,1,1,1,1\n2024-01-02,1,1,1,1,1\n"
    (tmp_path / "other.csv").write_text(day)
    done = bot4("card", model, "--data", tmp_path / "other.csv")
    assert done.returncode == 2
    assert "trained on 1999-01-04" in done.stderr


def made(rows: int = 3_000, seed: int = 1, skill: float = 0.0) -> Samples:
    """Samples of a random walk; with `skill` the first feature knows something of the label."""
    found = samples(walk(rows, seed), "engine", parsed("forward:3"))
    found.rows[:, 0] += skill * found.labels * found.rows[:, 0].std()
    return found


def test_no_skill_passes_no_limit_and_skill_is_found() -> None:
    for skill, passes in ((0.0, False), (1.0, True)):
        data = made(skill=skill)
        splits = list(embargoed(4, data).split(data.rows))
        scores = [judged(Classifier(), data, train, test)[0] for train, test in splits]
        assert all(line["pass"] for line in limits(means(scores))) is passes


def test_the_future_does_not_reach_a_fit() -> None:
    data = made()
    early = np.arange(1_000)
    before = fitted(Classifier(), data, early).predict_proba(data.rows[:50])
    data.rows[1_000:] *= 3
    data.labels[1_000:] *= -1
    assert np.array_equal(fitted(Classifier(), data, early).predict_proba(data.rows[:50]), before)


def test_calibrated_chances_are_those_that_come_true() -> None:
    draw = np.random.default_rng(1)
    chance = draw.uniform(size=20_000)
    happened = draw.uniform(size=20_000) < chance
    assert calibration_error(chance, happened) < 0.01
    assert calibration_error(np.clip(2 * chance - 0.5, 0, 1), happened) > 0.1


def test_scores_by_hand() -> None:
    truth = np.array([UP, DOWN, UP, 0])
    assert auc(np.array([0.5, 0.1, 0.1, 0.9]), truth) == 0.75
    assert math.isnan(auc(np.array([0.5, 0.1]), np.array([UP, UP])))
    chances = np.array([[0.2, 0.8], [0.5, 0.5]])
    expected = -(math.log(0.8) + math.log(0.5)) / 2
    assert log_loss(chances, np.array([UP, DOWN]), [DOWN, UP]) == pytest.approx(expected)
    assert not limits({"gap": math.nan, "auc": math.nan, "log_loss": 1, "base_log_loss": 2})[1][
        "pass"
    ]


def test_series_that_cannot_be_trained_on_are_refused() -> None:
    with pytest.raises(BadData, match="200 are needed"):
        samples(walk(150, 1), "engine", parsed("forward:3"))
    falling = walk(500, 1)
    still = Series(
        "falling", "bar", falling.time_ns, np.linspace(9, 1, 500), 8, *[falling.price] * 4
    )
    with pytest.raises(BadData, match="never 1"):
        samples(still, "engine", parsed("forward:3"))
    mixed = walk(500, 1)
    mixed.time_ns[250:] += 10**8
    with pytest.raises(BadData, match="mixed frequency"):
        samples(mixed, "engine", parsed("forward:3"))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["nowhere.csv"], "nowhere.csv"),
        (["sp500", "--label", "soon"], "soon"),
        (["sp500", "--model", "oracle"], "oracle"),
        (["sp500", "--set", "C"], "C"),
        (["sp500", "--set", "depth=3"], "depth"),
        (["sp500", "--set", "C=-1"], "C=-1"),
        (["sp500", "--model", "boosted", "--set", "max_depth=1.5"], "max_depth"),
        (["sp500", "--features", "tea"], "tea"),
        (["sp500", "--mode", "shuffled"], "shuffled"),
        (["sp500", "--n-splits", "3000"], "3000|samples"),
    ],
)
def test_wrong_use_is_one_line(tmp_path: Path, words: list[str], named: str) -> None:
    done = bot4("train", *words, "--to", tmp_path / "m.onnx")
    assert done.returncode == 2, done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert any(part in done.stderr for part in named.split("|"))
    assert not list(tmp_path.iterdir())
