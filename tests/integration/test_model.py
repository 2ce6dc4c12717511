"""A host that trades with a model's word: which one it is stands on record, and a press still halts."""

from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")

import json

from sklearn.linear_model import LogisticRegression

from host import config
from host.engine import strategy
from host.inference.export import export
from tests.inference.test_predictor import rows
from tests.integration.kit import trading
from tests.integration.test_ladder import host, wait_log


def test_a_model_has_its_say_and_is_on_record(tmp_path: Path) -> None:
    shown, up = rows()
    file = tmp_path / "up.onnx"
    card = export(LogisticRegression().fit(shown, up), "up", strategy.MODEL_FEATURES, shown, file)
    text = config.DEFAULT.read_text() + f"\n[model]\nfile = {json.dumps(str(file))}\n"
    with trading(tmp_path / "out", host=host(tmp_path, text)) as bench:
        assert wait_log(bench, "model")["sha256"] == card.sha256
        assert wait_log(bench, "order")["side"] == "buy"
        bench.press()
        assert bench.wait_status(timeout_s=10.0, ladder_done=True)["mode"] == "EMERGENCY"
