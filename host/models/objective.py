"""The negative log-likelihood of a specification over free vectors, with its gradient."""

from __future__ import annotations

import numpy as np

from host.data.table import FloatArray
from host.models.innovations import nu_score
from host.models.likelihood import Likelihood
from host.models.spec import Spec
from host.models.transform import Transform

_NOWHERE = 1e12  # stands for an impossible model; finite, so that a line search can step back


class Objective:
    """Callable by scipy's optimisers: free vector -> (negative log-likelihood, gradient)."""

    def __init__(self, returns: FloatArray, spec: Spec) -> None:
        self.transform = Transform(spec)
        self.likelihood = Likelihood(returns, spec.ar, spec.ma)
        self.count = len(returns) - spec.lag
        self._slope = np.zeros(self.transform.at + 5)

    def __call__(self, y: FloatArray) -> tuple[float, FloatArray]:
        x, jacobian = self.transform.vector(y)
        found = self.likelihood.gradient(x, self._slope)
        if not np.isfinite(found):
            return _NOWHERE, np.zeros_like(y)
        if self.transform.free_nu:
            self._slope[-1] += self.count * nu_score(x[-1])
        return -found, -(self._slope @ jacobian)

    def value(self, y: FloatArray) -> float:
        """The log-likelihood alone; cheaper."""
        return self.likelihood.value(self.transform.vector(y)[0])
