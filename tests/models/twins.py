"""The model of the design note, written down as plainly as possible: the oracle of the tests."""

import math


def loglik(returns, params):
    """Log-likelihood, and mean and variance of the next return."""
    mu, ar, ma, nu = params.mu, params.ar, params.ma, params.nu
    m, n = max(len(ar), len(ma)), len(returns)
    e = [0.0] * n
    for t in range(m, n):
        mean = mu + sum(c * returns[t - 1 - i] for i, c in enumerate(ar))
        mean += sum(c * e[t - 1 - j] for j, c in enumerate(ma))
        e[t] = returns[t] - mean
    v = sum(x * x for x in e[m:]) / (n - m)
    h = params.omega + (params.alpha + params.gamma / 2 + params.beta) * v
    total = 0.0
    for t in range(m, n):
        total += log_density(e[t], h, nu)
        alpha = params.alpha + (params.gamma if e[t] < 0 else 0.0)
        h = params.omega + alpha * e[t] ** 2 + params.beta * h
    mean = mu + sum(c * returns[n - 1 - i] for i, c in enumerate(ar))
    mean += sum(c * e[n - 1 - j] for j, c in enumerate(ma))
    return total, mean, h


def log_density(e, h, nu):
    """Log density of a normal, or of a Student-t scaled to variance h."""
    if nu is None:
        return -0.5 * (math.log(2 * math.pi) + math.log(h) + e * e / h)
    return (
        math.lgamma((nu + 1) / 2)
        - math.lgamma(nu / 2)
        - math.log(math.pi * (nu - 2)) / 2
        - math.log(h) / 2
        - (nu + 1) / 2 * math.log1p(e * e / (h * (nu - 2)))
    )
