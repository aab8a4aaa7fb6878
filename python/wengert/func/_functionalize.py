"""`functionalize`: a function whose results share no memory with what it changed."""

from __future__ import annotations

from collections.abc import Callable

from .. import _pytree
from .._typing import UserFunction
from ._arguments import wraps
from ._batched import Batched, Tensor, method

_ALLOWED = ("mutations", "mutations_and_views")


def _whole(x: Tensor) -> Tensor:
    """The tensor with the dimensions that a `vmap` hides."""
    while type(x) is Batched:
        x = x.value
    return x


def _memory(x: Tensor) -> int:
    return _whole(x).untyped_storage().data_ptr()


def functionalize(func: UserFunction, *, remove: str = "mutations") -> Callable[..., object]:
    """A function that gives what `func` gives, in memory of its own where `func` changes arguments.

    What `func` writes into an argument is in it when the call has returned, as in PyTorch, and the
    result does not change with the argument later. With `remove="mutations_and_views"` no result
    is a view of an argument either; an argument that is returned is itself. PyTorch rewrites the
    operations within as well, for those who record them; here nothing can see the difference, as a
    captured program holds what was done. RuntimeError for another `remove`.

        >>> functionalize(lambda x: x.view(2, 2).add_(1))(torch.ones(4))
        tensor([[2., 2.],
                [2., 2.]])
    """
    if remove not in _ALLOWED:
        raise RuntimeError(
            f"functionalize(f, remove={remove!r}): valid options for remove are 'mutations' and "
            "'mutations_and_views'"
        )

    @wraps(func)
    def wrapper(*args: object, **kwargs: object) -> object:
        leaves = _pytree.tree_leaves((args, kwargs))
        given = [x for x in leaves if isinstance(x, Tensor)]
        before = [_whole(x)._version for x in given]
        output = func(*args, **kwargs)
        changed = {
            _memory(x) for x, n in zip(given, before, strict=True) if _whole(x)._version != n
        }
        shared = {_memory(x) for x in given} if remove == "mutations_and_views" else changed

        def own(out: object) -> object:
            if not isinstance(out, Tensor) or _whole(out).numel() == 0:
                return out
            memory = _memory(out)
            if memory in changed or (memory in shared and not any(out is x for x in given)):
                return method("clone", out)
            return out

        return _pytree.tree_map(own, output)

    return wrapper
