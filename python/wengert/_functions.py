"""Module functions of the API that need no native code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from . import _native
from ._interchange import from_dlpack as from_dlpack
from ._native import Tensor
from ._types import on_cpu as _on_cpu
from ._typing import Device, Dtype

__all__ = [
    "as_tensor",
    "asarray",
    "broadcast_shapes",
    "can_cast",
    "from_dlpack",
    "is_complex",
    "is_floating_point",
    "is_nonzero",
    "is_storage",
    "is_tensor",
    "numel",
    "promote_types",
    "result_type",
    "scalar_tensor",
    "set_printoptions",
    "typename",
]


def _tensor(name: str, obj: object) -> Tensor:
    if not isinstance(obj, _native.Tensor):
        raise TypeError(f"{name}(): argument 'input' must be Tensor, not {type(obj).__name__}")
    return obj


def is_tensor(obj: object) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, _native.Tensor)


def is_storage(obj: object) -> bool:
    """Whether `obj` is memory: what `Tensor.storage` and `Tensor.untyped_storage` give."""
    return type(obj).__name__ in ("TypedStorage", "UntypedStorage") and hasattr(obj, "data_ptr")


def is_floating_point(input: Tensor) -> bool:
    """Whether the tensor's dtype has fractions."""
    return _tensor("is_floating_point", input).is_floating_point()


def is_complex(input: Tensor) -> bool:
    """False: there are no complex dtypes."""
    return False


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not zero. RuntimeError unless there is exactly one."""
    return bool(_tensor("is_nonzero", input))


def numel(input: Tensor) -> int:
    """The number of elements."""
    return _tensor("numel", input).numel()


def as_tensor(data: npt.ArrayLike | Tensor, dtype: Dtype = None, device: Device = None) -> Tensor:
    """`data` as a tensor, without a copy where it is one, or a NumPy array of a fitting dtype."""
    if device is not None:
        _on_cpu(device)
    if isinstance(data, _native.Tensor):
        return data if dtype is None else data._to_dtype(dtype)
    if is_storage(data):
        data = np.asarray(data)
    if isinstance(data, np.ndarray):
        try:
            shared = _native.from_numpy(data)
        except (TypeError, ValueError):
            return _native.tensor(data, dtype=dtype)
        return shared if dtype is None else shared._to_dtype(dtype)
    return _native.tensor(data, dtype=dtype)


def asarray(
    obj: npt.ArrayLike | Tensor,
    *,
    dtype: Dtype = None,
    device: Device = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`obj` as a tensor: shared where possible unless `copy` is True.

    ValueError if `copy` is False and sharing is not possible.
    """
    if copy:
        source = obj.detach().clone() if isinstance(obj, _native.Tensor) else _native.tensor(obj)
        result = source if dtype is None else source._to_dtype(dtype)
    else:
        result = as_tensor(obj, dtype, device)
        shares = isinstance(obj, _native.Tensor) and result.data_ptr() == obj.data_ptr()
        shares |= isinstance(obj, np.ndarray) and np.shares_memory(result.detach().numpy(), obj)
        if copy is False and not shares:
            raise ValueError(
                "asarray(): can't alias arbitrary sequence or dtype; use copy=None or copy=True"
            )
    return result.requires_grad_() if requires_grad else result


def scalar_tensor(
    s: float, *, dtype: Dtype = None, device: Device = None, **options: object
) -> Tensor:
    """A 0-d tensor of a number, in the default dtype unless given."""
    return _native.tensor(s, dtype=dtype or _native.get_default_dtype(), device=device)


def broadcast_shapes(*shapes: int | Sequence[int]) -> _native.Size:
    """The shape that `shapes` broadcast to. RuntimeError if they do not."""
    sizes = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    try:
        return _native.Size(np.broadcast_shapes(*sizes))
    except ValueError as error:
        raise RuntimeError(
            f"Shape mismatch: objects cannot be broadcast to a single shape: {sizes}"
        ) from error


def _category(dtype: _native.dtype) -> int:
    if not isinstance(dtype, _native.dtype):
        raise TypeError(f"a dtype expected, got {type(dtype).__name__}")
    return 2 if dtype.is_floating_point else int(dtype is not _native.bool)


def promote_types(type1: _native.dtype, type2: _native.dtype) -> _native.dtype:
    """The smallest dtype that holds both."""
    _category(type1), _category(type2)
    return _native.maximum(_native.empty(0, dtype=type1), _native.empty(0, dtype=type2)).dtype


def result_type(tensor1: Tensor | float, tensor2: Tensor | float) -> _native.dtype:
    """The dtype of an operation between two tensors or numbers."""
    empties = [
        x.detach()[..., None][..., :0] if isinstance(x, _native.Tensor) and x.dim() else x
        for x in (tensor1, tensor2)
    ]
    if not any(isinstance(x, _native.Tensor) for x in empties):
        empties = [_native.tensor(x) for x in empties]
    return (
        _native.maximum(*empties).dtype
        if all(isinstance(x, _native.Tensor) and not x.dim() for x in empties)
        else _native.mul(*empties).dtype
    )


def can_cast(from_: _native.dtype, to: _native.dtype) -> bool:
    """Whether promotion allows the cast: not to a lower category."""
    return _category(from_) <= _category(to)


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors are printed; see PyTorch's function of this name. `profile` resets the rest."""
    profiles = {
        "default": (4, 1000, 3, 80),
        "short": (2, 1000, 2, 80),
        "full": (4, float("inf"), 3, 80),
    }
    if profile is not None:
        if profile not in profiles:
            raise ValueError(f"profile must be one of {list(profiles)}, got '{profile}'")
        _native._set_printoptions(*profiles[profile], None)
    _native._set_printoptions(precision, threshold, edgeitems, linewidth, sci_mode)


def typename(obj: object) -> str:
    """``wengert.FloatTensor`` for tensors, else module and name of a class or function, or of the
    object's class."""
    if isinstance(obj, _native.Tensor):
        return obj.type()
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module, name = getattr(obj, "__module__", None), str(getattr(named, "__qualname__", ""))
    return name if module in ("builtins", None) else f"{module}.{name}"
