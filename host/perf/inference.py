"""What one row of a model costs: classifiers of the usual size, exported and loaded as always."""

import tempfile
import time
from pathlib import Path

import numpy as np

from host.perf.judging import Missing, judge
from host.perf.timing import Row

ROWS, ROUNDS, WARM = 2_000, 20_000, 500
# us. Blueprint.
ROW_US = 50.0
FEATURES = ("return_1", "return_5", "trend", "sigma", "volume")


def rows(rounds: int = ROUNDS) -> list[Row]:
    """Measure. Raises Missing without scikit-learn, skl2onnx or onnxruntime."""
    try:
        import onnxruntime  # noqa: F401
        import skl2onnx  # noqa: F401
        from sklearn.ensemble import GradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise Missing(f"{error.name} is not installed (pip install 'bot4[models]')") from None
    rng = np.random.default_rng(1)
    values = rng.normal(size=(ROWS, len(FEATURES)))
    classes = (values[:, 0] + 0.5 * rng.normal(size=ROWS) > 0).astype(int)
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(values, classes)
    trees = GradientBoostingClassifier(n_estimators=100, max_depth=3).fit(values, classes)
    return [
        judge("model inference, one row", one_row_us(trees, values, rounds), "us", ROW_US),
        judge("model inference, one row, linear", one_row_us(linear, values, rounds), "us", ROW_US),
    ]


def one_row_us(estimator: object, values: np.ndarray, rounds: int) -> list[float]:
    """Return us of each answer; the timer's own cost is in it."""
    from host.inference.export import export
    from host.inference.model import Model

    with tempfile.TemporaryDirectory(prefix="bot4-perf-") as name:
        file = Path(name) / "model.onnx"
        export(estimator, "perf", FEATURES, values, file)
        model = Model(file, FEATURES)
    taken = []
    for number in range(WARM + rounds):
        model.row[0] = values[number % len(values)]
        began_ns = time.monotonic_ns()
        model()
        taken.append((time.monotonic_ns() - began_ns) / 1e3)
    return taken[WARM:]
