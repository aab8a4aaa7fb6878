"""`rearrange`: dimensions by names, as einops writes them. A. Rogozhnikov, ICLR 2022."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ._batched import Batched, Tensor, by_name

Group = list[str]
#: Dots outside of a bracket, each of whose dimensions is a group.
_EACH = "each..."


def _groups(text: str, whole: str) -> list[Group]:
    """`b (h w) ...` as [["b"], ["h", "w"], ["..."]]; a 1 and () are groups of none."""
    found: list[Group] = []
    inside: Group | None = None
    for token in text.replace("(", " ( ").replace(")", " ) ").replace("...", " ... ").split():
        if token == "(" and inside is None:
            inside = []
        elif token == ")" and inside is not None:
            found.append(inside)
            inside = None
        elif token == "..." or token.isidentifier() or token == "1":
            names = [] if token == "1" else [token]
            if inside is not None:
                inside += names
            else:
                found.append([_EACH] if token == "..." else names)
        else:
            raise ValueError(f"rearrange: {token!r} has no meaning there in {whole!r}")
    if inside is not None:
        raise ValueError(f"rearrange: a bracket is not closed in {whole!r}")
    flat = _flat(found)
    if len(set(flat)) != len(flat):
        raise ValueError(f"rearrange: a name stands twice on one side of {whole!r}")
    return found


def _flat(groups: list[Group]) -> list[str]:
    return ["..." if name == _EACH else name for group in groups for name in group]


def _spread(groups: list[Group], rest: Group) -> list[Group]:
    """With the dimensions that `...` stands for, each a group unless it is in a bracket."""
    found: list[Group] = []
    for group in groups:
        if group == [_EACH]:
            found += [[name] for name in rest]
        else:
            found.append([n for name in group for n in (rest if name == "..." else [name])])
    return found


def _sizes(
    shape: Sequence[int], groups: list[Group], given: dict[str, int], pattern: str
) -> dict[str, int]:
    sizes = dict(given)
    for size, group in zip(shape, groups, strict=True):
        unknown = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(unknown) > 1:
            raise ValueError(f"rearrange: could not infer sizes for {unknown} of {pattern!r}")
        if unknown and known and size % known == 0:
            sizes[unknown[0]] = size // known
        elif unknown or known != size:
            raise ValueError(
                f"rearrange: {pattern!r} does not fit a dimension of {size}: {group} with "
                f"{ {name: sizes.get(name) for name in group} }"
            )
    return sizes


def rearrange(
    tensor: Tensor | list[Tensor] | tuple[Tensor, ...], pattern: str, **axes_lengths: int
) -> Tensor:
    """The tensor with its dimensions in the order, and put together or taken apart, that the
    pattern says: `rearrange(x, "b (h w) c -> b c h w", h=4)`.

    Names stand for dimensions, a bracket for one that is several, `...` for those that have no
    name, 1 and () for one of size 1. A list of tensors is stacked first. Each size of a bracket but
    one is given as a keyword. ValueError for a pattern that is none or does not fit.
    """
    x = tensor if isinstance(tensor, Tensor) else by_name("stack", list(tensor))
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f"rearrange: expected one '->' in the pattern, got {pattern!r}")
    left, right = (_groups(side, pattern) for side in sides)
    if set(_flat(left)) != set(_flat(right)):
        raise ValueError(f"rearrange: both sides of {pattern!r} must have the same names")
    open_ = [_EACH] in left
    unnamed = x.dim() - len(left) + open_
    if unnamed < 0 or (unnamed and not open_):
        raise ValueError(f"rearrange: {pattern!r} does not fit {x.dim()} dimensions")
    rest = [f"...{k}" for k in range(unnamed)]
    before, after = _spread(left, rest), _spread(right, rest)
    odd = set(axes_lengths) - {n for g in before for n in g}
    if odd:
        raise ValueError(f"rearrange: {sorted(odd)} are no names of {pattern!r}")
    sizes = _sizes(tuple(x.shape), before, axes_lengths, pattern)
    names = [name for group in before for name in group]
    apart = x.reshape([sizes[name] for name in names])
    order = [names.index(name) for group in after for name in group]
    return apart.permute(order).reshape(
        [math.prod(sizes[name] for name in group) for group in after]
    )


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """The tensor of all slices in one that a `vmap` maps over, its dimension in front; of one
    `vmap` alone unless `recurse`. Others are themselves. RuntimeError for what is no tensor."""
    if not isinstance(tensor, Tensor):
        raise RuntimeError(f"debug_unwrap: expected a Tensor, got {type(tensor).__name__}")
    while type(tensor) is Batched:
        tensor = tensor.value
        if not recurse:
            break
    return tensor
