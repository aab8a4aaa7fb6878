"""What every transform does on the tape: inputs of its own, gradients, and results without them.

Note [levels]
~~~~~~~~~~~~~
A transform differentiates by inputs of its own: leaves or, where the caller's tensors are recorded
themselves, views of these, so that gradients are taken along paths through the function only, and
transforms stand in each other. What leaves a transform is cut off the tape unless it depends on
something that somebody outside may differentiate by: a tensor that a caller has recorded, or a leaf
that the function reads without being given it. That is found by walking the tape, and it decides
before the backward whether that has to be recorded too.

In a `vmap`, inputs get the dimensions of all that run, so that each slice has its own, and the tape
knows the plain tensors in them. The loss of a slice depends on no other slice's inputs: gradients
of all slices are the gradient of their sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias, cast

from .. import _native
from ..autograd.grad_mode import enable_grad, is_grad_enabled
from ._batched import Batched, Vmap, active, core, everywhere, physical, wrapped

__all__ = ["Level", "enable_grad"]

Tensor = _native.Tensor
_Tensors: TypeAlias = Sequence[Tensor]


def below(tensors: Iterable[Tensor], stop: str = "", since: int = -1) -> Iterator[_native.Node]:
    """The nodes below these, newer than `since`, but for those named `stop` and beyond them."""
    todo = [node for x in tensors if (node := core(x)[0].grad_fn) is not None]
    seen = set(todo)
    while todo:
        node = todo.pop()
        if stop and node.name() == stop:
            continue
        yield node
        for further, _ in node.next_functions:
            if further is not None and further not in seen and further._sequence_nr() > since:
                seen.add(further)
                todo.append(further)


def _reach(tensors: Sequence[Tensor], own: set[int], stop: str = "") -> bool:
    """Whether the tape leads from one of these to a leaf that is not in `own`."""
    leaves = [x for given in tensors if (x := core(given)[0]).requires_grad and x.grad_fn is None]
    if any(id(leaf) not in own for leaf in leaves):
        return True
    found = (getattr(node, "variable", None) for node in below(tensors, stop))
    return any(isinstance(leaf, Tensor) and id(leaf) not in own for leaf in found)


class Level:
    """One transform of a function: its inputs, and whether anybody outside records."""

    def __init__(self) -> None:
        self.tracked = is_grad_enabled()
        self.vmaps = list(active())
        self.inputs: list[Tensor] = []
        self.leaves: list[Tensor] = []
        self._own: set[int] = set()

    def leaf(self, x: Tensor) -> Tensor:
        """Makes `x` a leaf that nobody outside knows of."""
        x = everywhere(x, self.vmaps)
        plain = core(x)[0].requires_grad_()
        self.leaves.append(plain)
        self._own.add(id(plain))
        return x

    def fresh(self, x: object) -> Tensor:
        """An input to differentiate by. ValueError for what is no tensor."""
        if not isinstance(x, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
        if self.tracked and x.requires_grad:
            plain = core(everywhere(x, self.vmaps))[0]
            mine = wrapped(plain.view_as(plain), self.vmaps)
        else:
            mine = self.leaf(x.detach())
        self.inputs.append(mine)
        return mine

    def beyond(self, values: Iterable[object]) -> Vmap | None:
        """A vmap of these that did not run when the level was made."""
        for value in values:
            if type(value) is Batched:
                for other in core(cast("Tensor", value))[1]:
                    if all(other is not mine for mine in self.vmaps):
                        return other
        return None

    def reaches(self, tensors: Sequence[Tensor], stop: str = "") -> bool:
        """Whether a caller may differentiate one of these, by ways without a node `stop`."""
        return self.tracked and _reach(tensors, self._own, stop)

    def left(self, value: object) -> object:
        """What leaves the transform: cut off the tape, unless it depends on what is outside."""
        if not isinstance(value, Tensor) or not value.requires_grad or self.reaches((value,)):
            return value
        return value.detach()

    def kept(self, value: Tensor) -> Tensor:
        """A product that was recorded: cut off if it depends on leaves of the level alone."""
        return value if value.requires_grad and _reach((value,), self._own) else value.detach()

    def gradients(
        self,
        outputs: _Tensors,
        vectors: _Tensors | None,
        create_graph: bool,
        inputs: _Tensors | None = None,
        retain: bool = True,
    ) -> list[Tensor | None]:
        """The products with the Jacobian, by each of `inputs`; None where nothing depends on one.

        `vectors` are ones if not given.
        """
        wanted = self.inputs if inputs is None else inputs
        ys, made = [], []
        for k, out in enumerate(outputs):
            y = physical(out, self.vmaps)  # what lacks a dimension depends on no input
            if y is None or not y.requires_grad:
                continue
            ys.append(y)
            v = None if vectors is None else everywhere(vectors[k], self.vmaps)
            made.append(_native.ones_like(y) if v is None else core(v)[0])
        if not ys or not wanted:
            return [None] * len(wanted)
        xs = tuple(core(x)[0] for x in wanted)
        with enable_grad():
            found = _native.run_backward(
                tuple(ys), tuple(made), retain or create_graph, create_graph, xs, True, False
            )
        return [None if g is None else wrapped(g, self.vmaps) for g in found]


def filled(grads: Iterable[Tensor | None], inputs: Iterable[Tensor]) -> list[Tensor]:
    """The gradients, zeros in place of None."""
    pairs = zip(grads, inputs, strict=True)
    return [_native.zeros_like(x.detach()) if g is None else g for g, x in pairs]
