"""Pictures of the splits: the right colours at the right place, in each format."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from host.validation import PurgedKFold, Role
from host.validation.plot import SUFFIXES, draw, write_plot

T = np.arange(15)
CV = PurgedKFold(3, 2, times=T, label_end=T + 2)


def test_each_sample_has_the_colour_of_its_role() -> None:
    folds = list(CV.folds())
    image = draw(CV.line(), folds, "title").axes[0].images[0]
    drawn = np.asarray(image.get_array())
    assert drawn.tolist() == [fold.roles.tolist() for fold in folds]
    assert Role.EMBARGOED in drawn[1]


def test_a_single_purged_sample_of_many_is_seen() -> None:
    t = np.arange(100_000)
    cv = PurgedKFold(4, times=t, label_end=t + 1)
    drawn = np.asarray(draw(cv.line(), list(cv.folds()), "").axes[0].images[0].get_array())
    assert drawn.shape[1] <= 1200
    assert (drawn == Role.PURGED).sum(axis=1).tolist() == [1, 2, 2, 1]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    write_plot(path, CV.line(), list(CV.folds()), "a < b")
    head = path.read_bytes()
    assert {".png": b"\x89PNG", ".svg": b"<svg", ".html": b"a &lt; b"}[suffix] in head


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"x.gif: the name of a picture ends in \.png"):
        write_plot(tmp_path / "x.gif", CV.line(), list(CV.folds()), "")
