"""A model in the backtest: it holds back as in the engine, and rows that it was trained on are told."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")

from host.backtest.account import account, seen
from host.backtest.market import of
from host.backtest.run import Options, Run
from host.backtest.shown import text
from host.inference.card import ModelRefused
from host.training import walks
from host.training.classifiers import Classifier
from host.training.labels import parsed
from host.training.samples import samples
from host.training.trainer import judge, train
from tests.backtest.kit import configured, cut, recorded

ROWS, TRAINED = 900, 500


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    taken = samples(cut(recorded(ROWS), TRAINED), "engine", parsed("forward:1"))
    classifier, to = Classifier("logistic", {}), tmp_path_factory.mktemp("model") / "up.onnx"
    splitter = walks.splitter("purged_kfold", 3, taken)
    train(classifier, taken, "engine", splitter, judge(classifier, taken, splitter), to)
    return to


def test_it_holds_back_and_says_what_it_has_seen(model: Path) -> None:
    plain, held = configured(False), configured(False, model={"file": str(model)})
    market = of(recorded(ROWS), 2.0)
    free, one, two = (Run(market, wanted).go() for wanted in (plain, held, held))
    assert one.orders == two.orders
    assert one.passed == 0
    opened = [sum(order["intent"] == "OPEN" for order in ran.orders) for ran in (free, one)]
    assert opened[1] < opened[0]
    told, _found = account(market, held, Options(), one, 1)
    assert told["model"]["rows_seen"] == TRAINED
    assert "was trained on 56 % of these rows: no evidence" in text(told)


def test_rows_after_the_training_are_new_to_it(model: Path) -> None:
    from host.engine.predictor import Predictor

    wanted = configured(model={"file": str(model)}).model
    training = Predictor(wanted).training
    assert training is not None
    after = of(cut(recorded(ROWS), ROWS - TRAINED, TRAINED), 2.0)
    assert seen(training, after)["rows_seen"] == 0
    assert seen(None, after) == {"trained_on": None, "rows_seen": None}


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    wanted = configured(model={"file": str(tmp_path / "none.onnx")})
    with pytest.raises(ModelRefused, match=r"none\.json"):
        Run(of(recorded(100), 2.0), wanted)
