"""Calling a module that has hooks; a module without any never comes here.

Note [hooks]
The hook tables of a module are made when first asked for (`Module.__getattr__`), which also sets
`_has_hooks` on the module; a call that finds them all empty takes both away again.
"""

from __future__ import annotations

import types
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ... import _native
from ..._capture.compiled import compile
from ..._native import Tensor
from ..._typing import Args, Hook, HookTable, Kwargs
from ...autograd.function import Function, FunctionCtx
from ...utils.hooks import RemovableHandle

if TYPE_CHECKING:
    from .module import Module

# Tables of hooks around forward and backward, and of hooks around state_dict.
CALL_TABLES = frozenset(
    (
        "_forward_hooks",
        "_forward_hooks_with_kwargs",
        "_forward_hooks_always_called",
        "_forward_pre_hooks",
        "_forward_pre_hooks_with_kwargs",
        "_backward_hooks",
        "_backward_pre_hooks",
    )
)
STATE_TABLES = frozenset(
    (
        "_state_dict_hooks",
        "_state_dict_pre_hooks",
        "_load_state_dict_pre_hooks",
        "_load_state_dict_post_hooks",
    )
)

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_EMPTY: HookTable = OrderedDict()
_global: dict[str, HookTable] = {name: OrderedDict() for name in CALL_TABLES}


Grads: TypeAlias = tuple[Tensor | None, ...]
_See: TypeAlias = Callable[[Sequence[Tensor | None]], list[Tensor | None]]
Tables: TypeAlias = "Mapping[str, HookTable] | ModuleTables"


def register(
    tables: Tables, kind: str, hook: Hook, flags: dict[str, bool], prepend: bool
) -> RemovableHandle:
    """Adds a hook to the table `kind`, and its id to the tables of the flags that are set."""
    _native._changed()
    extra = [tables[f"{kind}_{flag}"] for flag in flags]
    handle = RemovableHandle(tables[kind], extra_dict=extra)
    tables[kind][handle.id] = hook
    for table, is_set in zip(extra, flags.values(), strict=True):
        if is_set:
            table[handle.id] = True
    if prepend:
        tables[kind].move_to_end(handle.id, last=False)
    return handle


class ModuleTables:
    """The hook tables of one module, by name."""

    def __init__(self, module: Module) -> None:
        self.module = module

    def __getitem__(self, name: str) -> HookTable:
        return getattr(self.module, name)


def register_global(
    module_class: type[Module], kind: str, hook: Hook, flags: dict[str, bool], prepend: bool = False
) -> RemovableHandle:
    """Adds a hook of every module."""
    handle = register(_global, kind, hook, flags, prepend)
    module_class._has_hooks = True
    return handle


def settle(module: Module, module_class: type[Module]) -> bool:
    """Takes away tables that became empty; False if no hook is left at all."""
    state = vars(module)
    if any(state.get(name) for name in _HOOKS):
        return True
    if "_has_hooks" in state:
        for name in CALL_TABLES:
            state.pop(name, None)
        if "_compiled_call_impl" not in state:
            del state["_has_hooks"]
    if any(_global[name] for name in _HOOKS):
        return True
    module_class._has_hooks = False
    return False


class _Call:
    """One call of a module with hooks: pre-hooks, forward, hooks, and taps for the backward."""

    def __init__(self, module: Module, args: Args, kwargs: Kwargs) -> None:
        self.module, self.args, self.kwargs = module, args, kwargs
        self.result: object = None
        self.called: set[int] = set()

    def table(self, name: str) -> HookTable:
        return vars(self.module).get(name, _EMPTY)

    def hooks(self, name: str) -> list[tuple[int, Hook]]:
        return [*_global[name].items(), *self.table(name).items()]

    def flagged(self, name: str, hook_id: int) -> bool:
        return hook_id in _global[name] or hook_id in self.table(name)

    def pre_hooks(self) -> None:
        for hook_id, hook in self.hooks("_forward_pre_hooks"):
            if self.flagged("_forward_pre_hooks_with_kwargs", hook_id):
                result = hook(self.module, self.args, self.kwargs)
                if result is None:
                    continue
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {result}."
                    )
                self.args, self.kwargs = result
            else:
                result = hook(self.module, self.args)
                if result is not None:
                    self.args = result if isinstance(result, tuple) else (result,)

    def forward_hook(self, hook_id: int, hook: Hook) -> None:
        if self.flagged("_forward_hooks_with_kwargs", hook_id):
            result = hook(self.module, self.args, self.kwargs, self.result)
        else:
            result = hook(self.module, self.args, self.result)
        if result is not None:
            self.result = result

    def run(self) -> object:
        self.pre_hooks()
        pre = [hook for _, hook in self.hooks("_backward_pre_hooks")]
        post = [hook for _, hook in self.hooks("_backward_hooks")]
        taps = BackwardTaps(self.module, post, pre) if pre or post else None
        if taps is not None:
            self.args = taps.tap_inputs(self.args)
        self.result = self.module.forward(*self.args, **self.kwargs)
        for hook_id, hook in self.hooks("_forward_hooks"):
            if self.flagged("_forward_hooks_always_called", hook_id):
                self.called.add(hook_id)
            self.forward_hook(hook_id, hook)
        if taps is not None:
            self.result = taps.tap_outputs(self.result)
        return self.result

    def run_always_called(self) -> None:
        """After an exception: the hooks that must run in any case and have not."""
        for hook_id, hook in self.hooks("_forward_hooks"):
            if hook_id in self.called or not self.flagged("_forward_hooks_always_called", hook_id):
                continue
            try:
                self.forward_hook(hook_id, hook)
            except Exception as error:
                _native._warn(
                    "module forward hook with ``always_call=True`` raised an exception that was "
                    f"silenced as another error was raised in forward: {error}"
                )


def call_with_hooks(
    module: Module, module_class: type[Module], args: Args, kwargs: Kwargs
) -> object:
    """`module(*args, **kwargs)` around which the hooks run; the module may be compiled."""
    compiled = vars(module).get("_compiled_call_impl")
    if compiled is not None:
        return compiled(*args, **kwargs)
    return call_plainly(module, module_class, args, kwargs)


def compile_calls(module: Module, module_class: type[Module], args: Args, kwargs: Kwargs) -> None:
    """Calls of the module are those of a compiled function from now on."""

    def call(self: Module, *args: object, **kwargs: object) -> object:
        return call_plainly(self, module_class, args, kwargs)

    call.__qualname__ = call.__name__ = type(module).__name__
    plain = types.MethodType(call, module)
    compiled = compile(plain, *args, **kwargs)
    if compiled is not plain:
        vars(module).update(_compiled_call_impl=compiled, _has_hooks=True)


def has_hooks(module: Module) -> bool:
    """Whether a call of the module calls more than its forward."""
    return any(_global[name] or vars(module).get(name) for name in _HOOKS)


def global_hooks() -> list[object]:
    """The hooks of every module."""
    return [hook for table in _global.values() for hook in table.values()]


def call_plainly(module: Module, module_class: type[Module], args: Args, kwargs: Kwargs) -> object:
    """The same, not compiled."""
    if not settle(module, module_class):
        return module.forward(*args, **kwargs)
    call = _Call(module, args, kwargs)
    try:
        return call.run()
    except Exception:
        call.run_always_called()
        raise


class _Tap(Function):
    """Identity that shows its gradients to `see` on their way back, and passes on its answer."""

    @staticmethod
    def forward(ctx: FunctionCtx, see: _See, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.see = see  # type: ignore[attr-defined]
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*[t for t in tensors if not t.requires_grad])
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        return (None, *ctx.see(grads))  # type: ignore[attr-defined]


class BackwardTaps:
    """The full backward hooks of one call: a tap on the inputs, one on the outputs."""

    def __init__(self, module: Module, hooks: list[Hook], pre_hooks: list[Hook]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_outputs: Grads | None = None
        self.has_inputs = False
        self.input_count = 0

    @staticmethod
    def _apply(see: _See, values: Args) -> tuple[Args, list[int]]:
        """The values with their tensors tapped, and the tensors' positions."""
        at = [i for i, value in enumerate(values) if isinstance(value, _native.Tensor)]
        if not (_native.is_grad_enabled() and any(values[i].requires_grad for i in at)):
            return values, []
        new = list(values)
        for i, tensor in zip(at, _Tap.apply(see, *[values[i] for i in at]), strict=True):
            new[i] = tensor
        return tuple(new), at

    @staticmethod
    def _spread(grads: Sequence[Tensor | None], at: list[int], count: int) -> Grads:
        full: list[Tensor | None] = [None] * count
        for i, grad in zip(at, grads, strict=True):
            full[i] = grad
        return tuple(full)

    def tap_inputs(self, args: Args) -> Args:
        at: list[int] = []

        def see(grads: Sequence[Tensor | None]) -> list[Tensor | None]:
            if self.grad_outputs is None:
                raise RuntimeError(
                    "Module backward hook for grad_input is called before the grad_output one. "
                    "This happens because the gradient in your nn.Module flows to the Module's "
                    "input without passing through the Module's output. Make sure that the output "
                    "depends on the input and that the loss is computed based on the output."
                )
            grad_input = self._run_hooks(self._spread(grads, at, len(args)), False)
            self.grad_outputs = None
            return [grad_input[i] for i in at]

        tapped, positions = self._apply(see, args)
        at.extend(positions)
        self.has_inputs, self.input_count = bool(at), len(args)
        return tapped

    def tap_outputs(self, result: object) -> object:
        if not isinstance(result, (_native.Tensor, tuple)):
            _native._warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of "
                f"Tensors but received {type(result)}"
            )
            return result
        values = result if isinstance(result, tuple) else (result,)
        at: list[int] = []

        def see(grads: Sequence[Tensor | None]) -> list[Tensor | None]:
            grad_output = self._spread(grads, at, len(values))
            for hook in self.pre_hooks:
                answer = hook(self.module, grad_output)
                if answer is None:
                    continue
                answer = answer if isinstance(answer, tuple) else (answer,)
                self._require_count("pre hook", "grad_output", len(answer), len(grad_output))
                grad_output = answer
            self.grad_outputs = grad_output
            if not self.has_inputs:
                self._run_hooks((None,) * self.input_count, True)
                self.grad_outputs = None
            return [grad_output[i] for i in at]

        tapped, positions = self._apply(see, values)
        at.extend(positions)
        return tapped if isinstance(result, tuple) else tapped[0]

    def _run_hooks(self, grad_input: Grads, without_inputs: bool) -> Grads:
        for hook in self.hooks:
            answer = hook(self.module, grad_input, self.grad_outputs)
            if answer is None:
                continue
            answer = answer if isinstance(answer, tuple) else (answer,)
            if without_inputs:
                if any(grad is not None for grad in answer):
                    raise RuntimeError(
                        "Backward hooks for Modules where no input requires gradient should "
                        "always return None or None for all gradients."
                    )
                continue
            self._require_count("hook", "grad_input", len(answer), len(grad_input))
            grad_input = answer
        return grad_input

    @staticmethod
    def _require_count(kind: str, what: str, found: int, needed: int) -> None:
        if found != needed:
            raise RuntimeError(
                f"Backward {kind} returned an invalid number of {what}, got {found}, but "
                f"expected {needed}"
            )
