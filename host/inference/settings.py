"""Which model has a word in the decisions, and when its word counts."""

from typing import Annotated

import msgspec
from msgspec import Meta

from host.decisions import Thresholds

Edge = Annotated[float, Meta(gt=0, le=100)]


class ModelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model in the engine: it can only hold back what the strategy wants, or sell what is held.

    The edge is the return that it expects, in standard deviations of a row.
    """

    file: Annotated[
        str, Meta(max_length=4096, description="ONNX file, its card beside it; empty: no model")
    ] = ""
    enter_edge: Annotated[Edge, Meta(description="from this edge on an entry may leave")] = 0.02
    exit_edge: Annotated[
        Edge, Meta(description="below this edge what is held is sold; at most `enter_edge`")
    ] = 0.01
    enter_signal: Annotated[
        float,
        Meta(gt=0, le=1, description="and its signal, P(up) - P(down), has reached this"),
    ] = 0.02
    most_sigma_pct: Annotated[
        float,
        Meta(gt=0, le=1000, description="volatility of a row above which nothing is opened"),
    ] = 10.0

    def __post_init__(self) -> None:
        """Refuse thresholds that cannot be (ValueError)."""
        self.thresholds.check()

    @property
    def thresholds(self) -> Thresholds:
        """Return them as the decision takes them."""
        return Thresholds(
            self.enter_edge, self.exit_edge, self.enter_signal, self.most_sigma_pct / 100
        )
