"""Splits for time series whose labels take time to become known, and what leaks without them.

Three modes, one contract: strictly increasing times t_i, label ends e_i >= t_i (when the label of
sample i is fully known; without them e_i = t_i), closed intervals. A training sample whose
[t_i, e_i] meets the test is purged.

    WalkForward      test blocks of equally many samples, trained on what lies before
    WalkForwardTime  test windows of equal clock time, trained on what lies before
    PurgedKFold      folds as KFold(shuffle=False), purged and embargoed on both sides

They are scikit-learn splitters (`split(X, y, groups)`, `get_n_splits`) without importing it, and
yield arrays of sample numbers. `folds(X)` also tells why a sample was left out.

Errors:

    ValueError            a wrong argument
      NotEnoughData       the data cannot carry the splits asked for; the text names the shortfall
    TypeError             an argument of the wrong kind

The embargo acts in K-fold mode only: after an expanding walk-forward block there is nothing left to
train on.
"""

from host.validation.fold import Fold, Role
from host.validation.purged_kfold import PurgedKFold
from host.validation.timeline import NotEnoughData
from host.validation.walk_forward import WalkForward, WalkForwardTime

__all__ = ["Fold", "NotEnoughData", "PurgedKFold", "Role", "WalkForward", "WalkForwardTime"]
