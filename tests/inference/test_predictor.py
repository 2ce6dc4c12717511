"""A model in the engine: what it says of each price, and that it can only hold back or sell."""

import json
import math
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.data.reader import read

pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")

from host.hotpath.features import Features
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from host import config
from host.engine import strategy
from host.engine.predictor import MEAN_SIZE, Predictor
from host.inference.card import ModelRefused
from host.inference.export import export
from host.inference.settings import ModelSettings
from tests.desk import desk
from tests.integration.kit import bot4

PRICES = [float(price) for price in read("sp500").price]


def rows() -> tuple[np.ndarray, np.ndarray]:
    """What the engine shows a model of a recorded market, and whether the next row was higher."""
    features, shown, up = Features(), [], []
    for price, after in zip(PRICES[:-1], PRICES[1:], strict=True):
        features.update(price)
        row = strategy.model_row(features)
        if row is not None:
            shown.append(row)
            up.append(int(after > price))
    return np.array(shown), np.array(up)


@pytest.fixture(scope="module")
def fitted() -> tuple[Any, np.ndarray]:
    shown, up = rows()
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(shown, up), shown


@pytest.fixture(scope="module")
def file(fitted: tuple, tmp_path_factory: pytest.TempPathFactory) -> Path:
    estimator, shown = fitted
    found = tmp_path_factory.mktemp("model") / "up.onnx"
    export(estimator, "up", strategy.MODEL_FEATURES, shown, found)
    return found


def test_its_word_on_each_price_is_scikit_learn_s(file: Path, fitted: tuple) -> None:
    estimator, shown = fitted
    predictor, features, number = Predictor(ModelSettings(str(file))), Features(), 0
    wanted = estimator.predict_proba(shown)
    for price in PRICES[:2000]:
        features.update(price)
        predictor.take(features)
        code, _age, (expected, sigma, signal) = predictor.forecast.read(10**9)
        assert code == 0
        if strategy.model_row(features) is None:
            assert math.isnan(signal)
            continue
        down, up = wanted[number]
        assert signal == pytest.approx(up - down, abs=1e-6)
        assert sigma == math.sqrt(features.variance)
        assert expected == pytest.approx(signal * MEAN_SIZE * sigma)
        number += 1
    assert number > 1_900
    assert predictor.silent == 0


@pytest.mark.parametrize("answer", [[math.nan, 1.0], [], [2.0, -1.0], "raises"])
def test_an_answer_that_is_none_is_nothing_to_open_on(
    file: Path, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    predictor, features = Predictor(ModelSettings(str(file))), Features()
    for price in PRICES[:100]:
        features.update(price)

    class Model:
        row = np.zeros((1, len(strategy.MODEL_FEATURES)))

        def __call__(self) -> Any:
            if answer == "raises":
                raise RuntimeError("no memory")
            return answer

    monkeypatch.setattr(predictor, "_model", Model())
    predictor.take(features)
    assert all(math.isnan(value) for value in predictor.forecast.read(10**9)[2])
    assert predictor.silent == 1


def traded(predictor: Predictor | None, count: int = 3_000) -> tuple[int, int]:
    """Entries and exits of the strategy over a recorded market, filled at once."""
    with desk(predictor=predictor) as made:
        for row, price in enumerate(PRICES[:count]):
            made.row(row, price)
            made.fill(price)
        sides = [data["side"] for kind, data in made.told if kind == "order"]
    return sides.count("buy"), sides.count("sell")


def test_it_can_only_hold_back_or_sell(file: Path) -> None:
    alone, _exits = traded(None)
    strict = Predictor(ModelSettings(str(file), enter_edge=0.05, enter_signal=0.05))
    entries, exits = traded(strict)
    never = Predictor(ModelSettings(str(file), enter_edge=90.0, enter_signal=1.0))
    assert traded(never)[0] == 0
    assert 0 < entries < alone
    assert exits > 0


def test_a_model_of_other_features_and_thresholds_that_cannot_be_are_refused(
    file: Path, fitted: tuple, tmp_path: Path
) -> None:
    estimator, shown = fitted
    other = tmp_path / "other.onnx"
    export(estimator, "other", ("a", "b", "c", "d"), shown, other)
    with pytest.raises(ModelRefused, match="features a, b, c, d"):
        Predictor(ModelSettings(str(other)))
    with pytest.raises(ValueError, match="exit_edge"):
        ModelSettings(str(file), enter_edge=0.1, exit_edge=0.2)


@pytest.mark.parametrize("harm", ["missing", "changed", "no card"])
def test_bot4_run_refuses_it_in_one_line_before_anything_starts(
    file: Path, tmp_path: Path, harm: str
) -> None:
    model = tmp_path / "up.onnx"
    if harm != "missing":
        model.write_bytes(file.read_bytes() + (b"x" if harm == "changed" else b""))
    if harm == "changed":
        model.with_suffix(".json").write_bytes(file.with_suffix(".json").read_bytes())
    settings = tmp_path / "bot4.toml"
    settings.write_text(
        config.DEFAULT.read_text() + f"\n[model]\nfile = {json.dumps(str(model))}\n"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as venue:
        venue.bind(str(tmp_path / "venue"))
        arguments = {"config": settings, "venue": tmp_path / "venue", "run-dir": tmp_path / "run"}
        done = bot4("run", *(f"--{name}={path}" for name, path in arguments.items()))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert str(tmp_path / "up") in line
    assert not (tmp_path / "run").exists()
