"""Modules as functions of their parameters and buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from .. import _native
from ..nn.modules.batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm
from ..nn.modules.module import Module

Tensor = _native.Tensor
_State: TypeAlias = "dict[str, Tensor]"
_BATCH_NORMS = (BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm)
_KINDS = ("_parameters", "_buffers")


def _joined(given: object) -> _State:
    """One dict of several. ValueError for what is none, and for a name in two of them."""
    if isinstance(given, dict):
        return dict(given)
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(given)}"
        )
    found: _State = {}
    for part in given:
        if not isinstance(part, dict):
            raise ValueError(
                "Expected all elements of parameter_and_buffer_dicts to be dictionaries, got "
                f"{type(part)}"
            )
        twice = [name for name in part if name in found]
        if twice:
            raise ValueError(
                f"{twice} appeared in multiple dictionaries; behavior of functional call is "
                "ambiguous"
            )
        found.update(part)
    return found


def _places(module: Module) -> dict[str, tuple[Module, str, str]]:
    """Of each name of a tensor its module, the kind of table and its name there."""
    found = {}
    for prefix, part in module.named_modules(remove_duplicate=False):
        for kind in _KINDS:
            for name in vars(part)[kind]:
                found[f"{prefix}.{name}" if prefix else name] = (part, kind, name)
    return found


def _with_ties(places: dict[str, tuple[Module, str, str]], given: _State) -> _State:
    """The tensors for all names of those that share one. ValueError if they are not one then."""
    sharing: dict[int, list[str]] = {}
    for name, (part, kind, own) in places.items():
        tensor = vars(part)[kind][own]
        if tensor is not None:
            sharing.setdefault(id(tensor), []).append(name)
    all_of_them = dict(given)
    for names in sharing.values():
        mine = [name for name in names if name in given]
        if len(names) < 2 or not mine:
            continue
        if any(given[name] is not given[mine[0]] for name in mine):
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(names)}, which are tied. "
                "Consider using tie_weights=False"
            )
        all_of_them.update(dict.fromkeys(names, given[mine[0]]))
    return all_of_them


def _check(module: Module, places: Mapping[str, object], given: _State) -> None:
    unexpected = [name for name in given if name not in places]
    missing = [name for name in places if name not in given]
    lines = []
    if unexpected:
        lines.append(f"Unexpected key(s): {', '.join(map(repr, unexpected))}.")
    if missing:
        lines.append(f"Missing key(s): {', '.join(map(repr, missing))}.")
    if lines:
        about = "\n\t".join(lines)
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:\n\t{about}")


@contextmanager
def _holding(
    module: Module, places: dict[str, tuple[Module, str, str]], given: _State
) -> Iterator[None]:
    """A block in which the module holds these tensors."""
    before = []
    try:
        for name, tensor in given.items():
            if not isinstance(tensor, Tensor):
                raise TypeError(f"{tensor} is not an instance of torch.Tensor")
            if name not in places:
                continue
            part, kind, own = places[name]
            table = vars(part)[kind]
            before.append((table, own, table[own]))
            table[own] = tensor
        yield
        for name in given:  # what the module has put in their places
            if name in places:
                part, kind, own = places[name]
                now = vars(part)[kind].get(own)
                if isinstance(now, Tensor):
                    given[name] = now
    finally:
        for table, own, tensor in reversed(before):
            table[own] = tensor


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: _State | Sequence[_State],
    args: object = None,
    kwargs: dict[str, object] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> object:
    """`module(*args, **kwargs)` with these tensors in place of its parameters and buffers.

    One dict by their names, or several that share none; names that are left out keep their own,
    with `strict` they are a RuntimeError, as are those the module does not have. What shares a
    tensor in the module takes what is given for one of its names, unless `tie_weights` is False;
    two values for such names are a ValueError. `args` is one argument, or a tuple of them. A buffer
    that the module puts another tensor in place of is put into a single dict, as in PyTorch.
    """
    given = _joined(parameter_and_buffer_dicts)
    places = _places(module)
    if tie_weights:
        given = _with_ties(places, given)
    if strict:
        _check(module, places, given)
    called = () if args is None else args if isinstance(args, tuple) else (args,)
    with _holding(module, places, given):
        result = module(*called, **(kwargs or {}))
    if isinstance(parameter_and_buffer_dicts, dict):
        parameter_and_buffer_dicts.update(
            {name: given[name] for name in parameter_and_buffer_dicts}
        )
    return result


def _stacked(tensors: list[Tensor], name: str) -> Tensor:
    wanted = {x.requires_grad for x in tensors}
    if len(wanted) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    return _native.stack([x.detach() for x in tensors]).requires_grad_(wanted.pop())


def stack_module_state(models: Sequence[Module]) -> tuple[_State, _State]:
    """(parameters, buffers) of several models, by name, stacked along a new first dimension.

    They are leaves: for `vmap` over `functional_call`, and for an optimizer. RuntimeError unless
    the models, at least one, are of one class, all in training or all in evaluation mode, and agree
    in what requires a gradient.
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or all(not m.training for m in models)):
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    names = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return (
        {name: _stacked([n[name] for n in names], name) for name in names[0]},
        {name: _stacked([n[name] for n in buffers], name) for name in buffers[0]},
    )


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Takes the running statistics away from every batch norm in `root`, which it returns.

    They normalize by each batch's own moments from then on, in evaluation too.
    """
    for part in root.modules():
        if isinstance(part, _BATCH_NORMS) and part.track_running_stats:
            part.track_running_stats = False
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                setattr(part, name, None)
    return root


__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]
