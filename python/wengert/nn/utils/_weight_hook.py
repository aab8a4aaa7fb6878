"""What the hooks of weight_norm and spectral_norm have in common."""

from __future__ import annotations

import weakref
from collections import OrderedDict

from ... import _native
from ..._capture.conditions import Conditions
from ..._capture.uses import captures, note_use
from ..._native import Tensor
from ..._typing import HookTable
from ...autograd.grad_mode import no_grad
from ..modules.module import Module


def hooks_of(module: Module, table: str) -> HookTable:
    """The hooks of a kind that a module has, by the id of their handles."""
    return vars(module).get(table) or OrderedDict()


class WeightHook:
    """Computes a tensor of a module before each forward, and leaves it there.

    That tensor is one of the call's. A captured call may not leave such, as a replay would not put
    a new one: what it leaves is a tensor of its own with these values, which replays write anew.
    """

    name: str
    _standing: Tensor | None = None
    _module: weakref.ref[Module] | None = None

    def weight_of(self, module: Module) -> Tensor:
        """The tensor for the next forward."""
        raise NotImplementedError

    def remove(self, module: Module) -> None:
        """Puts the tensor back as a parameter."""
        raise NotImplementedError

    def __call__(self, module: Module, inputs: object) -> None:
        weight = self.weight_of(module)
        setattr(module, self.name, weight)
        if captures and _native._is_capturing():
            self._stand_in(module, weight)

    def _stand_in(self, module: Module, weight: Tensor) -> None:
        note_use(self)
        self._module = weakref.ref(module)
        old = self._standing
        if old is None or old.shape != weight.shape or old.dtype != weight.dtype:
            self._standing = weight.detach().clone()
        else:
            with no_grad():
                old.copy_(weight)

    def __capture_conditions__(self, conditions: Conditions) -> None:
        module = self._module() if self._module else None
        if module is not None and self._standing is not vars(module).get(self.name):
            conditions.let_go(vars(module).pop(self.name, None))
            setattr(module, self.name, self._standing)

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in vars(self).items() if k not in ("_standing", "_module")}


def remove_hook(module: Module, kind: type[WeightHook], name: str) -> bool:
    """Takes a hook away, whose tensor becomes a parameter again; whether there was one."""
    hooks = hooks_of(module, "_forward_pre_hooks")
    for key, hook in hooks.items():
        if isinstance(hook, kind) and hook.name == name:
            hook.remove(module)
            del hooks[key]
            return True
    return False
