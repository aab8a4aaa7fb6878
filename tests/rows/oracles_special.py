"""Formulas of the special functions and of samples' derivatives that torch has not, or has only
approximations of."""

import math

import numpy as np


def gamma_density(a, x):
    return math.exp((a - 1) * math.log(x) - x - math.lgamma(a))


def gamma_lower(a, x):
    """P(a, x), by a series that has positive terms only."""
    term = total = math.exp(a * math.log(x) - x - math.lgamma(a + 1))
    for n in range(1, 400):
        term *= x / (a + n)
        total += term
    return total


def beta_lower(a, b, x):
    log = math.lgamma(a + b) - math.lgamma(a + 1) - math.lgamma(b)
    term = total = math.exp(log + a * math.log(x) + b * math.log1p(-x))
    for n in range(2000):
        term *= (a + b + n) / (a + 1 + n) * x
        total += term
    return total


def slope(f, a):
    """f'(a), to the sixth order."""
    h = 3e-3 * a
    weights = {1: 45, 2: -9, 3: 1}
    return sum(w * (f(a + k * h) - f(a - k * h)) for k, w in weights.items()) / (60 * h)


def standard_gamma_grad(a, x):
    """dx/da at the same value of the distribution function."""
    return -slope(lambda a: gamma_lower(a, x), a) / gamma_density(a, x)


def dirichlet_grad(x, a, total):
    """dx/da / (1 - x) of the beta distribution of a and total - a."""
    b = total - a
    log = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    density = math.exp(log + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x))
    return -slope(lambda a: beta_lower(a, b, x), a) / density / (1 - x)


FORMULAS = {
    "gamma_density": np.vectorize(gamma_density, otypes=[float]),
    "standard_gamma_grad": np.vectorize(standard_gamma_grad, otypes=[float]),
    "dirichlet_grad": np.vectorize(dirichlet_grad, otypes=[float]),
}
