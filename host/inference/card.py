"""The card of a model: JSON beside the ONNX file, which says what it is and refuses what it is not."""

import hashlib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

FORMAT = 1
MOST_FEATURES = 256
# A model is a few hundred kilobytes; far more is not one of ours.
MOST_BYTES = 256 * 1024 * 1024


class ModelRefused(ValueError):
    """A model that must not be used; one line that names the file and what is wrong."""


Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
# Key of the ONNX file's own metadata, which holds the digest of the card's training.
TRAINING_KEY = "bot4_training"


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One limit, what was reached, and whether that passes; null where there was no number."""

    what: str
    limit: str
    reached: float | None
    passes: bool = msgspec.field(name="pass")

    def holds(self) -> bool:
        """Work it out again."""
        sign, _, bound = self.limit.partition(" ")
        if self.reached is None:
            return False
        return self.reached < float(bound) if sign == "<" else self.reached > float(bound)


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model was trained and judged; see docs/training.md.

    data_sha256 -- of the series (host.data.digest); first, last -- its first and last bar, UTC
    splits -- the folds that it was judged on; scores -- means over them
    importance -- growth of the log loss when one feature is shuffled
    """

    source: str
    data_sha256: Digest
    first: str
    last: str
    bars: Annotated[int, Meta(ge=1)]
    step_s: Annotated[float, Meta(ge=0)]
    feature_set: str
    label: str
    model: str
    splits: str
    folds: list[dict[str, float | None]]
    scores: dict[str, float | None]
    importance: dict[str, float]
    limits: Annotated[list[Limit], Meta(min_length=1)]

    @property
    def passes(self) -> bool:
        """True when every limit does."""
        return all(limit.passes for limit in self.limits)


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model is.

    features -- names, in the order of a row; classes -- in the order of the answer
    sha256 -- of the ONNX file; made_with -- versions of what exported it
    trained_on -- sha256 of the training rows as float64, and their number
    largest_difference -- between scikit-learn and ONNX over `compared` rows
    training -- data, folds and scores of a model of `bot4 train`
    """

    format: int
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    features: Annotated[list[str], Meta(min_length=1, max_length=MOST_FEATURES)]
    classes: Annotated[list[int], Meta(min_length=2, max_length=16)]
    sha256: Annotated[str, Meta(min_length=64, max_length=64)]
    opset: Annotated[int, Meta(ge=1)]
    made_with: dict[str, str]
    trained_on: str
    rows: Annotated[int, Meta(ge=1)]
    compared: Annotated[int, Meta(ge=1)]
    largest_difference: Annotated[float, Meta(ge=0, le=1e-6)]
    training: Training | None = None


def beside(model: Path) -> Path:
    """Return where the card of a model is."""
    return model.with_suffix(".json")


def check(model: Path, features: tuple[str, ...]) -> tuple[Card, bytes]:
    """Return the card and the bytes that it vouches for. Raises ModelRefused."""
    file = beside(model)
    try:
        card = msgspec.json.decode(file.read_bytes(), type=Card)
        if model.stat().st_size > MOST_BYTES:
            raise ModelRefused(f"model {model}: larger than {MOST_BYTES} bytes")
        data = model.read_bytes()
    except OSError as error:
        raise ModelRefused(f"model {error.filename}: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ModelRefused(f"model card {file}: {error}") from None
    if card.format != FORMAT:
        raise ModelRefused(f"model card {file}: format {card.format}, this host reads {FORMAT}")
    digest = hashlib.sha256(data).hexdigest()
    if digest != card.sha256:
        raise ModelRefused(f"model {model}: sha256 {digest[:16]}..., its card says "
                           f"{card.sha256[:16]}...")  # fmt: skip
    if tuple(card.features) != features:
        raise ModelRefused(f"model card {file}: features {', '.join(card.features)}; "
                           f"this host makes {', '.join(features)}")  # fmt: skip
    if card.training is not None:
        _check_training(file, card, card.training)
    return card, data


def training_digest(training: Training) -> str:
    """Return what stands in the metadata of the ONNX file, so that one is not had without the other."""
    return hashlib.sha256(msgspec.json.encode(training)).hexdigest()


def check_data(file: Path, training: Training | None, sha256: str, first: str, last: str) -> None:
    """Raise ModelRefused unless these are the data that a model was trained on."""
    if training is None:
        raise ModelRefused(f"model card {file}: does not say what it was trained on")
    given, known = (sha256, first, last), (training.data_sha256, training.first, training.last)
    if given != known:
        raise ModelRefused(
            f"model card {file}: trained on {known[1]} to {known[2]}, sha256 {known[0][:16]}...; "
            f"these data are {first} to {last}, sha256 {sha256[:16]}..."
        )


def _check_training(file: Path, card: Card, training: Training) -> None:
    if training.first >= training.last:
        raise ModelRefused(f"model card {file}: data from {training.first} to {training.last}")
    if card.rows > training.bars:
        raise ModelRefused(f"model card {file}: {card.rows} rows of {training.bars} bars")
    if list(training.importance) != card.features:
        raise ModelRefused(f"model card {file}: importance is not of its features")
    for limit in training.limits:
        try:
            honest = limit.holds() == limit.passes
        except ValueError:
            honest = False
        if not honest:
            raise ModelRefused(f"model card {file}: limit {limit.what!r} does not say what it is")
