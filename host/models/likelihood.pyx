# cython: boundscheck=False, wraparound=False, cdivision=True, language_level=3
"""ARMA(p,q) with GARCH, GJR or constant variance: likelihood, its gradient, and one step online.

Parameter vector: mu, ar (p), ma (q), omega, alpha, gamma, beta, nu (0 = normal innovations).
The convention is the one of the design note: e_t = 0 for t < m = max(p, q), the sum runs over
t = m..n-1, and v = mean of e_t^2 there stands for both e_{m-1}^2 and h_{m-1}. The gradient is
the adjoint of the two recursions: two passes back, whatever the number of parameters.
"""

from libc.math cimport INFINITY, M_PI, isfinite, lgamma, log

import numpy as np

cdef enum:
    MAX_ORDER = 10

cdef double HUGE_H = 1e70  # the product of four variances must stay a double


cdef class Likelihood:
    """Log-likelihood of `returns` (percent) under ARMA(p, q); no parameter is checked here."""

    cdef readonly Py_ssize_t n, p, q, m
    cdef double[::1] r, e, h, back, by_r, by_e
    cdef double v, tails  # tails: the sum of ln(1 + e^2 / (h (nu - 2)))

    def __init__(self, double[::1] returns not None, Py_ssize_t p, Py_ssize_t q):
        if not (0 <= p <= MAX_ORDER and 0 <= q <= MAX_ORDER):
            raise ValueError(f"orders {p}, {q}: from 0 to {MAX_ORDER}")
        self.n, self.p, self.q, self.m = returns.shape[0], p, q, max(p, q)
        if self.n <= self.m:
            raise ValueError(f"{self.n} returns for {self.m} lags")
        self.r = returns
        self.e = np.zeros(self.n)
        self.h = np.zeros(self.n)
        self.back = np.zeros(self.n)
        self.by_r = np.zeros(self.n)
        self.by_e = np.zeros(self.n)

    def value(self, double[::1] x not None):
        """The log-likelihood; -inf where a variance is not a positive number."""
        self._expect(x)
        with nogil:
            self._filter(&x[0])
            found = self._sum(&x[0])
        return found

    def gradient(self, double[::1] x not None, double[::1] out not None):
        """The log-likelihood, and into `out` (as long as `x`) its derivatives.

        The terms of nu that do not depend on the data (digamma) are left to the caller.
        """
        cdef double found
        self._expect(x)
        self._expect(out)
        with nogil:
            self._filter(&x[0])
            found = self._sum(&x[0])
            if isfinite(found):
                self._backwards(&x[0], &out[0])
        return found

    def paths(self, double[::1] x not None):
        """Residuals e and variances h of the last n - m returns, and v; copies."""
        self._expect(x)
        with nogil:
            self._filter(&x[0])
        return np.array(self.e[self.m:]), np.array(self.h[self.m:]), self.v

    def mean_step(self, double[::1] x not None, double[::1] h not None,
                  double[:, ::1] normal not None, double[::1] score not None):
        """Normal equations of one reweighted Gauss-Newton step of mu, ar and ma, at variances `h`.

        `h` has n - m entries, as `paths` returns them; solving `normal` for `score` gives the step.
        """
        cdef Py_ssize_t k = 1 + self.p + self.q
        self._expect(x)
        if not (h.shape[0] == self.n - self.m and score.shape[0] == k
                and normal.shape[0] == normal.shape[1] == k):
            raise ValueError("arrays of the wrong size")
        with nogil:
            self._filter(&x[0])
            self._normal_equations(&x[0], &h[0], &normal[0, 0], &score[0])

    cdef _expect(self, double[::1] x):
        if x.shape[0] != self.p + self.q + 6:
            raise ValueError(f"{x.shape[0]} parameters where {self.p + self.q + 6} belong")

    cdef void _filter(self, const double* x) noexcept nogil:
        cdef const double* phi = x + 1
        cdef const double* theta = x + 1 + self.p
        cdef const double* vol = x + 1 + self.p + self.q
        cdef double omega = vol[0], alpha = vol[1], gamma = vol[2], beta = vol[3]
        cdef double mu = x[0], e, total = 0.0, h
        cdef Py_ssize_t t, i
        for t in range(self.m, self.n):
            e = self.r[t] - mu
            for i in range(self.p):
                e -= phi[i] * self.r[t - 1 - i]
            for i in range(self.q):
                e -= theta[i] * self.e[t - 1 - i]
            self.e[t] = e
            total += e * e
        self.v = total / (self.n - self.m)
        h = omega + (alpha + 0.5 * gamma + beta) * self.v
        self.h[self.m] = h
        for t in range(self.m + 1, self.n):
            e = self.e[t - 1]
            h = omega + (alpha + (gamma if e < 0.0 else 0.0)) * e * e + beta * h
            self.h[t] = h

    cdef void _normal_equations(self, const double* x, const double* h, double* normal,
                                double* score) noexcept nogil:
        cdef const double* theta = x + 1 + self.p
        cdef Py_ssize_t p = self.p, q = self.q, k = 1 + p + q, t, i, j
        cdef double nu = x[k + 4], weight, e, at_one = 1.0
        cdef double row[2 * MAX_ORDER + 1]
        for i in range(q):
            at_one += theta[i]
        for i in range(k):
            score[i] = 0.0
            for j in range(k):
                normal[i * k + j] = 0.0
        for t in range(self.n):
            e = self.e[t]
            self.by_r[t], self.by_e[t] = -self.r[t], -e
            for i in range(min(q, t)):
                self.by_r[t] -= theta[i] * self.by_r[t - 1 - i]
                self.by_e[t] -= theta[i] * self.by_e[t - 1 - i]
            if t < self.m:
                continue
            row[0] = -1.0 / at_one  # after the start, which a step can do without
            for i in range(p):
                row[1 + i] = self.by_r[t - 1 - i]
            for i in range(q):
                row[1 + p + i] = self.by_e[t - 1 - i]
            if nu == 0.0:
                weight = 1.0 / h[t - self.m]
            else:
                weight = (nu + 1.0) / (h[t - self.m] * (nu - 2.0) + e * e)
            for i in range(k):
                score[i] -= weight * e * row[i]
                for j in range(i + 1):
                    normal[i * k + j] += weight * row[i] * row[j]
        for i in range(k):
            for j in range(i):
                normal[j * k + i] = normal[i * k + j]

    cdef double _sum(self, const double* x) noexcept nogil:
        cdef double nu = x[self.p + self.q + 5], scale, total = 0.0, h, e
        cdef double variances = 1.0, tails = 1.0
        cdef Py_ssize_t t, count = self.n - self.m
        self.tails = 0.0
        for t in range(self.m, self.n):
            h, e = self.h[t], self.e[t]
            if not 0.0 < h < HUGE_H or not isfinite(e):
                return -INFINITY
            if nu == 0.0:
                total -= e * e / h
            else:
                tails *= 1.0 + e * e / (h * (nu - 2.0))
            variances *= h
            if t & 3 == 3 or t == self.n - 1:
                # One logarithm for four terms: it is what this loop spends its time on.
                total -= log(variances)
                self.tails += log(tails)
                variances = tails = 1.0
        if nu == 0.0:
            return 0.5 * (total - count * log(2.0 * M_PI))
        scale = lgamma(0.5 * (nu + 1.0)) - lgamma(0.5 * nu) - 0.5 * log(M_PI * (nu - 2.0))
        return 0.5 * (total - (nu + 1.0) * self.tails) + count * scale

    cdef void _backwards(self, const double* x, double* out) noexcept nogil:
        cdef Py_ssize_t p = self.p, q = self.q, m = self.m, n = self.n, t, i
        cdef const double* theta = x + 1 + p
        cdef const double* vol = x + 1 + p + q
        cdef double* to_vol = out + 1 + p + q
        cdef double alpha = vol[1], gamma = vol[2], beta = vol[3], nu = vol[4]
        cdef double carried = 0.0, e, h, u, share, to_v, to_e
        for i in range(p + q + 6):
            out[i] = 0.0
        # Back through the variances: back[t] is the derivative of the sum by h_t.
        for t in range(n - 1, m - 1, -1):
            e, h = self.e[t], self.h[t]
            if nu == 0.0:
                carried = beta * carried + 0.5 * (e * e / h - 1.0) / h
            else:
                u = e * e / (h * (nu - 2.0))
                share = u / (1.0 + u)
                carried = beta * carried + 0.5 * ((nu + 1.0) * share - 1.0) / h
                to_vol[4] += 0.5 * (nu + 1.0) * share / (nu - 2.0)
            self.back[t] = carried
            to_vol[0] += carried
            if t > m:
                e, h = self.e[t - 1], self.h[t - 1]
                to_vol[1] += carried * e * e
                to_vol[2] += carried * e * e if e < 0.0 else 0.0
                to_vol[3] += carried * h
        to_vol[4] -= 0.5 * self.tails
        to_vol[1] += carried * self.v
        to_vol[2] += carried * 0.5 * self.v
        to_vol[3] += carried * self.v
        to_v = carried * (alpha + 0.5 * gamma + beta) / (n - m)
        # Back through the residuals; from here on back[t] is the derivative by e_t.
        carried = 0.0  # the derivative by h_{t+1}
        for t in range(n - 1, m - 1, -1):
            e, h = self.e[t], self.h[t]
            if nu == 0.0:
                to_e = -e / h
            else:
                to_e = -(nu + 1.0) * e / (h * (nu - 2.0) + e * e)
            to_e += 2.0 * e * (to_v + carried * (alpha + (gamma if e < 0.0 else 0.0)))
            for i in range(min(q, n - 1 - t)):
                to_e -= theta[i] * self.back[t + 1 + i]
            carried = self.back[t]
            self.back[t] = to_e
            out[0] -= to_e
            for i in range(p):
                out[1 + i] -= to_e * self.r[t - 1 - i]
            for i in range(min(q, t - m)):
                out[1 + p + i] -= to_e * self.e[t - 1 - i]


cdef class OneStep:
    """The forecast of the next return, moved on one return at a time; percent and percent squared.

    `recent` are the last max(p, 1) returns and `shocks` the last max(q, 1) residuals, newest first;
    `h` is the variance that the newest residual was drawn with.
    """

    cdef readonly double mean, variance
    cdef double x[2 * MAX_ORDER + 6]
    cdef double r[MAX_ORDER + 1]
    cdef double e[MAX_ORDER + 1]
    cdef double h
    cdef Py_ssize_t p, q

    def __init__(self, double[::1] x not None, Py_ssize_t p, Py_ssize_t q,
                 double[::1] recent not None, double[::1] shocks not None, double h):
        cdef Py_ssize_t i
        if not (0 <= p <= MAX_ORDER and 0 <= q <= MAX_ORDER and x.shape[0] == p + q + 6):
            raise ValueError("orders and parameters do not belong together")
        if recent.shape[0] < max(p, 1) or shocks.shape[0] < max(q, 1):
            raise ValueError("too few recent returns or residuals")
        self.p, self.q, self.h = p, q, h
        for i in range(p + q + 6):
            self.x[i] = x[i]
        for i in range(max(p, 1)):
            self.r[i] = recent[i]
        for i in range(max(q, 1)):
            self.e[i] = shocks[i]
        self._predict()

    cpdef update(self, double r):
        """Take in one return; ValueError when it is not a finite number, with nothing changed."""
        cdef Py_ssize_t i
        if not isfinite(r):
            raise ValueError(f"return {r}: not a finite number")
        for i in range(max(self.p, 1) - 1, 0, -1):
            self.r[i] = self.r[i - 1]
        for i in range(max(self.q, 1) - 1, 0, -1):
            self.e[i] = self.e[i - 1]
        self.r[0], self.e[0], self.h = r, r - self.mean, self.variance
        self._predict()

    def run(self, double[::1] returns not None, double[::1] mean not None,
            double[::1] variance not None):
        """Forecast each of `returns` before taking it in; the forecasts go into the two arrays."""
        cdef Py_ssize_t t
        if not returns.shape[0] == mean.shape[0] == variance.shape[0]:
            raise ValueError("arrays of unequal length")
        for t in range(returns.shape[0]):
            mean[t], variance[t] = self.mean, self.variance
            self.update(returns[t])

    cdef void _predict(self) noexcept nogil:
        cdef const double* vol = self.x + 1 + self.p + self.q
        cdef double mean = self.x[0], e = self.e[0]
        cdef Py_ssize_t i
        for i in range(self.p):
            mean += self.x[1 + i] * self.r[i]
        for i in range(self.q):
            mean += self.x[1 + self.p + i] * self.e[i]
        self.mean = mean
        self.variance = (vol[0] + (vol[1] + (vol[2] if e < 0.0 else 0.0)) * e * e
                         + vol[3] * self.h)
