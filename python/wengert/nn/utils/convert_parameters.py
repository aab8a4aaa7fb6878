"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from ... import _native
from ..._common import typename
from ..._native import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters in order, as one recorded vector."""
    return _native.cat([param.reshape(-1) for param in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Makes each parameter's data a slice of `vec`, in order; they share its storage."""
    if not isinstance(vec, _native.Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {typename(vec)}")
    start = 0
    for param in parameters:
        end = start + param.numel()
        param.data = vec[start:end].reshape(param.shape).data
        start = end
