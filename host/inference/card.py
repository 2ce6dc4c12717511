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


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model is.

    features -- names, in the order of a row; classes -- in the order of the answer
    sha256 -- of the ONNX file; made_with -- versions of what exported it
    trained_on -- sha256 of the training rows as float64, and their number
    largest_difference -- between scikit-learn and ONNX over `compared` rows
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
    return card, data
