"""The array API standard 2024.12 on tensors: what `x.__array_namespace__()` gives.

Libraries that follow the standard, as scikit-learn and SciPy do, find their functions here. They
are thin names over the library's operations, with the standard's arguments, promotion and special
cases; gradients flow through them as ever. Complex numbers, unsigned integers but uint8, and the
extension `fft` do not exist.
"""

from __future__ import annotations

from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi

from .. import _native
from . import linalg as linalg
from ._creation import *  # noqa: F403
from ._elementwise import *  # noqa: F403
from ._inspection import __array_namespace_info__ as __array_namespace_info__
from ._kinds import *  # noqa: F403
from ._kinds import _iinfo
from ._manipulation import *  # noqa: F403
from ._products import *  # noqa: F403
from ._reductions import *  # noqa: F403
from ._searching import *  # noqa: F403

__array_api_version__ = "2024.12"

newaxis = None
iinfo = _iinfo
bool = _native.bool
int8 = _native.int8
int16 = _native.int16
int32 = _native.int32
int64 = _native.int64
uint8 = _native.uint8
float32 = _native.float32
float64 = _native.float64
#: Beyond the standard.
float16 = _native.float16
bfloat16 = _native.bfloat16

_ABSENT = {
    "complex64": "complex arrays do not exist here",
    "complex128": "complex arrays do not exist here",
    "uint16": "of unsigned integers there is only uint8",
    "uint32": "of unsigned integers there is only uint8",
    "uint64": "of unsigned integers there is only uint8",
    "fft": "its results would be complex, which no array is here",
}


def _absent(name: str) -> object:
    if name in _ABSENT:
        raise AttributeError(f"array_api.{name}: {_ABSENT[name]}")
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


globals()["__getattr__"] = _absent  # no `def`: to a type checker it would be every name
