"""Names for the types of arguments that several files take. Nothing here is needed at run time."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

from . import _native
from ._native import Tensor

#: The result of a function that is called, which is the caller's.
R = TypeVar("R")

#: The CPU, in one of the ways in which PyTorch names a device.
Device: TypeAlias = "_native.device | str | None"
Dtype: TypeAlias = _native.dtype | None
Generator: TypeAlias = _native.Generator | None
#: What becomes the shape of a tensor.
Shape: TypeAlias = "Sequence[int] | _native.Size"
#: One tensor, or several.
TensorOrTensors: TypeAlias = Tensor | Iterable[Tensor]
#: A learning rate or beta: a number, or a tensor of one element.
Rate: TypeAlias = float | Tensor
#: One number for all groups of an optimizer, or one for each.
PerGroup: TypeAlias = "float | list[float] | tuple[float, ...]"
#: A user's function of which nothing is known.
UserFunction: TypeAlias = Callable[..., Any]
#: Its arguments are said where it is registered.
Hook: TypeAlias = Callable[..., Any]
#: Hooks, or that a hook has a flag, by the id of the handle; a dict that can be held weakly.
HookTable: TypeAlias = "OrderedDict[int, Any]"
#: Computes the loss, and most often its gradients.
Closure: TypeAlias = Callable[[], Any]
#: Arguments for a function of which nothing is known.
Args: TypeAlias = tuple[Any, ...]
Kwargs: TypeAlias = dict[str, Any]
#: What `copy.deepcopy` has copied, by id.
Memo: TypeAlias = dict[int, Any]
#: What a `state_dict`, or an object's `__getstate__`, gives: tensors, numbers, dicts of them.
StateDict: TypeAlias = dict[str, Any]
#: The "params" of an optimizer's group and its hyper-parameters.
Group: TypeAlias = dict[str, Any]
#: What an optimizer is made of: tensors, named tensors, or groups.
Params: TypeAlias = "Iterable[Tensor | tuple[str, Tensor] | Group]"
#: What an optimizer keeps of each parameter, by name.
ParamStates: TypeAlias = "defaultdict[Tensor, dict[str, Any]]"
