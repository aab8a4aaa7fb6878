"""How tensors are pickled for another process: as the descriptor of the memory they lie in."""

from __future__ import annotations

from multiprocessing.reduction import DupFd, ForkingPickler
from typing import Protocol

from .. import _native
from .._native import Tensor
from .._shared import Segment, at, share
from .._types import dtype_name
from .._typing import Args, UserFunction
from ..nn.parameter import Buffer, Parameter

__all__ = ["init_reductions", "rebuild_tensor", "reduce_tensor"]


class _Descriptor(Protocol):
    """What `DupFd` makes: a descriptor on its way."""

    def detach(self) -> int: ...


def rebuild_tensor(
    cls: type[Tensor],
    sent: _Descriptor | None,
    size: int,
    dtype: str,
    layout: tuple[int, tuple, tuple],
    requires_grad: bool,
    attributes: dict[str, object],
) -> Tensor:
    """The tensor in this process, on the memory it was sent with."""
    if sent is None:
        tensor = _native.empty(layout[1], dtype=getattr(_native, dtype))
    else:
        tensor = at(Segment(sent.detach(), size), dtype, *layout)
    if cls is not _native.Tensor:
        tensor = _native.make_parameter(cls, tensor, requires_grad)
    elif requires_grad:
        tensor.requires_grad_()
    if attributes:
        vars(tensor).update(attributes)
    return tensor


def reduce_tensor(tensor: Tensor) -> tuple[UserFunction, Args]:
    """How a tensor is sent, which is moved into shared memory for it.

    RuntimeError for one with a history, which does not cross into another process.
    """
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd "
            "does not support crossing process boundaries.  If you just want to transfer the data, "
            "call detach() on the tensor before serializing (e.g., putting it on the queue)."
        )
    segment = share(tensor)
    start = 0 if segment is None else tensor.data_ptr() - segment.address
    return rebuild_tensor, (
        type(tensor),
        None if segment is None else DupFd(segment.descriptor),
        0 if segment is None else segment.length,
        dtype_name(tensor.dtype),
        (start, tuple(tensor.shape), tuple(tensor.stride())),
        tensor.requires_grad,
        dict(getattr(tensor, "__dict__", None) or {}),
    )


def init_reductions() -> None:
    """From here on the pickles that `multiprocessing` sends have tensors in shared memory."""
    for cls in (_native.Tensor, Parameter, Buffer):
        ForkingPickler.register(cls, reduce_tensor)
