"""wengert: neural networks on CPUs, with PyTorch's API.

``import wengert as torch`` runs ordinary CPU training scripts. Tensors and operations are native;
this package names them as PyTorch does.
"""

from __future__ import annotations

import builtins as _builtins
import importlib as _importlib
import os as _os
from typing import TYPE_CHECKING as _TYPE_CHECKING

from . import _load as _load  # loads _native

# isort: split
from . import __config__ as __config__
from . import _einops, _functions, _native, _tensor, _tensortype  # noqa: F401
from . import accelerator as accelerator
from . import amp as amp
from . import autograd as autograd
from . import backends as backends
from . import cpu as cpu
from . import cuda as cuda
from . import distributed as distributed
from . import linalg as linalg
from . import mps as mps
from . import nn as nn
from . import optim as optim
from . import random as random
from . import serialization as serialization
from . import special as special
from . import testing as testing
from . import torch_version as torch_version
from . import utils as utils
from . import version as version
from . import xpu as xpu
from ._capture import *  # noqa: F403
from ._composed import *  # noqa: F403
from ._copies import *  # noqa: F403
from ._drop_in import absent as _no_name
from ._drop_in import as_torch as as_torch
from ._einsum import *  # noqa: F403
from ._functions import *  # noqa: F403
from ._matrices import *  # noqa: F403
from ._native import *  # noqa: F403
from ._recurrent import *  # noqa: F403
from ._search import *  # noqa: F403
from ._settings import *  # noqa: F403
from ._spellings import *  # noqa: F403
from ._types import channels_last as channels_last
from ._types import channels_last_3d as channels_last_3d
from ._types import contiguous_format as contiguous_format
from ._types import device as device
from ._types import finfo as finfo
from ._types import iinfo as iinfo
from ._types import layout as layout
from ._types import memory_format as memory_format
from ._types import preserve_format as preserve_format
from ._types import strided as strided
from ._windows import *  # noqa: F403
from .amp import autocast as autocast
from .amp import get_autocast_dtype as get_autocast_dtype
from .amp import is_autocast_cache_enabled as is_autocast_cache_enabled
from .amp import is_autocast_enabled as is_autocast_enabled
from .autograd import enable_grad as enable_grad
from .autograd import inference_mode as inference_mode
from .autograd import is_grad_enabled as is_grad_enabled
from .autograd import is_inference_mode_enabled as is_inference_mode_enabled
from .autograd import no_grad as no_grad
from .autograd import set_grad_enabled as set_grad_enabled
from .random import default_generator as default_generator
from .random import get_rng_state as get_rng_state
from .random import initial_seed as initial_seed
from .random import manual_seed as manual_seed
from .random import seed as seed
from .random import set_rng_state as set_rng_state
from .serialization import load as load
from .serialization import load_model as load_model
from .serialization import save as save

if _TYPE_CHECKING:
    from . import distributions as distributions
    from . import fft as fft
    from . import func as func
    from . import functional as functional
    from . import masked as masked
    from . import signal as signal
    from ._rare import *  # noqa: F403
    from ._seeing import NonFiniteError as NonFiniteError
    from ._seeing import check_numerics as check_numerics
    from ._seeing import count as count
    from ._seeing import draw as draw
    from ._seeing import tape as tape
    from ._seeing import watch as watch
    from .func import vmap as vmap

__version__ = version.__version__

float = _native.float32
double = _native.float64
half = _native.float16
long = _native.int64
short = _native.int16
int = _native.int32
bool = _native.bool
FloatTensor = _tensortype.legacy("FloatTensor", _native.float32)
DoubleTensor = _tensortype.legacy("DoubleTensor", _native.float64)
HalfTensor = _tensortype.legacy("HalfTensor", _native.float16)
BFloat16Tensor = _tensortype.legacy("BFloat16Tensor", _native.bfloat16)
ShortTensor = _tensortype.legacy("ShortTensor", _native.int16)
CharTensor = _tensortype.legacy("CharTensor", _native.int8)
LongTensor = _tensortype.legacy("LongTensor", _native.int64)
IntTensor = _tensortype.legacy("IntTensor", _native.int32)
ByteTensor = _tensortype.legacy("ByteTensor", _native.uint8)
BoolTensor = _tensortype.legacy("BoolTensor", _native.bool)

inf = _builtins.float("inf")
nan = _builtins.float("nan")
pi = 3.141592653589793
e = 2.718281828459045
newaxis = None


#: What shows what happens, which is loaded when it is asked for.
_SEEING = ("NonFiniteError", "check_numerics", "count", "draw", "tape", "watch")


def _later_or_never(name: str) -> object:
    if name in ("distributions", "func", "signal"):  # who does not use them does not wait for them
        return _importlib.import_module(f"{__name__}.{name}")
    if name == "vmap":
        return _importlib.import_module(f"{__name__}.func").vmap
    if name in _SEEING:
        return getattr(_importlib.import_module(f"{__name__}._seeing"), name)
    return _no_name(name)


globals()["__getattr__"] = _later_or_never  # no `def`: to a type checker it would be every name

_einops.introduce()
if _os.environ.get("WENGERT_AS_TORCH", "0") not in ("", "0"):
    as_torch()
