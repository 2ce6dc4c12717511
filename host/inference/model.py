"""A checked model that answers one row: loading is slow and may refuse, answering is neither."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from host.inference.card import TRAINING_KEY, ModelRefused, check, training_digest

DTYPES = {"tensor(double)": np.float64, "tensor(float)": np.float32}


def session(data: bytes) -> Any:
    """Return an onnxruntime session of one thread, which starts no others. Raises ImportError."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # A thread that spins while it waits would take the CPU that the guard needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def answers(running: Any, rows: np.ndarray) -> np.ndarray:
    """Return the probabilities of each row's classes."""
    return running.run(["probabilities"], {"row": rows})[0]


class Model:
    """Loads `file` and its card; `features` are the ones that this host makes, in their order.

    Raises ModelRefused, before anything is answered.
    """

    def __init__(self, file: Path, features: tuple[str, ...]) -> None:
        self.card, data = check(file, features)
        try:
            self._session = session(data)
        except ImportError:
            raise ModelRefused(
                f"model {file}: onnxruntime is not installed (extra `models`)"
            ) from None
        except Exception as error:  # noqa: BLE001 - onnxruntime's own errors have no common base
            raise ModelRefused(f"model {file}: {str(error).splitlines()[0][:200]}") from None
        self._check_version(file)
        self._check_training(file)
        wanted = [None, len(features)]
        inputs = [(found.name, found.shape, found.type) for found in self._session.get_inputs()]
        outputs = [found.name for found in self._session.get_outputs()]
        if len(inputs) != 1 or inputs[0][0] != "row" or inputs[0][1][1:] != wanted[1:]:
            raise ModelRefused(f"model {file}: takes {inputs}, not one row of {len(features)}")
        if inputs[0][2] not in DTYPES or "probabilities" not in outputs:
            raise ModelRefused(f"model {file}: it is no classifier of numbers")
        self.row = np.zeros((1, len(features)), DTYPES[inputs[0][2]])
        self._given = {"row": self.row}
        self._wanted = ["probabilities"]
        answer = self()  # the first is the slowest
        if answer.shape != (len(self.card.classes),):
            raise ModelRefused(f"model {file}: {answer.shape} answers for {self.card.classes}")

    def _check_version(self, file: Path) -> None:
        """An older onnxruntime than the one that was compared, or another major one, may differ."""
        ours, theirs = version("onnxruntime"), self.card.made_with.get("onnxruntime", "")
        try:
            here, made = ([int(part) for part in text.split(".")[:2]] for text in (ours, theirs))
        except ValueError:
            here, made = [0], [1]
        if here[0] != made[0] or here < made:
            raise ModelRefused(f"model {file}: compared under onnxruntime {theirs or 'unknown'}, "
                               f"this host has {ours}")  # fmt: skip

    def _check_training(self, file: Path) -> None:
        """The evidence in the card is that of this file."""
        written = self._session.get_modelmeta().custom_metadata_map.get(TRAINING_KEY, "")
        training = self.card.training
        if written != ("" if training is None else training_digest(training)):
            raise ModelRefused(f"model {file}: its card tells of another training")

    def __call__(self) -> np.ndarray:
        """Return the probabilities of the classes for what stands in `row`; refuse what is no number.

        Raises ValueError when `row` holds one that is not finite.
        """
        if not np.isfinite(self.row).all():
            raise ValueError("a feature is not a finite number")
        return self._session.run(self._wanted, self._given)[0][0]
