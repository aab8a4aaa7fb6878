"""Wrappers of the package's functions, in their places while a `vmap` runs.

They are there for as long as one runs in any thread, and the functions themselves afterwards, so
that nobody pays for them else.
"""

from __future__ import annotations

import operator
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

from .. import _native
from .._typing import Args, Kwargs, UserFunction
from ..autograd.pushing import of_batched
from ._batched import ORIGINALS, RULES, Batched, active, call, top_of

Tensor = _native.Tensor
_FUNCTIONS = ("builtin_function", "builtin_method")
_NAMES = """
    add add_ addbmm addcdiv addcdiv_ addcmul addcmul_ addmm addmm_ addmv addmv_ addr addr_
    atan2 arctan2 arctan2_ atan2_ baddbmm baddbmm_ bernoulli bernoulli_ bitwise_and
    bitwise_and_ bitwise_or bitwise_or_ bitwise_xor bitwise_xor_ bmm cauchy_ clamp clamp_
    clamp_max clamp_max_ clamp_min clamp_min_ clip clip_ copy_ copysign copysign_ cross dist
    div div_ divide divide_ dot eq eq_ expand_as exponential_ fill fill_ float_power
    float_power_ floor_divide floor_divide_ fmax fmin fmod fmod_ gather ge ge_ geometric_
    greater greater_ greater_equal greater_equal_ gt gt_ heaviside heaviside_ hypot hypot_
    index_add index_add_ index_copy index_copy_ index_fill index_fill_ index_put index_put_
    index_reduce index_reduce_ index_select inner isclose kron ldexp ldexp_ le le_ lerp lerp_
    less less_ less_equal less_equal_ log_normal_ logaddexp logaddexp2 logical_and
    logical_and_ logical_or logical_or_ logical_xor logical_xor_ lt lt_ masked_fill
    masked_fill_ masked_scatter masked_scatter_ masked_select matmul maximum minimum mm mul
    mul_ multinomial multiply multiply_ mv ne ne_ nextafter nextafter_ normal_ not_equal
    not_equal_ outer pow pow_ prelu put put_ random_ remainder remainder_ repeat_interleave
    reshape_as resize_as_ rrelu_ rsub scatter scatter_ scatter_add scatter_add_ scatter_reduce
    scatter_reduce_ select_scatter slice_scatter sub sub_ subtract subtract_ take
    take_along_dim true_divide true_divide_ type_as uniform_ vdot view_as where xlogy xlogy_
    __iadd__ __isub__ __imul__ __itruediv__ __ifloordiv__ __imod__ __ipow__ __iand__ __ior__
    __ixor__ __ilshift__ __irshift__ __getitem__ igamma igamma_ igammac igammac_ gcd gcd_ lcm
    lcm_ diagonal_scatter bitwise_left_shift bitwise_left_shift_ bitwise_right_shift
    bitwise_right_shift_ max min as_strided_scatter polygamma quantile nanquantile cov diff
"""
#: Methods of a plain tensor that may be given a batched one, or that draw.
_METHODS = frozenset(_NAMES.split())

_READ = """
    addmm all_equal arange batch_norm bernoulli bessel_j0 bessel_j1 bessel_y0 bessel_y1
    binomial bmm broadcast_tensors cat chebyshev_polynomial_t chebyshev_polynomial_u
    chebyshev_polynomial_v chebyshev_polynomial_w clamp_min clone constant_pad_nd det diagonal
    digamma dot eigh_factors embedding empty empty_like entr eq erfcx erfinv
    exchange_rng_state eye full full_like geqrf hermite_polynomial_h hermite_polynomial_he i0e
    i1 i1e igamma igammac isclose isfinite laguerre_polynomial_l legendre_polynomial_p lgamma
    linalg_cholesky_ex linalg_householder_product linalg_inv_ex linalg_ldl_factor_ex
    linalg_ldl_solve linalg_lu_factor_ex linear_cross_entropy linear_system linspace log_ndtr
    lstm_layers lstm_step lu_permutation matmul matrix_exp maximum minimum modified_bessel_i0
    modified_bessel_i1 modified_bessel_k0 modified_bessel_k1 mul multinomial mv mvlgamma ndtr
    ndtri nonzero norm normal one_hot ones ones_like pack_padded pad_packed pad_sequences
    pairwise_distance pinv_matrix poisson qr_factors rand randint randn randperm rng_state
    rsqrt sample_dirichlet scaled_modified_bessel_k0 scaled_modified_bessel_k1
    shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u
    shifted_chebyshev_polynomial_v shifted_chebyshev_polynomial_w sigmoid slogdet sort
    spherical_bessel_j0 stack standard_gamma svd_factors total_norm triangular_system where
    xlog1py zeros zeros_like zeta
"""
#: What the package's own code reads from the native module; a test looks for what is missing.
READ = frozenset(_READ.split())
#: And by names that are put together.
_RECURRENT = ("gru", "gru_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell")

_lock = threading.Lock()
_running = 0
_stand_ins: dict[int, UserFunction] = {}


class _Place:
    """A table of functions, with the wrappers of those that get one."""

    def __init__(self, owner: ModuleType | type, names: list[str]) -> None:
        self.owner, self.table = owner, vars(owner)
        self._one = names[0]
        self._read = operator.itemgetter(*names)
        self.found: tuple[object, ...] = self._read(self.table)
        self.before = dict(zip(names, self.found, strict=True))
        self.during = {name: _wrapper(name, value) for name, value in self.before.items()}

    # An `Overridable` equals what it stands for, but then all have become one.
    def is_as_found(self) -> bool:
        """Whether nobody has put something else there, which must not be taken away again."""
        return self._read(self.table) == self.found and self.table[self._one] is self.found[0]

    def put(self, wrappers: bool) -> None:
        """The wrappers, or the functions again."""
        values = self.during if wrappers else self.before
        if isinstance(self.owner, type):
            for name, value in values.items():
                setattr(self.owner, name, value)
        else:
            self.table.update(values)


_places: list[_Place] = []
_seen = (0, 0)


def _stand_in(original: UserFunction) -> UserFunction:
    def stand_in(*args: object, **kwargs: object) -> object:
        if not active():
            return original(*args, **kwargs)
        return call(original, args, kwargs)

    stand_in.__name__ = original.__name__
    stand_in.__doc__ = original.__doc__
    return stand_in


def _in_place(name: str, original: UserFunction) -> UserFunction:
    def operate(self: Tensor, other: object) -> object:
        if type(other) is Batched:
            raise RuntimeError(
                f"vmap: {name} would write a result for each slice into a tensor that is the same "
                "for all; use the operation that is not in place"
            )
        return original(self, other)

    operate.__name__ = name
    return operate


def _wrapper(name: str, value: object) -> UserFunction:
    original = cast("UserFunction", _own(value))
    if name.startswith("__i"):
        return _in_place(name, original)
    made = _stand_ins.setdefault(id(original), _stand_in(original))
    _stand_ins[id(value)] = made
    return made


def _own(value: object) -> object:
    return getattr(value, "original", value) if type(value).__name__ == "Overridable" else value


def _functions_of(module: ModuleType) -> list[str]:
    native = module in (_native, _native.functional, _native.ops)
    return [
        name
        for name, value in vars(module).items()
        if type(_own(value)).__name__ in _FUNCTIONS
        and (not native or name in READ or name in _RECURRENT)
    ]


def _is_ours(name: str) -> bool:
    """A module of the package, or one that stands for it."""
    root = name.partition(".")[0]
    return root == "wengert" or (root == "torch" and "__wengert__" in vars(sys.modules[name]))


def _collect() -> None:
    """Finds the places of the functions, and makes one wrapper for each function."""
    for value in ORIGINALS.values():
        _stand_ins.setdefault(id(value), _stand_in(value))
    modules = [m for name, m in list(sys.modules.items()) if _is_ours(name)]
    modules += [m for m in (_native.functional, _native.ops) if m not in modules]
    places: list[tuple[ModuleType | type, list[str]]] = [(m, _functions_of(m)) for m in modules]
    places.append((Tensor, [name for name in _METHODS if name in vars(Tensor)]))
    _places[:] = [_Place(owner, names) for owner, names in places if len(names) > 1]


def _begin() -> None:
    global _seen
    now = len(sys.modules)
    if now != _seen[0]:
        ours = sum(map(_is_ours, list(sys.modules)))
        fresh = ours != _seen[1]
        _seen = now, ours
    else:
        fresh = False
    if fresh or not all(place.is_as_found() for place in _places):
        _collect()
    for place in _places:
        place.put(True)
    of_batched.append(_apply_batched)


def _apply_batched(cls: type, args: Args, kwargs: Kwargs) -> tuple[object] | None:
    """A Function knows tensors only; see `_user_functions.py`."""
    level = top_of(args, kwargs) if active() else None
    return None if level is None else (RULES["Function.apply"](cls, level, args, kwargs),)


def _modules_of(function: object) -> list[object]:
    """The modules that a function calls: itself, or what it finds outside of it by name."""
    if hasattr(function, "named_modules"):
        return [function]
    cells = getattr(function, "__closure__", None) or ()
    found = [cell.cell_contents for cell in cells if _is_full(cell)]
    code, table = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    found += [table[name] for name in getattr(code, "co_names", ()) if name in table]
    found += getattr(function, "__defaults__", None) or ()
    return [x for x in found if hasattr(x, "named_modules") and not isinstance(x, type)]


def _is_full(cell: object) -> bool:
    try:
        return cell.cell_contents is not None  # type: ignore[attr-defined]
    except ValueError:
        return False


@contextmanager
def attributes_intercepted(function: object) -> Iterator[None]:
    """A block in which modules that hold functions of the package hold their wrappers."""
    before = []
    for module in _modules_of(function) if active() else ():
        for _, part in module.named_modules():  # type: ignore[attr-defined]
            table = vars(part)
            for name, value in list(table.items()):
                if id(value) in _stand_ins:
                    before.append((table, name, value))
                    table[name] = _stand_ins[id(value)]
    try:
        yield
    finally:
        for table, name, value in before:
            table[name] = value


@contextmanager
def intercepted() -> Iterator[None]:
    """A block in which functions look for batched tensors."""
    global _running
    with _lock:
        if _running == 0:
            _begin()
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if _running == 0:
                for place in _places:
                    place.put(False)
                of_batched.clear()


def stand_in_of(function: UserFunction) -> UserFunction:
    """The wrapper of a function that was taken from the package before."""
    return _stand_ins.get(id(function), function)
