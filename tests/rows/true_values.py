"""What the elementwise functions of the registry are in truth: formulas of arrays, in float64 or
long double.

`TRUTHS` is read by tests/rows/test_accuracy.py, for samples, and by benchmarks/accuracy.py, for all
numbers. A row that NumPy has under its name needs no entry. No value is wengert's. Formulas keep
the digits that a function has: sums of one sign, arguments reduced exactly.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import wengert as wg
from tests.functions import is_public
from tests.rows.sample import arrays
from tests.rows.table import FAMILIES, ROWS, outputs, run

Array = np.ndarray
wide = np.longdouble
PI = wide("3.14159265358979323846264338327950288")
LN2 = np.log(wide(2))


class Truth(NamedTuple):
    """`value` computes in its arguments' dtype, and `digits` the same of numbers of mpmath. Without
    `digits`, `value` is as good in long double as in float64."""

    row: str  # its key
    value: Callable[..., Array]
    digits: Callable[..., object] | None = None
    same: bool = False  # `value` is exact in the dtype of the arguments itself
    arguments: dict[str, object] = {}
    signs: bool = True  # that of a zero is known
    among: Callable[..., Array] | None = None  # which arguments have a value to be compared with
    why: str = ""  # the error may be more than two units, or a special value another


class Function(NamedTuple):
    """A function to be measured: a row with what it should be."""

    name: str
    tensors: tuple[str, ...]  # the names of its arguments that are numbers of a tensor each
    truth: Truth


def scipy(name: str) -> Callable[..., Array]:
    """A function of scipy.special, which is imported when it is called."""

    def value(*x: Array) -> Array:
        try:
            import scipy.special
        except ImportError as error:
            text = f"{name}: its true values are SciPy's: python -m pip install scipy"
            raise ImportError(text) from error
        return getattr(scipy.special, name)(*x)

    return value


def digits(formula: Callable[..., object]) -> Callable[..., object]:
    """A formula of (mpmath, numbers), which is imported when it is called."""

    def value(*x: object) -> object:
        import mpmath

        return formula(mpmath, *x)

    return value


def constant(x: Array, c: object) -> np.floating:
    """In the dtype of x: with a wide one, float64 would become wide, and slow."""
    return x.dtype.type(c)


# ---- formulas ----------------------------------------------------------------------------------


def sin_pi(x: Array) -> Array:
    """sin(pi x); x is reduced to -1/2 ... 1/2, which is exact."""
    r = x - 2 * np.rint(x / 2)
    r = np.where(np.abs(r) > 0.5, np.copysign(1, r) - r, r)
    return np.sin(constant(x, PI) * r)


def sinc(x: Array) -> Array:
    return np.where(x == 0, 1, sin_pi(x) / (constant(x, PI) * x))


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def logit(x: Array) -> Array:
    middle = np.log1p((2 * x - 1) / (1 - x))
    return np.where(np.abs(x - 0.5) < 0.25, middle, np.log(x) - np.log1p(-x))


def elu(x: Array) -> Array:
    return np.where(x > 0, x, np.expm1(x))


def selu(x: Array) -> Array:
    scale = constant(x, wide("1.0507009873554804934193349852946"))
    return scale * np.where(
        x > 0, x, constant(x, wide("1.6732632423543772848170429916717")) * np.expm1(x)
    )


def gelu(x: Array) -> Array:
    return np.where(x == -np.inf, 0, x / 2 * scipy("erfc")(-x / np.sqrt(2)))


def gelu_tanh(x: Array) -> Array:
    """x (1 + tanh u) / 2 = x / (1 + e^(-2 u)), u = sqrt(2 / pi) (x + 0.044715 x^3)."""
    twice = 2 * np.sqrt(2 / constant(x, PI)) * (x + constant(x, wide("0.044715")) * x * x * x)
    return x / (1 + np.exp(-twice))


def log_sigmoid(x: Array) -> Array:
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


def mish(x: Array) -> Array:
    """x tanh(log(1 + e)) = x n / (n + 2), e = e^x, n = e (e + 2); beyond 40 n / (n + 2) is 1."""
    e = np.exp(np.minimum(x, 40))
    n = e * (e + 2)
    return x * (n / (n + 2))


def tanh_shrink(x: Array) -> Array:
    """x - tanh x, around 0 as sum_k x^(2 k + 1) 2 k / (2 k + 1)! / cosh x, whose terms have one
    sign."""
    z = np.where(np.abs(x) < 1, x, 0)
    total = np.zeros_like(z)
    for k in range(14, 0, -1):
        total = (total + constant(x, 2 * k) / constant(x, math.factorial(2 * k + 1))) * (z * z)
    return np.where(np.abs(x) < 1, total * z / np.cosh(z), x - np.tanh(x))


def hard_sigmoid(x: Array) -> Array:
    return np.clip(x + 3, 0, 6) / 6


def trigamma(x: Array) -> Array:
    """sum_k (x + k)^-2, below 0 by reflection, where the second term is small against the first."""
    zeta = scipy("zeta")
    below = (np.pi / sin_pi(x)) ** 2 - zeta(2.0, np.maximum(1 - x, 1))
    return np.where(x > 0, zeta(2.0, np.maximum(x, 0)), below)


def bessel(order: int, second: bool) -> Callable[[Array], Array]:
    """J or Y, from 25 on by Hankel's expansion (DLMF 10.17.3): SciPy's loses its phase there."""
    a = [1.0]
    for k in range(1, 17):
        a.append(a[-1] * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k))
    near = scipy(f"{'y' if second else 'j'}{order}")

    def wave(z: Array) -> Array:
        """The function times sqrt(pi z)."""
        s, c = np.sin(z), np.cos(z)
        # sqrt 2 times the cosine and sine of z - (2 order + 1) pi / 4
        cosine, sine = (c + s, s - c) if order == 0 else (s - c, -s - c)
        p, q = (
            np.polynomial.polynomial.polyval(1 / z**2, [(-1) ** i * b for i, b in enumerate(half)])
            for half in (a[0::2], a[1::2])
        )
        return p * sine + q / z * cosine if second else p * cosine - q / z * sine

    def value(x: Array) -> Array:
        y = near(np.where(np.abs(x) < 25, x, 1))
        far = np.flatnonzero((x >= 25) | ((x <= -25) & (not second)))
        z = np.abs(x[far])
        waves = wave(z)
        roots = np.flatnonzero(np.abs(waves) < 1e-4)  # where the sum of sine and cosine cancels
        waves[roots] = wave(z[roots].astype(wide))
        y[far] = np.where(z < np.inf, waves / np.sqrt(np.pi) / np.sqrt(z), 0)
        if order == 1:
            y[far] = np.copysign(1, x[far]) * y[far]
        y[np.isnan(x)] = np.nan
        if second:
            y[x <= -25] = np.nan
        return y

    return value


def airy(x: Array) -> Array:
    """Ai, below -25 by its expansion (DLMF 9.7.9) in long double, which has digits left of the
    phase; what is above 200 is 0."""
    y = np.where(x > 200, 0, scipy("airy")(np.minimum(x, 200))[0])
    far = np.flatnonzero(x < -25)
    z = -x[far].astype(wide)
    t = 2 * z * np.sqrt(z) / 3
    u = [wide(1)]
    for k in range(1, 13):
        u.append(u[-1] * (6 * k - 5) * (6 * k - 3) * (6 * k - 1) / (216 * k * (2 * k - 1)))
    p, q = (
        sum((-1) ** i * u[2 * i + odd] / t ** (2 * i + odd) for i in range(6)) for odd in (0, 1)
    )
    y[far] = (np.cos(t - PI / 4) * p + np.sin(t - PI / 4) * q) / np.sqrt(PI * np.sqrt(z))
    return y


def infinite(value: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """With infinity at both infinities, where SciPy has something else."""
    return lambda x: np.where(np.isinf(x), np.inf, value(x))


def odd(value: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """By values of positive numbers: SciPy's -0 gives 0."""
    return lambda x: np.copysign(1, x) * value(np.abs(x))


def within_1(value: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """NaN beyond -1 and 1, which SciPy takes long to find out."""

    def inside(x: Array) -> Array:
        y = np.full_like(x, np.nan)
        y[np.abs(x) <= 1] = value(x[np.abs(x) <= 1])
        return y

    return inside


def remainder(x: Array, y: Array) -> Array:
    """Of y's sign, but a zero has that of x, as PyTorch's; NumPy's has that of y."""
    r = np.fmod(x, y)
    return np.where((r != 0) & ((r < 0) != (y < 0)), r + y, r)


def log_add(x: Array, y: Array, base2: bool = False) -> Array:
    """log(e^x + e^y), or log2(2^x + 2^y)."""
    scale = constant(x, LN2) if base2 else constant(x, 1)
    high, low = np.maximum(x, y), np.minimum(x, y)
    sum_ = high + np.log1p(np.exp((low - high) * scale)) / scale
    return np.where(x == y, x + constant(x, 1 if base2 else LN2), sum_)


def x_log(log: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    return lambda x, y: np.where((x == 0) & ~np.isnan(y), 0, x * log(y))


def quantile(m, p: object, start: float) -> object:
    """The x below which a normal variable is with probability p: Newton's steps from `start`."""
    x = m.mpf(start)
    for _ in range(3):
        x -= (m.erfc(-x / m.sqrt(2)) / 2 - p) / m.npdf(x)
    return x


def scaled_erfc(m, x: object) -> object:
    return m.exp(x * x) * m.erfc(x) if x < 1e20 else 1 / (x * m.sqrt(m.pi))


def hurwitz(m, x: object, q: object) -> object:
    """mpmath's digits are those of 1, and the sum is about q^-x."""
    with m.extradps(int(x * m.log10(q + 1)) + 1):
        return m.zeta(x, q)


def log_normal(m, x: object) -> object:
    return m.log1p(-m.erfc(x / m.sqrt(2)) / 2) if x > 0 else m.log(m.erfc(-x / m.sqrt(2)) / 2)


# ---- the table ---------------------------------------------------------------------------------

# Rows that NumPy has under another name.
NUMPY_NAMES = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "atan2": "arctan2",
    "neg": "negative",
    "mul": "multiply",
    "round(Tensor)": "rint",
    "add(Operand, Operand)": "add",
    "sub(Operand, Operand)": "subtract",
    "div(Operand, Operand)": "divide",
}
# Of these NumPy's results in the dtype of the arguments are what IEEE 754 says, or Python.
EXACT = {
    *("abs", "neg", "positive", "floor", "ceil", "trunc", "round(Tensor)", "sqrt", "square"),
    *("reciprocal", "copysign", "nextafter", "fmod", "floor_divide", "mul"),
    *("add(Operand, Operand)", "sub(Operand, Operand)", "div(Operand, Operand)"),
}


# Why some are off by more than two units, as far as it is known.
WHY = {
    "1 + tanh": "1 + tanh u cancels below 0; PyTorch's is the same",
    "tail": "e^x is subnormal, which is zero, where x e^x is not yet",
    "large": "x (x + 3) overflows, as PyTorch's does",
    "shrink": "x - tanh x cancels around 0; PyTorch's is the same",
    "sine": "the sine of a rounded pi x, as PyTorch's, which is not 0 at whole numbers",
    "sum": "relative to a result near 0, where a sum cancels",
    "root": "roundings of the logarithm that its polynomial is of",
    "reflection": "infinite for small negative numbers",
    "half": "the square root of -inf is no number, and that power is infinite",
    "product": "a logarithm rounded and then a product",
}


def _listed() -> dict[str, Truth]:
    found: dict[str, Truth] = {}

    def add(name: str, value: Callable[..., Array], *rest: object, **more: object) -> None:
        row = str(more.pop("row", name))
        found[name] = Truth(row, value, *rest, **more)

    add("sign", lambda x: np.where(np.isnan(x), 0, np.sign(x)), same=True)
    add("rsqrt", lambda x: 1 / np.sqrt(x))
    add("frac", lambda x: x - np.trunc(x), same=True)
    add("deg2rad", lambda x: x * (constant(x, PI) / 180))
    add("rad2deg", lambda x: x * (180 / constant(x, PI)))
    add("angle", lambda x: np.where(np.isnan(x), x, np.where(x < 0, constant(x, PI), 0)))
    low, high = {"min": -0.5}, {"max": 0.5}
    add("clamp_min", lambda x: np.maximum(x, x.dtype.type(-0.5)), same=True, arguments=low)
    add("clamp_max", lambda x: np.minimum(x, x.dtype.type(0.5)), same=True, arguments=high)
    add(
        "clamp",
        lambda x: np.clip(x, x.dtype.type(-0.5), x.dtype.type(0.5)),
        same=True,
        arguments={**low, **high},
    )
    add("nan_to_num", np.nan_to_num, same=True)
    add("sinc", sinc, why=WHY["sine"])

    add("sigmoid", sigmoid)
    add("logit", logit)
    add("relu", lambda x: np.maximum(x, x.dtype.type(0)), same=True, signs=False)
    add("relu6", lambda x: np.clip(x, x.dtype.type(0), x.dtype.type(6)), same=True)
    add("elu", elu)
    add("celu", elu)
    add("selu", selu)
    exact = digits(lambda m, x: x * m.erfc(-x / m.sqrt(2)) / 2)
    add("gelu", gelu, exact, signs=False)
    add("gelu, tanh", gelu_tanh, row="gelu", arguments={"approximate": "tanh"}, why=WHY["1 + tanh"])
    add("silu", lambda x: x / (1 + np.exp(-x)), why=WHY["tail"])
    add("softplus", lambda x: np.where(x > 20, x, np.log1p(np.exp(x))))
    add("logsigmoid", log_sigmoid)
    add("mish", mish, why=WHY["tail"])
    add("softsign", lambda x: x / (1 + np.abs(x)))
    add("tanhshrink", tanh_shrink, why=WHY["shrink"])
    add("leaky_relu", lambda x: np.where(x > 0, x, x / 100))
    add("hardtanh", lambda x: np.clip(x, x.dtype.type(-1), x.dtype.type(1)), same=True)
    add("hardsigmoid", hard_sigmoid)
    add("hardswish", lambda x: x * hard_sigmoid(x), why=WHY["large"])
    add("hardshrink", lambda x: np.where(np.abs(x) <= 0.5, x.dtype.type(0), x), same=True)
    add(
        "softshrink",
        lambda x: np.where(
            x > 0.5, x - 0.5, np.where(x < -0.5, x + 0.5, np.where(np.isnan(x), x, 0))
        ),
    )
    arguments = {"threshold": 0.5, "value": 20.0}
    add(
        "threshold",
        lambda x: np.where(x <= 0.5, x.dtype.type(20), x),
        same=True,
        arguments=arguments,
    )

    add("erf", scipy("erf"), digits(lambda m, x: m.erf(x)))
    add("erfc", scipy("erfc"), digits(lambda m, x: m.erfc(x)))
    add("erfcx", scipy("erfcx"), digits(scaled_erfc))
    add("erfinv", odd(within_1(scipy("erfinv"))), digits(lambda m, x: m.erfinv(x)), why=WHY["root"])
    add("ndtr", scipy("ndtr"), digits(lambda m, x: m.erfc(-x / m.sqrt(2)) / 2))
    add("log_ndtr", scipy("log_ndtr"), digits(log_normal))
    start = scipy("ndtri")
    add("ndtri", start, digits(lambda m, p: quantile(m, p, start(float(p)))), why=WHY["root"])
    add("entr", lambda x: np.where(x > 0, -x * np.log(x), np.where(x < 0, -np.inf, x)))
    add("lgamma", infinite(scipy("gammaln")), digits(lambda m, x: m.loggamma(x).real))
    add("digamma", scipy("digamma"), digits(lambda m, x: m.psi(0, x)))
    row = "polygamma(int, Tensor)"
    third = scipy("zeta")
    exact = digits(
        lambda m, x: m.psi(1, x) if x > 0 else (m.pi / m.sinpi(x)) ** 2 - m.psi(1, 1 - x)
    )
    add("polygamma(1, x)", trigamma, exact, row=row, arguments={"n": 1}, why=WHY["reflection"])
    add(
        "polygamma(2, x), x > 0",
        lambda x: -2 * third(3.0, x),
        digits(lambda m, x: m.psi(2, x)),
        row=row,
        arguments={"n": 2},
        among=lambda x: x > 0,
    )
    for order in (0, 1):
        first = infinite(scipy(f"i{order}"))
        exact = digits(lambda m, x, n=order: m.besseli(n, x))
        add(f"i{order}", odd(first) if order else first, exact)
        scaled = digits(lambda m, x, n=order: m.besseli(n, x) * m.exp(-abs(x)))
        add(f"i{order}e", odd(scipy("i1e")) if order else scipy("i0e"), scaled)
        for kind in "jy":
            exact = digits(lambda m, x, n=order, k=kind: getattr(m, f"bessel{k}")(n, x))
            add(f"bessel_{kind}{order}", bessel(order, kind == "y"), exact)
        name = f"modified_bessel_k{order}"
        add(name, scipy(f"k{order}"), digits(lambda m, x, n=order: m.besselk(n, x)))
        scaled = digits(lambda m, x, n=order: m.besselk(n, x) * m.exp(x))
        add(f"scaled_{name}", scipy(f"k{order}e"), scaled)
    add(
        "spherical_bessel_j0",
        lambda x: np.where(np.isinf(x), 0, np.where(x == 0, 1, np.sin(x) / x)),
    )

    add(
        "airy_ai, x > -1000",  # below, the phase needs still more digits
        airy,
        digits(lambda m, x: m.airyai(x)),
        row="airy_ai",
        among=lambda x: ~(x <= -1000) & ~((x > 103) & (x < 104)),  # where SciPy's is 0 too early
    )

    # Of two.
    add("remainder", remainder, same=True)
    add("heaviside", lambda x, y: np.where(x == 0, y, (x > 0).astype(x.dtype)), same=True)
    for name in ("maximum", "minimum", "fmax", "fmin"):
        add(name, getattr(np, name), same=True, signs=False)
    add("pow", np.power, why=WHY["half"])
    add("rsub", lambda x, y: y - x, same=True)
    add("logaddexp", log_add, why=WHY["sum"])
    add("logaddexp2", functools.partial(log_add, base2=True), why=WHY["sum"])
    add("xlogy", x_log(np.log))
    add("xlog1py", x_log(np.log1p), why=WHY["product"])
    # Beyond that SciPy's are not so good, and mpmath's series do not end.
    positive = {"among": lambda a, x: (a > 0) & (a < 1e3) & (x >= 0) & (x < 1e4)}
    lower = digits(lambda m, a, x: m.gammainc(a, 0, x, regularized=True))
    upper = digits(lambda m, a, x: m.gammainc(a, x, m.inf, regularized=True))
    add("igamma", scipy("gammainc"), lower, **positive)
    add("igammac", scipy("gammaincc"), upper, **positive)
    above = {"among": lambda x, q: (x > 1) & (x < 100) & (q > 0) & (q < 1e4)}
    add("zeta", scipy("zeta"), digits(hurwitz), **above)
    return found


TRUTHS = _listed()

# Public elementwise rows that are not measured, by the reason.
LEFT_OUT = {
    "it rounds what arithmetic in its own precision gives": ("round(Tensor, int)",),
    "the kernel of another row": (
        "clip",
        "max(Tensor, Tensor)",
        "min(Tensor, Tensor)",
        "modified_bessel_i0",
        "modified_bessel_i1",
        "polygamma(Tensor, int)",
    ),
    "made of other rows": (
        "mvlgamma",
        "add(Operand, Operand, Number)",
        "sub(Operand, Operand, Number)",
        "div(Operand, Operand, 'trunc' | 'floor' | None)",
        "float_power",
    ),
    "of three numbers": ("lerp", "addcmul", "addcdiv"),
    "a sum that cancels: near a root no digit is left": (
        *(f"{s}chebyshev_polynomial_{k}" for s in ("", "shifted_") for k in "tuvw"),
        "hermite_polynomial_h",
        "hermite_polynomial_he",
        "laguerre_polynomial_l",
        "legendre_polynomial_p",
    ),
    "a second tensor that is no second number": ("glu", "prelu"),
    "it draws random numbers": ("rrelu",),
}


def from_numpy(key: str) -> Truth | None:
    """What NumPy has under the name of the row."""
    value = getattr(np, NUMPY_NAMES.get(key, ROWS[key]["name"]), None)
    return value and Truth(key, value, same=key in EXACT)


def tensors_of(key: str) -> tuple[str, ...]:
    """The arguments that are tensors in the first sample."""
    family = next(rows for rows in FAMILIES.values() if key in rows)
    made = [a for a in family[key][0].args if isinstance(a, np.ndarray)]
    if len(made) != len(arrays(family[key][0])):
        return ()
    names = [p["name"] for p in ROWS[key]["params"] if p["annotation"] in ("Tensor", "Operand")]
    return tuple(names[: len(made)])


@functools.cache
def is_elementwise(key: str) -> bool:
    """Public, of one number or two, and its only result is one of the same floating dtype."""
    sample = next(rows for rows in FAMILIES.values() if key in rows)[key][0]
    given = arrays(sample)
    if not is_public(ROWS[key]) or len(tensors_of(key)) not in (1, 2):
        return False
    if any(a.dtype != np.float64 for a in given):
        return False
    results = outputs(run(ROWS[key], sample))
    shape = np.broadcast_shapes(*(a.shape for a in given))
    return len(results) == 1 and results[0].dtype == wg.float64 and results[0].shape == shape


@functools.cache
def functions() -> tuple[dict[str, Function], list[str]]:
    """Those that are measured, by their names; and the keys of rows that nothing is known of."""
    found, unknown = {}, []
    out = {key for keys in LEFT_OUT.values() for key in keys}
    listed: dict[str, list[str]] = {}
    for name, truth in TRUTHS.items():
        listed.setdefault(truth.row, []).append(name)
    for key in [*FAMILIES["pointwise"], *FAMILIES["special"]]:
        if key in out or not is_elementwise(key):
            continue
        if key in listed:
            for name in listed[key]:
                found[name] = Function(name, tensors_of(key), TRUTHS[name])
        elif (truth := from_numpy(key)) is not None:
            found[key] = Function(key, tensors_of(key), truth)
        else:
            unknown.append(key)
    return found, unknown
