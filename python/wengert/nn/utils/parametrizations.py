"""Parametrizations of weights: orthogonal ones, weight norm, spectral norm."""

from __future__ import annotations

from typing import TypeVar

from ... import _native
from ..._native import Tensor
from ..._typing import StateDict
from ...autograd.grad_mode import no_grad
from .. import functional as F
from ..modules.module import Module
from ._orthogonal import MAPS, Orthogonal
from .parametrize import register_parametrization
from .spectral_norm import as_matrix, default_dim, drawn, require_positive
from .weight_norm import norm_except_dim, normed

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

_Module = TypeVar("_Module", bound=Module)


def _weight(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, _native.Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


class _WeightNorm(Module):
    """w = g v / ||v||"""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        """The lengths and the tensor of the directions -> the weight"""
        return normed(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """What gives the weight."""
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: _Module, name: str = "weight", dim: int | None = 0) -> _Module:
    """Makes a tensor of the module w = g v / ||v|| of its length and direction; the module.

    They are `parametrizations.weight.original0` and `original1`; states with the older `weight_g`
    and `weight_v` are loaded too. There is a g for each index of `dim`, or one of all with None.
    Salimans, Kingma, arXiv:1602.07868.
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def older(_: Module, state_dict: StateDict, prefix: str, *more: object) -> None:
        keys = f"{prefix}{name}_g", f"{prefix}{name}_v"
        if all(key in state_dict for key in keys):
            values = [state_dict.pop(key) for key in keys]
            for i, value in enumerate(values):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = value

    module.register_load_state_dict_pre_hook(older)
    return module


class _SpectralNorm(Module):
    """W / (u^T W v), with u and v near the singular vectors of the largest singular value."""

    _u: Tensor
    _v: Tensor

    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got "
                f"{dim})"
            )
        require_positive(n_power_iterations)
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim)
            with no_grad():
                u, v = (drawn(matrix, n, eps) for n in matrix.shape)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)
            self._power_method(matrix, 15)

    def _power_method(self, matrix: Tensor, n_power_iterations: int) -> None:
        """u = W v / |W v|, v = W^T u / |W^T u|"""
        with no_grad():
            for _ in range(n_power_iterations):
                self._u.copy_(F.normalize(_native.mv(matrix, self._v), dim=0, eps=self.eps))
                self._v.copy_(F.normalize(_native.mv(matrix.t(), self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight -> itself over its largest singular value; a vector over its length"""
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        # The next call changes them, which the backward of this one may still need.
        u, v = self._u.clone(), self._v.clone()
        return weight / _native.dot(u, _native.mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself, taken for one that has norm 1."""
        return value


def spectral_norm(
    module: _Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> _Module:
    """Makes a tensor of the module itself over its largest singular value; returns the module.

    A vector is divided by its length. The singular value is estimated by vectors that are buffers
    of the parametrization, drawn at random, improved by 15 power iterations, and by
    `n_power_iterations` more whenever the tensor is asked for in training. The rows of the matrix
    are those of dimension `dim`, 0 unless given, and 1 for transposed convolutions (IndexError if
    there is no such). `eps` is the least length that vectors are divided by. ValueError for a name
    that is no tensor of the module's. Miyato et al., arXiv:1802.05957.
    """
    weight = _weight(module, name)
    wanted = default_dim(module) if dim is None else dim
    parametrization = _SpectralNorm(weight, n_power_iterations, wanted, eps)
    return register_parametrization(module, name, parametrization)


def orthogonal(
    module: _Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> _Module:
    """Makes a matrix of the module, or a batch of them, orthogonal: its columns, or its rows if
    there are fewer; returns the module.

    `orthogonal_map` is "matrix_exp" or "cayley", of a skew-symmetric matrix of the free numbers, or
    "householder", a product of reflections; by default the first of square matrices, the last of
    others. With `use_trivialization` it is a rotation of the matrix that was there or was assigned
    last, which is a buffer `base`; without, only that of reflections can be assigned to. ValueError
    for a name that is no matrix of the module's and for another map.
    """
    weight = _weight(module, name)
    if weight.ndim < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions."
        )
    square = weight.shape[-1] == weight.shape[-2]
    chosen = orthogonal_map or ("matrix_exp" if square else "householder")
    if chosen not in MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: '
            f"{orthogonal_map}"
        )
    parametrization = Orthogonal(weight, chosen, use_trivialization)
    return register_parametrization(module, name, parametrization, unsafe=True)
