"""From scikit-learn to ONNX. What does not answer as scikit-learn does is not exported.

Inputs are doubles where ONNX has the operator: a single moves the sixth digit of a sum. Trees have none
for doubles; scikit-learn's own compare singles, so nothing is lost.
"""

import hashlib
import math
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from host.inference import card
from host.inference.card import Card, ModelRefused, Training
from host.inference.model import answers, session

# Blueprint: the same answers to 1e-6.
MOST_DIFFERENCE = 1e-6
OPSET, ML_OPSET = 18, 3
LIBRARIES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")


def export(
    estimator: Any,
    name: str,
    features: tuple[str, ...],
    rows: np.ndarray,
    to: Path,
    training: Training | None = None,
) -> Card:
    """Write a fitted classifier to `to` (.onnx) and its card beside it; return the card.

    rows -- what it was fitted on, one column a feature: all of them are compared
    training -- goes into the card, and its digest into the ONNX file
    Raises ModelRefused when a row is answered otherwise, ImportError without the extra `models`.
    """
    rows = np.ascontiguousarray(rows, np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(features) or not np.isfinite(rows).all():
        raise ModelRefused(f"model {name}: rows of {len(features)} finite numbers are needed")
    wanted = estimator.predict_proba(rows)
    for dtype in (np.float64, np.float32):
        data = converted(estimator, len(features), dtype)
        difference = differs(data, rows.astype(dtype), wanted)
        if difference <= MOST_DIFFERENCE:
            break
    else:
        raise ModelRefused(f"model {name}: ONNX differs from scikit-learn by {difference:.2g}, "
                           f"more than {MOST_DIFFERENCE:g}")  # fmt: skip
    data = marked(data, training)
    described = Card(
        format=card.FORMAT,
        name=name,
        features=list(features),
        classes=[int(found) for found in estimator.classes_],
        sha256=hashlib.sha256(data).hexdigest(),
        opset=OPSET,
        made_with={"python": platform.python_version()}
        | {library: version(library) for library in LIBRARIES},
        trained_on=hashlib.sha256(rows.tobytes()).hexdigest(),
        rows=len(rows),
        compared=len(rows),
        largest_difference=difference,
        training=training,
    )
    # The model first: a card without it is refused, and so is one beside the earlier model.
    for file, content in (
        (to, data),
        (card.beside(to), msgspec.json.format(msgspec.json.encode(described))),
    ):
        new = file.with_name(f"{file.name}.new")
        new.write_bytes(content)
        new.replace(file)
    return described


def converted(estimator: Any, features: int, dtype: type) -> bytes:
    """Return the ONNX file of an estimator that takes rows of `dtype`."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    kind = DoubleTensorType if dtype is np.float64 else FloatTensorType
    made = to_onnx(
        estimator,
        initial_types=[("row", kind([None, features]))],
        target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
        options={id(estimator): {"zipmap": False}},
    )
    return made.SerializeToString()


def marked(data: bytes, training: Training | None) -> bytes:
    """Return the ONNX file with the digest of its training in it."""
    if training is None:
        return data
    import onnx

    model = onnx.load_from_string(data)
    model.metadata_props.add(key=card.TRAINING_KEY, value=card.training_digest(training))
    return model.SerializeToString()


def differs(data: bytes, rows: np.ndarray, wanted: np.ndarray) -> float:
    """Return the largest difference of any answer; infinite when there is none."""
    try:
        running = session(data)
    except Exception:  # noqa: BLE001 - onnxruntime's own errors have no common base
        return math.inf  # no operator for this type
    found = answers(running, rows)
    return float(np.abs(found - wanted).max()) if np.isfinite(found).all() else math.inf
