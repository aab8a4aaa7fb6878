"""Tensor methods that need no speed, added to the native type."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Sequence
from numbers import Number
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import numpy as np
import numpy.typing as npt

from . import _after, _interchange, _matrices, _native, _search
from ._common import parse_to, typename
from ._tensortype import TensorType
from ._types import bits, cpu, dtype_name, from_bits, numbers, on_cpu, preserve_format, strided
from ._types import layout as _layout
from ._types import memory_format as _memory_format
from ._typing import Device, Dtype, Hook, Kwargs, Memo
from ._ufuncs import array_ufunc, array_wrap
from .utils.hooks import RemovableHandle, native_handle

if TYPE_CHECKING:
    from .storage import TypedStorage, UntypedStorage

Tensor = _native.Tensor
_F = TypeVar("_F", bound=Callable[..., object])

_LEGACY = {
    "float64": "DoubleTensor",
    "float32": "FloatTensor",
    "int64": "LongTensor",
    "int32": "IntTensor",
    "float16": "HalfTensor",
    "bfloat16": "BFloat16Tensor",
    "int16": "ShortTensor",
    "int8": "CharTensor",
    "uint8": "ByteTensor",
    "bool": "BoolTensor",
}


def _method(function: _F, name: str | None = None) -> _F:
    """Makes `function` a method of Tensor."""
    setattr(Tensor, name or function.__name__, function)
    return function


# ---- gradients -------------------------------------------------------------------------------


@_method
def backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Adds the gradients of this tensor into `.grad` of the leaves it depends on.

    `gradient` has this tensor's shape and may be left out for one element. `retain_graph`
    defaults to `create_graph`. `inputs` limits the accumulation to these tensors.
    Raises RuntimeError if there is no history, the graph was freed, or a saved tensor changed.
    """
    if gradient is None and retain_graph is None and not create_graph and inputs is None:
        return _after.run(self._backward) if _after.watchers else self._backward()
    from .autograd import backward

    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


@_method
def register_hook(self: Tensor, hook: Hook) -> RemovableHandle:
    """Calls `hook(grad)` when the gradient is known; a returned tensor replaces it."""
    return native_handle(_native._add_hook(self, hook, False), _native._remove_hook, self)


@_method
def register_post_accumulate_grad_hook(self: Tensor, hook: Hook) -> RemovableHandle:
    """Calls `hook(tensor)` after `.grad` of this leaf was added to."""
    number = _native._add_hook(self, lambda _: hook(self), True)
    return native_handle(number, _native._remove_hook, self)


@_method
def is_inference(self: Tensor) -> bool:
    """Whether it was made in inference mode."""
    return _native._is_inference(self)


# ---- conversion ------------------------------------------------------------------------------


@_method
def to(self: Tensor, *args: object, **kwargs: object) -> Tensor:
    """This tensor in another dtype: `to(dtype)`, `to(device, dtype)`, `to(other)`.

    Itself when nothing changes, unless `copy=True`. The only device is the CPU. With
    `memory_format=channels_last` an image (n, c, h, w) whose channels come last in memory.
    """
    if len(args) == 1 and not kwargs and isinstance(args[0], _native.dtype):
        return self._to_dtype(args[0])
    dtype, device = parse_to(args, kwargs)
    if device is not None:
        on_cpu(device)
    result = self if dtype is None else self._to_dtype(dtype)
    flags = [arg for arg in args if isinstance(arg, bool)]  # non_blocking, copy
    if result is self and (kwargs.get("copy") or flags[1:] == [True]):
        result = self.clone()
    return _in_format(result, self, cast("_memory_format | None", kwargs.get("memory_format")))


def _in_format(t: Tensor, source: Tensor, format: _memory_format | None) -> Tensor:
    """The tensor in that format; one that is the source stays it if PyTorch takes it for such."""
    if format is None or format is preserve_format:
        return t
    return t._laid_out(format) if t is source else t.contiguous(memory_format=format)


def _caster(name: str, dtype: _native.dtype) -> None:
    def cast(self: Tensor, memory_format: _memory_format | None = None) -> Tensor:
        return _in_format(self._to_dtype(dtype), self, memory_format)

    cast.__name__ = name
    cast.__doc__ = f"This tensor as {dtype}; itself if it already is."
    setattr(Tensor, name, cast)


for _name, _dtype in (
    ("float", _native.float32),
    ("double", _native.float64),
    ("long", _native.int64),
    ("int", _native.int32),
    ("half", _native.float16),
    ("bfloat16", _native.bfloat16),
    ("short", _native.int16),
    ("char", _native.int8),
    ("byte", _native.uint8),
    ("bool", _native.bool),
):
    _caster(_name, _dtype)


def _cpu(self: Tensor, memory_format: _memory_format | None = None) -> Tensor:
    """Itself: every tensor is on the CPU."""
    return _in_format(self, self, memory_format)


_method(_cpu, "cpu")


@_method
def cuda(self: Tensor, *args: object, **kwargs: object) -> NoReturn:
    """RuntimeError: there is only the CPU."""
    raise RuntimeError("wengert computes on the CPU only: there is no device 'cuda'")


@_method
def type(
    self: Tensor,
    dtype: _native.dtype | TensorType | str | None = None,
    non_blocking: bool = False,
) -> str | Tensor:
    """The legacy type name, or this tensor cast to `dtype`: one, a legacy type or its name."""
    if dtype is None:
        return "wengert." + _LEGACY[repr(self.dtype).rpartition(".")[2]]
    if isinstance(dtype, str):
        wanted = dtype.rpartition(".")[2]
        names = [name for name, legacy in _LEGACY.items() if legacy == wanted]
        if not names:
            raise ValueError(f"invalid type: '{dtype}'")
        dtype = cast("_native.dtype", getattr(_native, names[0]))
    if isinstance(dtype, TensorType):
        dtype = dtype.dtype
    return self._to_dtype(_native.get_default_dtype() if dtype is Tensor else dtype)


@_method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """This tensor in the dtype of `other`."""
    if not isinstance(other, Tensor):
        raise TypeError(f"type_as(): argument 'other' must be Tensor, not {typename(other)}")
    return self._to_dtype(other.dtype)


@_method
def numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """A NumPy array on the same memory. RuntimeError if a gradient is required, unless `force`."""
    return _native._numpy(self, force)


Tensor.__array_priority__ = 1000
_method(array_ufunc, "__array_ufunc__")
_method(array_wrap, "__array_wrap__")


@_method
def new_tensor(
    self: Tensor,
    data: npt.ArrayLike,
    *,
    dtype: Dtype = None,
    device: Device = None,
    requires_grad: bool = False,
    layout: _layout | None = None,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor with a copy of `data` in this one's dtype."""
    return _native.tensor(
        data, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad
    )


# ---- subclasses, see Note [subclasses] ---------------------------------------------------------


@_method
def as_subclass(self: Tensor, cls: builtins.type[Tensor]) -> Tensor:
    """The same values on the same memory, with history, as a tensor of that subclass.

    TypeError if it is no subclass of Tensor.
    """
    if not (isinstance(cls, builtins.type) and issubclass(cls, Tensor)):
        raise TypeError(f"as_subclass: a subclass of Tensor is expected, got {cls!r}")
    result = self.view_as(self) if self.requires_grad else self.detach()
    result.__class__ = cls
    return result


def _make_subclass(
    cls: builtins.type[Tensor], data: Tensor, require_grad: builtins.bool = False
) -> Tensor:
    """A leaf of that subclass on the memory of `data`."""
    return _native.make_parameter(cls, data.detach(), require_grad)


def _torch_function(
    cls: builtins.type[Tensor],
    func: Callable[..., object],
    types: Sequence[builtins.type],
    args: tuple[object, ...] = (),
    kwargs: Kwargs | None = None,
) -> object:
    """Calls the function; its results are of the subclass."""
    from ._overriding import default  # here, as importing the package should not pay for it

    return default(cls, func, types, args, kwargs)


def _init_subclass(cls: builtins.type[Tensor], **options: object) -> None:
    if cls.__module__.partition(".")[0] != __package__:
        from ._overriding import begin

        begin(cls)


_OF_CLASS: dict[str, object] = {
    "_make_subclass": staticmethod(_make_subclass),
    "__torch_function__": classmethod(_torch_function),
    "__init_subclass__": classmethod(_init_subclass),
}
for _name, _member in _OF_CLASS.items():
    setattr(Tensor, _name, _member)


# ---- description -----------------------------------------------------------------------------


def _suffix(self: Tensor) -> str:
    if self._grad_fn_name is not None:
        return f", grad_fn=<{self._grad_fn_name}>"
    return ", requires_grad=True" if self.requires_grad else ""


@_method
def __repr__(self: Tensor, *, tensor_contents: object = None) -> str:
    return _native._repr(self, _suffix(self))


@_method
def __str__(self: Tensor) -> str:
    return _native._repr(self, _suffix(self))


@_method
def __format__(self: Tensor, spec: str) -> str:
    if self.dim() == 0 and (spec or self.__class__ is Tensor):
        return self.item().__format__(spec)
    try:
        return str(self).__format__(spec)
    except ValueError:
        raise TypeError(
            f"unsupported format string passed to {self.__class__.__name__}.__format__"
        ) from None


@_method
def element_size(self: Tensor) -> int:
    """Bytes per element."""
    return self.itemsize


@_method
def get_device(self: Tensor) -> int:
    """-1: the CPU."""
    return -1


@_method
def is_complex(self: Tensor) -> bool:
    """False: there are no complex dtypes."""
    return False


@_method
def is_signed(self: Tensor) -> bool:
    """Whether the dtype holds negative numbers."""
    return self.dtype.is_signed


@_method
def is_same_size(self: Tensor, other: Tensor) -> bool:
    """Whether the shapes are equal."""
    return self.shape == other.shape


@_method
def dim_order(
    self: Tensor, *, ambiguity_check: bool | list[_memory_format] = False
) -> tuple[int, ...]:
    """The dimensions from the largest stride to the smallest.

    With `ambiguity_check` RuntimeError where that is not the only order, or for a list of memory
    formats where it is that of none or several.
    """
    strides = self.stride()
    order = tuple(sorted(range(self.dim()), key=lambda d: (-strides[d], d)))
    if ambiguity_check is False:
        return order
    if ambiguity_check is True:
        unique = len(set(strides)) == len(strides) and 1 not in self.shape
    elif isinstance(ambiguity_check, list):
        unique = [self.is_contiguous(memory_format=f) for f in ambiguity_check].count(True) == 1
    else:
        raise TypeError(
            "The ambiguity_check argument must be a bool or a list of memory formats, got "
            f"{typename(ambiguity_check)}"
        )
    if not unique:
        raise RuntimeError(
            "The tensor does not have unique dim order, or cannot map to exact one of the given "
            "memory formats."
        )
    return order


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
def __iter__(self: Tensor) -> Iterator[Tensor]:
    if self.dim() == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(self.unbind(0))


@_method
def __contains__(self: Tensor, element: object) -> bool:
    if not isinstance(element, (Tensor, Number, np.number, np.bool_)):
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a "
            f"{typename(element)}."
        )
    return builtins.bool(_native.eq(self, cast("float", element)).any())


@_method
def __deepcopy__(self: Tensor, memo: Memo) -> Tensor:
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment."
        )
    if id(self) in memo:
        return memo[id(self)]
    import copy

    # Tensors that share memory share that of their copies.
    memory = ~_native._memory_id(self)
    if memory not in memo:
        memo[memory] = (_native._copy_memory(self), self)
    result = _native._on_memory(self, memo[memory][0])
    if self.__class__ is not Tensor:
        result = _native.make_parameter(self.__class__, result, self.requires_grad)
    elif self.requires_grad:
        result.requires_grad_()
    if self.grad is not None:
        # Not by its method: `deepcopy` keeps the object, whose address is its key, alive.
        result.grad = copy.deepcopy(self.grad, memo)
    memo[id(self)] = result
    attributes = getattr(self, "__dict__", None)
    if attributes:
        result.__dict__.update(copy.deepcopy(attributes, memo))
    return result


@_method
def __copy__(self: Tensor) -> Tensor:
    """Another tensor on the same memory, without history."""
    result = self.data
    if self.__class__ is not Tensor:
        result = _native.make_parameter(self.__class__, result, self.requires_grad)
    elif self.requires_grad:
        result.requires_grad_()
    result.__dict__.update(getattr(self, "__dict__", None) or {})
    return result


def _rebuild(
    cls: builtins.type[Tensor],
    array: np.ndarray,
    requires_grad: bool,
    attributes: Kwargs,
    dtype: str = "",
) -> Tensor:
    tensor = from_bits(array.copy(), dtype)
    if cls is not Tensor:
        tensor = _native.make_parameter(cls, tensor, requires_grad)
    elif requires_grad:
        tensor.requires_grad_()
    tensor.__dict__.update(attributes)
    return tensor


@_method
def __reduce_ex__(self: Tensor, protocol: int) -> Any:
    # Of a result its value remains, as a leaf that asks for gradients.
    array = bits(self.detach().contiguous())
    attributes = dict(getattr(self, "__dict__", None) or {})
    name = dtype_name(self.dtype)
    return _rebuild, (self.__class__, array, self.requires_grad, attributes, name)


@_method
def __reversed__(self: Tensor) -> Tensor:
    return self.flip(0) if self.dim() else self


@_method
def apply_(self: Tensor, function: Callable[[Any], object]) -> Tensor:
    """Replaces every element by `function(element)`, in place."""
    mine = numbers(self.detach())
    values = np.vectorize(function, otypes=[mine.dtype])(mine)
    return self.copy_(_native.from_numpy(np.ascontiguousarray(values)))


@_method
def map_(self: Tensor, other: Tensor, function: Callable[[Any, Any], object]) -> Tensor:
    """Replaces every element by `function(element, element of other)`, in place."""
    mine = numbers(self.detach())
    values = np.vectorize(function, otypes=[mine.dtype])(mine, numbers(other.detach()))
    return self.copy_(_native.from_numpy(np.ascontiguousarray(values)))


for _function in (_search.allclose, _search.bincount, _search.equal, _search.unique):
    _method(_function)
for _name in _matrices.METHODS:
    setattr(Tensor, _name, getattr(_matrices, _name))
for _name, _protocol in _interchange.METHODS.items():
    _method(_protocol, _name)


@_method
def index_put(
    self: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False
) -> Tensor:
    """A copy with `values`, broadcast, written (or added) at `indices`, a tuple of tensors."""
    return _native.index_put(self, indices, values, accumulate)


@_method
def index_put_(
    self: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False
) -> Tensor:
    """Writes (or adds) `values`, broadcast, at `indices`, a tuple of tensors, in place."""
    return _native.index_put_(self, indices, values, accumulate)


@_method
def where(self: Tensor, condition: Tensor, other: Tensor | float) -> Tensor:
    """Elements of this tensor where `condition`, else of `other`, with broadcasting."""
    return _native.where(condition, self, other)


def _reshaper(name: str) -> None:
    def reshape(self: Tensor, *args: object, **kwargs: object) -> Tensor:
        _native._become_view(self, getattr(self, name)(*args, **kwargs))
        return self

    reshape.__name__ = f"{name}_"
    reshape.__doc__ = f"{name}() of the tensor itself. RuntimeError if it is a leaf with gradient."
    setattr(Tensor, f"{name}_", reshape)


for _name in (
    "squeeze",
    "unsqueeze",
    "t",
    "transpose",
    "swapaxes",
    "swapdims",
    "as_strided",
):
    _reshaper(_name)


@_method
def share_memory_(self: Tensor) -> Tensor:
    """Moves it into memory that processes share; itself.

    A process that is forked, or that the tensor is sent to, sees what others write to it. Tensors
    that lay on the same memory stay where they were.
    """
    from ._shared import share  # here, as importing the package should not pay for it

    share(self)
    return self


@_method
def pin_memory(self: Tensor, device: Device = None) -> Tensor:
    """Itself: there is no device to copy to."""
    return self


@_method
def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory that it lies on, as bytes: where it begins, how large it is."""
    from .storage import untyped

    return untyped(self)


@_method
def storage(self: Tensor) -> TypedStorage:
    """The memory that it lies on, as elements of its dtype."""
    from .storage import typed

    return typed(self)


_method(storage, "_typed_storage")


@_method
def is_shared(self: Tensor) -> bool:
    """Whether `share_memory_` has moved it, or it was sent by another process."""
    from ._shared import segment_of

    return segment_of(self) is not None or not self.numel()


@_method
def is_pinned(self: Tensor, device: Device = None) -> bool:
    """False."""
    return False
