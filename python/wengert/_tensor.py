"""Tensor methods that need no speed, added to the native type."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from . import _native, _search
from ._common import parse_to, typename
from ._types import cpu, numpy_dtype, strided
from .utils.hooks import RemovableHandle

Tensor = _native.Tensor

_LEGACY = {
    "float64": "DoubleTensor",
    "float32": "FloatTensor",
    "int64": "LongTensor",
    "int32": "IntTensor",
    "uint8": "ByteTensor",
    "bool": "BoolTensor",
}


def _method(function: Any, name: str | None = None) -> Any:
    """Makes `function` a method of Tensor."""
    setattr(Tensor, name or function.__name__, function)
    return function


# ---- gradients -------------------------------------------------------------------------------


@_method
def backward(
    self: Any,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Adds the gradients of this tensor into `.grad` of the leaves it depends on.

    `gradient` has this tensor's shape and may be left out for one element. `retain_graph`
    defaults to `create_graph`. `inputs` limits the accumulation to these tensors.
    Raises RuntimeError if there is no history, the graph was freed, or a saved tensor changed.
    """
    if gradient is None and retain_graph is None and not create_graph and inputs is None:
        return self._backward()
    from .autograd import backward

    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


@_method
def register_hook(self: Any, hook: Any) -> RemovableHandle:
    """Calls `hook(grad)` when the gradient is known; a returned tensor replaces it."""
    return _handle(self, _native._add_hook(self, hook, False))


@_method
def register_post_accumulate_grad_hook(self: Any, hook: Any) -> RemovableHandle:
    """Calls `hook(tensor)` after `.grad` of this leaf was added to."""
    return _handle(self, _native._add_hook(self, lambda _: hook(self), True))


class _HookTable(dict):
    """What a RemovableHandle removes from: the native list of hooks."""

    def __init__(self, tensor: Any) -> None:
        super().__init__()
        self.tensor = tensor

    def __delitem__(self, key: Any) -> None:
        number = self[key]
        super().__delitem__(key)
        _native._remove_hook(self.tensor, number)


def _handle(tensor: Any, number: int) -> RemovableHandle:
    table = _HookTable(tensor)
    handle = RemovableHandle(table)
    table[handle.id] = number
    handle._table = table  # the handle holds its table weakly
    return handle


@_method
def is_inference(self: Any) -> bool:
    """Whether it was made in inference mode."""
    return _native._is_inference(self)


# ---- conversion ------------------------------------------------------------------------------


@_method
def to(self: Any, *args: Any, **kwargs: Any) -> Any:
    """This tensor in another dtype: `to(dtype)`, `to(device, dtype)`, `to(other)`.

    Itself when nothing changes, unless `copy=True`. The only device is the CPU.
    """
    if len(args) == 1 and not kwargs and isinstance(args[0], _native.dtype):
        return self._to_dtype(args[0])
    dtype, device = parse_to(args, kwargs)
    if device is not None:
        _native.device(device)
    result = self if dtype is None else self._to_dtype(dtype)
    return result.clone() if kwargs.get("copy") and result is self else result


def _caster(name: str, dtype: Any) -> None:
    def cast(self: Any, memory_format: Any = None) -> Any:
        return self._to_dtype(dtype)

    cast.__name__ = name
    cast.__doc__ = f"This tensor as {dtype}; itself if it already is."
    setattr(Tensor, name, cast)


for _name, _dtype in (
    ("float", _native.float32),
    ("double", _native.float64),
    ("long", _native.int64),
    ("int", _native.int32),
    ("byte", _native.uint8),
    ("bool", _native.bool),
):
    _caster(_name, _dtype)


def _cpu(self: Any, memory_format: Any = None) -> Any:
    """Itself: every tensor is on the CPU."""
    return self


_method(_cpu, "cpu")


@_method
def cuda(self: Any, *args: Any, **kwargs: Any) -> Any:
    """RuntimeError: there is only the CPU."""
    raise RuntimeError("wengert computes on the CPU only: there is no device 'cuda'")


@_method
def type(self: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The legacy type name, or this tensor cast to `dtype`."""
    if dtype is None:
        return "wengert." + _LEGACY[repr(self.dtype).rpartition(".")[2]]
    if isinstance(dtype, str):
        wanted = dtype.rpartition(".")[2]
        names = [name for name, legacy in _LEGACY.items() if legacy == wanted]
        if not names:
            raise ValueError(f"invalid type: '{dtype}'")
        dtype = getattr(_native, names[0])
    return self._to_dtype(dtype)


@_method
def type_as(self: Any, other: Any) -> Any:
    """This tensor in the dtype of `other`."""
    return self._to_dtype(other.dtype)


@_method
def numpy(self: Any, *, force: bool = False) -> np.ndarray:
    """A NumPy array on the same memory. RuntimeError if a gradient is required, unless `force`."""
    return _native._numpy(self, force)


@_method
def __array__(self: Any, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    array = _native._numpy(self)
    if dtype is not None and array.dtype != dtype:
        return array.astype(dtype)
    return array.copy() if copy else array


@_method
def new_tensor(
    self: Any,
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Any:
    """A tensor with a copy of `data` in this one's dtype."""
    return _native.tensor(
        data, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad
    )


# ---- description -----------------------------------------------------------------------------


def _suffix(self: Any) -> str:
    if self.grad_fn is not None:
        return f", grad_fn=<{self.grad_fn.name()}>"
    return ", requires_grad=True" if self.requires_grad else ""


@_method
def __repr__(self: Any, *, tensor_contents: Any = None) -> str:
    return _native._repr(self, _suffix(self))


@_method
def __str__(self: Any) -> str:
    return _native._repr(self, _suffix(self))


@_method
def __format__(self: Any, spec: str) -> str:
    if self.dim() == 0 and spec:
        return self.item().__format__(spec)
    return object.__format__(str(self), spec) if not spec else str(self).__format__(spec)


@_method
def element_size(self: Any) -> int:
    """Bytes per element."""
    return self.itemsize


@_method
def get_device(self: Any) -> int:
    """-1: the CPU."""
    return -1


@_method
def is_complex(self: Any) -> bool:
    """False: there are no complex dtypes."""
    return False


@_method
def is_signed(self: Any) -> bool:
    """Whether the dtype holds negative numbers."""
    return self.dtype.is_signed


@_method
def is_same_size(self: Any, other: Any) -> bool:
    """Whether the shapes are equal."""
    return self.shape == other.shape


@_method
def dim_order(self: Any) -> tuple[int, ...]:
    """The dimensions from the largest stride to the smallest."""
    strides = self.stride()
    return tuple(sorted(range(self.dim()), key=lambda d: (-strides[d], d)))


for _name, _value in (
    ("device", cpu),
    ("layout", strided),
    ("is_cuda", False),
    ("is_cpu", True),
    ("is_sparse", False),
    ("is_quantized", False),
    ("is_meta", False),
    ("is_mps", False),
    ("is_xpu", False),
    ("is_nested", False),
    ("names", None),
):
    setattr(Tensor, _name, _value)


# ---- Python protocols ------------------------------------------------------------------------


@_method
def __iter__(self: Any) -> Any:
    if self.dim() == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(self.unbind(0))


@_method
def __contains__(self: Any, element: Any) -> bool:
    if not isinstance(element, (Tensor, int, float, builtins.bool)):
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{typename(element)}."
        )
    return builtins.bool((self == element).any())


@_method
def __deepcopy__(self: Any, memo: dict) -> Any:
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment."
        )
    if id(self) in memo:
        return memo[id(self)]
    result = self.detach().clone()
    if self.__class__ is not Tensor:
        result = _native.make_parameter(self.__class__, result, self.requires_grad)
    elif self.requires_grad:
        result.requires_grad_()
    if self.grad is not None:
        result.grad = self.grad.__deepcopy__(memo)
    memo[id(self)] = result
    attributes = getattr(self, "__dict__", None)
    if attributes:
        import copy

        result.__dict__.update(copy.deepcopy(attributes, memo))
    return result


def _rebuild(cls: Any, array: np.ndarray, requires_grad: bool, attributes: dict) -> Any:
    tensor = _native.tensor(array)
    if cls is not Tensor:
        tensor = _native.make_parameter(cls, tensor, requires_grad)
    elif requires_grad:
        tensor.requires_grad_()
    tensor.__dict__.update(attributes)
    return tensor


@_method
def __reduce_ex__(self: Any, protocol: int) -> Any:
    if not self.is_leaf:
        raise RuntimeError("only leaf tensors can be pickled; detach() it first")
    array = self.detach().contiguous().numpy()
    attributes = dict(getattr(self, "__dict__", None) or {})
    return _rebuild, (self.__class__, array, self.requires_grad, attributes)


@_method
def __rpow__(self: Any, other: Any) -> Any:
    return _native.pow(other, self)


@_method
def __reversed__(self: Any) -> Any:
    return self.flip(0) if self.dim() else self


@_method
def __dlpack_device__(self: Any) -> tuple[int, int]:
    return (1, 0)


@_method
def __dlpack__(self: Any, *args: Any, **kwargs: Any) -> Any:
    return self.detach().numpy().__dlpack__()


@_method
def apply_(self: Any, function: Any) -> Any:
    """Replaces every element by `function(element)`, in place."""
    values = np.vectorize(function, otypes=[numpy_dtype(self.dtype)])(self.detach().numpy())
    return self.copy_(_native.from_numpy(np.ascontiguousarray(values)))


@_method
def map_(self: Any, other: Any, function: Any) -> Any:
    """Replaces every element by `function(element, element of other)`, in place."""
    values = np.vectorize(function, otypes=[numpy_dtype(self.dtype)])(
        self.detach().numpy(), other.detach().numpy()
    )
    return self.copy_(_native.from_numpy(np.ascontiguousarray(values)))


for _function in (_search.allclose, _search.bincount, _search.equal, _search.unique):
    _method(_function)


@_method
def index_put(self: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """A copy with `values`, broadcast, written (or added) at `indices`, a tuple of tensors."""
    return _native.index_put(self, indices, values, accumulate)


@_method
def index_put_(self: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """Writes (or adds) `values`, broadcast, at `indices`, a tuple of tensors, in place."""
    return _native.index_put_(self, indices, values, accumulate)


@_method
def where(self: Any, condition: Any, other: Any) -> Any:
    """Elements of this tensor where `condition`, else of `other`, with broadcasting."""
    return _native.where(condition, self, other)


def _reshaper(name: str) -> None:
    def reshape(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.requires_grad:
            raise RuntimeError(
                f"{name}_: the tensor requires grad, and its history needs its shape; use {name}"
            )
        self.data = getattr(self.detach(), name)(*args, **kwargs)
        _native._bump_version(self)  # backward must not use what it saved in the other shape
        return self

    reshape.__name__ = f"{name}_"
    reshape.__doc__ = f"{name}() of the tensor itself. RuntimeError if it requires grad."
    setattr(Tensor, f"{name}_", reshape)


for _name in ("squeeze", "unsqueeze", "t", "transpose"):
    _reshaper(_name)


@_method
def share_memory_(self: Any) -> Any:
    """Itself; sharing between processes is not supported."""
    return self


@_method
def pin_memory(self: Any, device: Any = None) -> Any:
    """Itself: there is no device to copy to."""
    return self


@_method
def is_shared(self: Any) -> bool:
    """False."""
    return False


@_method
def is_pinned(self: Any, device: Any = None) -> bool:
    """False."""
    return False
