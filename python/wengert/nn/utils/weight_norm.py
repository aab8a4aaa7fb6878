"""Weight normalisation (Salimans, Kingma, arXiv:1602.07868) by a hook before each forward."""

from __future__ import annotations

from typing import TypeVar

from ... import _native
from ..._native import Tensor
from ..modules.module import Module
from ..parameter import Parameter, is_lazy
from ._weight_hook import WeightHook, hooks_of, remove_hook

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]

_Module = TypeVar("_Module", bound=Module)


def norm_except_dim(v: Tensor, dim: int) -> Tensor:
    """The 2-norms of the slices along `dim`, which alone is not reduced to 1; -1 is of all."""
    if dim == -1:
        return v.norm()
    if v.ndim < 2:
        return v.abs()
    return v.norm(2, [d for d in range(v.ndim) if d != dim % v.ndim], True)


def normed(v: Tensor, g: Tensor, dim: int) -> Tensor:
    """g v / ||v||"""
    return v * (g / norm_except_dim(v, dim))


class WeightNorm(WeightHook):
    """The hook, which computes the weight of its length and its direction."""

    name: str
    dim: int

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """g v / ||v|| of the module's parameters."""
        g, v = (getattr(module, self.name + suffix) for suffix in ("_g", "_v"))
        return normed(v, g, self.dim)

    weight_of = compute_weight

    @staticmethod
    def apply(module: Module, name: str, dim: int | None) -> WeightNorm:
        """Registers a hook; see `weight_norm`."""
        _native._warn(
            "`torch.nn.utils.weight_norm` is deprecated in favor of "
            "`torch.nn.utils.parametrizations.weight_norm`.",
            FutureWarning,
        )
        for hook in hooks_of(module, "_forward_pre_hooks").values():
            if isinstance(hook, WeightNorm) and hook.name == name:
                raise RuntimeError(
                    f"Cannot register two weight_norm hooks on the same parameter {name}"
                )
        hook = WeightNorm(name, dim)
        weight = getattr(module, name)
        if is_lazy(weight):
            raise ValueError(
                "The module passed to `WeightNorm` can't have uninitialized parameters. Make sure "
                "to run the dummy forward before applying weight normalization"
            )
        del vars(module)["_parameters"][name]
        g = norm_except_dim(weight, hook.dim)
        module.register_parameter(name + "_g", Parameter(g.detach()))
        module.register_parameter(name + "_v", Parameter(weight.data))
        setattr(module, name, hook.compute_weight(module))
        module.register_forward_pre_hook(hook)
        return hook

    def remove(self, module: Module) -> None:
        """Makes the weight a parameter again."""
        weight = self.compute_weight(module)
        delattr(module, self.name)
        delattr(module, self.name + "_g")
        delattr(module, self.name + "_v")
        setattr(module, self.name, Parameter(weight.data))


def weight_norm(module: _Module, name: str = "weight", dim: int | None = 0) -> _Module:
    """Makes the weight a tensor of its length and its direction, w = g v / ||v||; the module.

    They are the parameters `weight_g` and `weight_v`, of which a hook computes `weight` before
    each forward. There is a g for each index of `dim`, or one of all with None. RuntimeError if
    the parameter has such a hook. `parametrizations.weight_norm` is the newer form.
    """
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: _Module, name: str = "weight") -> _Module:
    """Makes the weight an ordinary parameter with its value; ValueError if it is none of these."""
    if not remove_hook(module, WeightNorm, name):
        raise ValueError(f"weight_norm of '{name}' not found in {module}")
    return module
