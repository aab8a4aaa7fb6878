"""Pruning: parameters of which some elements are held at zero by a mask.

The parameter `name` becomes the parameter `name_orig` and the buffer `name_mask`; the attribute
`name` is their product, made anew before each forward.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias, cast

from ... import _native
from ..._native import Tensor
from ..modules.module import Module

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured",
    "PruningContainer", "RandomStructured", "RandomUnstructured", "custom_from_mask",
    "global_unstructured", "identity", "is_pruned", "l1_unstructured", "ln_structured",
    "random_structured", "random_unstructured", "remove",
]  # fmt: skip

#: How much is pruned: a share between 0 and 1, or a number of elements or channels.
Amount: TypeAlias = "int | float"


class BasePruningMethod:
    """Base of the methods: `compute_mask(t, default_mask)` of a subclass gives a mask.

    `PRUNING_TYPE` says of what it is a mask, if one is there already: "unstructured" of the
    elements left, "structured" of the channels left along `dim`, "global" of all.
    """

    PRUNING_TYPE = "unstructured"
    _tensor_name: str

    def __call__(self, module: Module, inputs: object) -> None:
        """What runs before each forward."""
        setattr(module, self._tensor_name, self.apply_mask(module))

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask, of the shape of `t`, of what `default_mask` has left."""
        raise NotImplementedError

    def apply_mask(self, module: Module) -> Tensor:
        """The product of parameter and mask."""
        mask = cast("Tensor", getattr(module, f"{self._tensor_name}_mask"))
        original = cast("Tensor", getattr(module, f"{self._tensor_name}_orig"))
        return mask.to(original.dtype) * original

    @classmethod
    def apply(
        cls,
        module: Module,
        name: str,
        *args: object,
        importance_scores: Tensor | None = None,
        **kwargs: object,
    ) -> BasePruningMethod:
        """Prunes the parameter `name`: `args` and `kwargs` are those of the method.

        What is pruned is chosen by `importance_scores`, or by the values. Gives the method, a
        `PruningContainer` if the parameter was pruned before. ValueError for scores of another
        shape.
        """
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        before = _method_of(module, name)
        tensor = cast("Tensor", getattr(module, name))
        scores = tensor if importance_scores is None else importance_scores
        if scores.shape != tensor.shape:
            raise ValueError(
                f"prune: importance_scores have shape {tuple(scores.shape)}, the parameter "
                f"{name} {tuple(tensor.shape)}"
            )
        mask = _native.ones_like(scores.detach())
        if before is not None:
            old = before[1]
            container = old if isinstance(old, PruningContainer) else PruningContainer(old)
            container.add_pruning_method(method)
            method = container
            mask = cast("Tensor", getattr(module, f"{name}_mask")).clone()
        mask = method.compute_mask(scores.detach(), mask).to(tensor.dtype)
        if before is None:
            original = module._parameters.pop(name)
            assert original is not None
            module.register_parameter(f"{name}_orig", original)
        else:
            del module._forward_pre_hooks[before[0]]
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Tensor:
        """`t` with what the method prunes set to zero."""
        scores = t if importance_scores is None else importance_scores
        mask = _native.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, mask)

    def remove(self, module: Module) -> None:
        """Makes it a parameter again, with the zeros in it."""
        name = self._tensor_name
        pruned = self.apply_mask(module)
        delattr(module, name)
        original = module._parameters.pop(f"{name}_orig")
        assert original is not None
        original.data = pruned.detach()
        del module._buffers[f"{name}_mask"]
        module.register_parameter(name, original)


class PruningContainer(BasePruningMethod):
    """Methods one after the other, each of what the ones before have left."""

    def __init__(self, *args: BasePruningMethod | Iterable[BasePruningMethod]) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        several = args and not isinstance(args[0], BasePruningMethod)
        methods = tuple(cast("Iterable[BasePruningMethod]", args[0])) if several else args
        for method in cast("tuple[BasePruningMethod, ...]", methods):
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod | None) -> None:
        """One more at the end. TypeError for what is no method, ValueError for another's."""
        if not isinstance(method, BasePruningMethod) and method is not None:
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is None:
            return
        if self._pruning_methods and self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._tensor_name = method._tensor_name
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __getitem__(self, idx: int) -> BasePruningMethod:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """What the last method leaves of `default_mask`."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(t.dtype)
        if method.PRUNING_TYPE == "unstructured":
            left: object = mask == 1
        elif method.PRUNING_TYPE == "structured":
            dim = cast("int", getattr(method, "dim", 0)) % t.dim()
            others = [d for d in range(t.dim()) if d != dim]
            left = (slice(None),) * dim + (mask.sum(others) != 0,)
        elif method.PRUNING_TYPE == "global":
            left = (slice(None),) * t.dim()
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        mask[left] = method.compute_mask(t[left], mask[left]).to(mask.dtype)
        return mask


class Identity(BasePruningMethod):
    """Prunes nothing, so that a parameter has the form of a pruned one."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """`default_mask`."""
        return default_mask


class _Some(BasePruningMethod):
    """Of which an amount says how much."""

    def __init__(self, amount: Amount) -> None:
        _check_amount(amount)
        self.amount = amount


class RandomUnstructured(_Some):
    """Prunes elements that are drawn."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask; as many uniform numbers are drawn as there are elements."""
        count, mask = _count(self.amount, t.numel()), default_mask.clone()
        if count:
            drawn = _native.rand_like(t).view(-1).topk(count).indices
            mask.view(-1)[drawn] = 0
        return mask


class L1Unstructured(_Some):
    """Prunes the elements that are smallest in size."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask."""
        count, mask = _count(self.amount, t.numel()), default_mask.clone()
        if count:
            smallest = t.abs().reshape(-1).topk(count, largest=False).indices
            mask.view(-1)[smallest] = 0
        return mask


class RandomStructured(_Some):
    """Prunes channels along `dim` that are drawn."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Amount, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask; a uniform number is drawn for each channel."""
        count = _channels(self.amount, t, self.dim)
        drawn = _native.rand(t.shape[self.dim])
        return _without(default_mask, t, self.dim, drawn, count)


class LnStructured(_Some):
    """Prunes the channels along `dim` whose `n`-norm is smallest."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Amount, n: float | str, dim: int = -1) -> None:
        super().__init__(amount)
        self.n, self.dim = n, dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask."""
        count = _channels(self.amount, t, self.dim)
        others = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        norms = _native.norm(t, p=self.n, dim=others)  # type: ignore[arg-type]
        return _without(default_mask, t, self.dim, norms, count)


class CustomFromMask(BasePruningMethod):
    """Prunes what a mask says."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """What both masks leave."""
        return default_mask * self.mask.to(default_mask.dtype)


def _check_amount(amount: object) -> None:
    if isinstance(amount, bool) or not isinstance(amount, (int, float)):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if amount < 0 or (isinstance(amount, float) and amount > 1):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a "
            "non-negative integer"
        )


def _count(amount: Amount, size: int) -> int:
    count = amount if isinstance(amount, int) else round(amount * size)
    if count > size:
        raise ValueError(
            f"amount={amount} should be smaller than the number of parameters to prune={size}"
        )
    return count


def _channels(amount: Amount, t: Tensor, dim: int) -> int:
    if t.dim() <= 1:
        raise ValueError(
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of "
            f"shape {tuple(t.shape)} with {t.dim()} dims"
        )
    if not -t.dim() <= dim < t.dim():
        raise IndexError(f"Invalid index {dim} for tensor of size {tuple(t.shape)}")
    return _count(amount, t.shape[dim])


def _without(mask: Tensor, t: Tensor, dim: int, scores: Tensor, count: int) -> Tensor:
    """The mask without the `count` channels along `dim` whose scores are smallest."""
    if count == 0:
        return mask
    kept = scores.topk(t.shape[dim] - count, largest=True).indices
    channels = _native.zeros(t.shape[dim], dtype=mask.dtype)
    channels[kept] = 1
    shape = [1] * t.dim()
    shape[dim] = t.shape[dim]
    return mask * channels.reshape(shape)


def _method_of(module: Module, name: str) -> tuple[int, BasePruningMethod] | None:
    """The method by which a parameter is pruned, and the number of its hook."""
    for number, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return number, hook
    return None


def identity(module: Module, name: str) -> Module:
    """Gives the parameter the form of a pruned one, and prunes nothing."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: Amount) -> Module:
    """Prunes elements that are drawn; see `RandomUnstructured`."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: Module, name: str, amount: Amount, importance_scores: Tensor | None = None
) -> Module:
    """Prunes the elements that are smallest in size; see `L1Unstructured`."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: Amount, dim: int) -> Module:
    """Prunes channels that are drawn; see `RandomStructured`."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module,
    name: str,
    amount: Amount,
    n: float | str,
    dim: int,
    importance_scores: Tensor | None = None,
) -> Module:
    """Prunes the channels whose norm is smallest; see `LnStructured`."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prunes what a mask says."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Sequence[tuple[Module, str]] | Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: object,
) -> None:
    """Prunes elements of several parameters, given as (module, name), chosen among all of them.

    TypeError unless the method chooses single elements.
    """
    parameters, given = list(parameters), importance_scores or {}
    tensors = [cast("Tensor", getattr(module, name)) for module, name in parameters]
    scores = [given.get(p, t) for p, t in zip(parameters, tensors, strict=True)]
    masks = [
        cast("Tensor", getattr(module, f"{name}_mask", _native.ones_like(t.detach())))
        for (module, name), t in zip(parameters, tensors, strict=True)
    ]
    container = PruningContainer()
    container._tensor_name = "temp"
    method: BasePruningMethod = pruning_method(**kwargs)
    method._tensor_name = "temp"
    container.add_pruning_method(method)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    flat = _native.cat([x.detach().reshape(-1) for x in scores])
    mask = container.compute_mask(flat, _native.cat([m.reshape(-1) for m in masks]))
    parts = mask.split([t.numel() for t in tensors])
    for (module, name), t, part in zip(parameters, tensors, parts, strict=True):
        custom_from_mask(module, name, part.reshape(t.shape))


def remove(module: Module, name: str) -> Module:
    """Makes the pruned parameter a parameter again, with the zeros in it. ValueError if it is not
    pruned."""
    found = _method_of(module, name)
    if found is None:
        raise ValueError(
            f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
        )
    found[1].remove(module)
    del module._forward_pre_hooks[found[0]]
    return module


def is_pruned(module: Module) -> bool:
    """Whether a parameter of the module, or of one below it, is pruned."""
    return any(
        isinstance(hook, BasePruningMethod)
        for below in module.modules()
        for hook in below._forward_pre_hooks.values()
    )
