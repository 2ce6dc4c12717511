"""An exported model answers as scikit-learn does on recorded markets; anything else is refused."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.data.reader import read
from host.inference.card import ModelRefused, beside

pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")

from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from host.inference.export import MOST_DIFFERENCE, export
from host.inference.model import Model

FEATURES = ("return_1", "return_5", "sigma_20")


@pytest.fixture(scope="session")
def market() -> tuple[np.ndarray, np.ndarray]:
    """Features of a recorded market, and whether the next return was above zero."""
    returns = np.diff(np.log(read("sp500").price))
    five = np.convolve(returns, np.ones(5), "valid")[15:]
    sigma = np.sqrt(np.convolve(returns**2, np.ones(20) / 20, "valid"))
    rows = np.column_stack([returns[19:], five, sigma])
    return rows[:-1], (returns[20:] > 0).astype(int)


def classifiers() -> dict[str, Any]:
    return {
        "linear": make_pipeline(StandardScaler(), LogisticRegression()),
        "boosted": GradientBoostingClassifier(n_estimators=50, max_depth=3, random_state=1),
        "forest": RandomForestClassifier(n_estimators=50, max_depth=6, random_state=1),
    }


@pytest.fixture
def exported(tmp_path: Path, market: tuple) -> Path:
    rows, up = market
    file = tmp_path / "model.onnx"
    export(classifiers()["linear"].fit(rows, up), "linear", FEATURES, rows, file)
    return file


@pytest.mark.parametrize("name", list(classifiers()))
def test_one_row_is_answered_as_scikit_learn_does(
    name: str, tmp_path: Path, market: tuple, capsys: pytest.CaptureFixture
) -> None:
    rows, up = market
    fitted = classifiers()[name].fit(rows, up)
    file = tmp_path / "model.onnx"
    card = export(fitted, name, FEATURES, rows, file)
    model = Model(file, FEATURES)
    wanted = fitted.predict_proba(rows[-500:])
    worst = 0.0
    for row, expected in zip(rows[-500:], wanted, strict=True):
        model.row[0] = row
        worst = max(worst, float(np.abs(model() - expected).max()))
    with capsys.disabled():
        print(f"\n  {name}: {card.compared} rows differ by at most {card.largest_difference:.1e}")
    assert worst <= MOST_DIFFERENCE
    assert card == model.card
    assert card.classes == [0, 1]


def change(file: Path, **fields: Any) -> None:
    card = json.loads(beside(file).read_text()) | fields
    beside(file).write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"format": 2}, "format 2"),
        ({"sha256": "0" * 64}, "sha256"),
        ({"features": ["return_1", "sigma_20", "return_5"]}, "features"),
        ({"classes": [0, 1, 2]}, "classes|answers"),
        ({"largest_difference": 0.1}, "largest_difference"),
        ({"opset": "x"}, "opset"),
        ({"note": "?"}, "note"),
        ({"made_with": {}}, "onnxruntime unknown"),
        ({"made_with": {"onnxruntime": "0.1.0"}}, "onnxruntime 0.1.0"),
        ({"made_with": {"onnxruntime": "1.9999.0"}}, "onnxruntime 1.9999.0"),
    ],
)
def test_a_card_that_does_not_fit_is_one_line(
    exported: Path, fields: dict[str, Any], named: str
) -> None:
    Model(exported, FEATURES)
    change(exported, **fields)
    with pytest.raises(ModelRefused, match=named) as refused:
        Model(exported, FEATURES)
    assert len(str(refused.value).splitlines()) == 1
    assert str(exported.with_suffix("")) in str(refused.value)


def test_a_model_that_is_none_is_one_line(exported: Path, tmp_path: Path) -> None:
    data = exported.read_bytes()
    for broken in (b"", b"no model", data[: len(data) // 2]):
        exported.write_bytes(broken)
        with pytest.raises(ModelRefused, match="sha256"):
            Model(exported, FEATURES)
        change(exported, sha256=hashlib.sha256(broken).hexdigest())
        with pytest.raises(ModelRefused) as refused:
            Model(exported, FEATURES)
        assert len(str(refused.value).splitlines()) == 1
    exported.unlink()
    with pytest.raises(ModelRefused, match=r"model\.onnx: No such file"):
        Model(exported, FEATURES)
    beside(exported).unlink()
    with pytest.raises(ModelRefused, match=r"model\.json: No such file"):
        Model(exported, FEATURES)


def test_a_feature_that_is_no_number_is_refused(exported: Path) -> None:
    model = Model(exported, FEATURES)
    for bad in (float("nan"), float("inf")):
        model.row[0] = (0.0, bad, 0.1)
        with pytest.raises(ValueError, match="finite"):
            model()


def test_a_model_that_answers_otherwise_is_not_exported(tmp_path: Path, market: tuple) -> None:
    rows, up = market
    fitted = classifiers()["linear"].fit(rows, up)

    honest = fitted.predict_proba
    fitted.predict_proba = lambda given: honest(given) + 2e-6
    with pytest.raises(ModelRefused, match="differs from scikit-learn"):
        export(fitted, "liar", FEATURES, rows, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
