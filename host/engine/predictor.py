"""A model's word on every price: its probabilities become the forecast that the compiled path reads."""

import math
from pathlib import Path
from typing import Any

from host import layout
from host.engine import strategy
from host.hotpath.decision import Decision
from host.hotpath.features import Features
from host.hotpath.seqlock import Seqlock
from host.hotpath.words import Words
from host.inference.card import Training
from host.inference.model import Model
from host.inference.settings import ModelSettings

# s. A word is of the price that is decided on; one that is older says that the model does not answer.
MOST_AGE_NS = 1_000_000_000
# Expected size of a normal return, in standard deviations.
MEAN_SIZE = math.sqrt(2 / math.pi)
NOTHING = (math.nan,) * len(layout.FORECAST_FIELDS)


class Predictor:
    """Loads the model, outside of the hot path, and asks it once a price.

    decision, forecast -- for host.hotpath.pipeline
    silent -- prices on which it gave no usable answer
    most_age_ns -- of its word, by the machine's clock
    Raises host.inference.card.ModelRefused.
    """

    def __init__(self, settings: ModelSettings, most_age_ns: int = MOST_AGE_NS) -> None:
        self.most_age_ns = most_age_ns
        self._model = Model(Path(settings.file).expanduser(), strategy.MODEL_FEATURES)
        # Lowest and highest class: down and up.
        classes = self._model.card.classes
        self._down, self._up = classes.index(min(classes)), classes.index(max(classes))
        self.decision = Decision(settings.thresholds)
        count = len(layout.FORECAST_FIELDS)
        self.forecast = Seqlock(Words(bytearray(8 * (count + 2)), True), 0, count)
        self.silent = 0

    @property
    def training(self) -> Training | None:
        """What its card says of the data that it was trained on."""
        return self._model.card.training

    def told(self) -> dict[str, Any]:
        """Return which model this is, for the audit log."""
        card = self._model.card
        return {"name": card.name, "sha256": card.sha256, "rows": card.rows}

    def take(self, features: Features) -> None:
        """Publish what the model expects of the next price; nothing usable when it cannot say."""
        self.forecast.publish(self._asked(features))

    def _asked(self, features: Features) -> tuple[float, ...]:
        row = strategy.model_row(features)
        if row is None:
            return NOTHING
        try:
            self._model.row[0] = row
            chances = [float(chance) for chance in self._model()]
        except Exception:  # noqa: BLE001 - onnxruntime's own errors have no common base
            chances = []
        if not (chances and all(0 <= chance <= 1 for chance in chances)):
            self.silent += 1
            return NOTHING
        signal = chances[self._up] - chances[self._down]
        sigma = math.sqrt(features.variance)
        return signal * MEAN_SIZE * sigma, sigma, signal
