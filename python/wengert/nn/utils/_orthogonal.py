"""Orthogonal weights as functions of free ones. M. Lezcano-Casado, arXiv:1909.09501."""

from __future__ import annotations

from ... import _native, linalg
from ..._native import Tensor
from ..._types import finfo
from ...autograd.grad_mode import no_grad
from ..modules.module import Module

MAPS = ("matrix_exp", "cayley", "householder")


def _is_orthogonal(q: Tensor) -> bool:
    """Whether the columns are, to the rounding of their dtype."""
    k = q.shape[-1]
    eps = 10 * k * float(finfo(q.dtype).eps)
    away = q.mT @ q - _native.eye(k, dtype=q.dtype)
    return bool((away.abs() <= eps).all())


def _made_orthogonal(x: Tensor) -> Tensor:
    """The Q of x = Q R with a positive diagonal of R."""
    reflections, tau = _native.geqrf(x)
    q = linalg.householder_product(reflections, tau)
    return q * reflections.diagonal(0, -2, -1).sgn().unsqueeze(-2)


class Orthogonal(Module):
    """Free numbers, in the lower triangle of the longer side -> a weight with orthogonal columns,
    or rows if there are fewer of these."""

    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        self.moves = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        """The free numbers -> the weight, of the same shape"""
        wide = X.size(-2) < X.size(-1)
        x = X.mT if wide else X
        if self.orthogonal_map == "householder":
            q = self._by_reflections(x)
        else:
            q = self._by_rotation(x)
        if self.moves and self.base is not None:
            q = self.base @ q
        return q.mT if wide else q

    def _by_reflections(self, x: Tensor) -> Tensor:
        below = x.tril(-1)
        tau = 2.0 / (1.0 + (below * below).sum(-2))
        signs = x.diagonal(0, -2, -1).int().unsqueeze(-2)  # not differentiated by
        return linalg.householder_product(below, tau) * signs

    def _by_rotation(self, x: Tensor) -> Tensor:
        n, k = x.size(-2), x.size(-1)
        low = x.tril()
        if n != k:
            low = _native.cat([low, low.new_zeros(*x.shape[:-2], n, n - k)], -1)
        skew = low - low.mT
        if self.orthogonal_map == "matrix_exp":
            q = _native.matrix_exp(skew)
        else:  # (I + A / 2) / (I - A / 2)
            unit = _native.eye(n, dtype=x.dtype)
            q = linalg.solve(unit - skew / 2, unit + skew / 2)
        return q[..., :k]

    def right_inverse(self, Q: Tensor) -> Tensor:
        """Free numbers that give the orthogonal matrix nearest in the sense of QR."""
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of "
                f"shape {Q.shape}."
            )
        with no_grad():
            wide = Q.size(-2) < Q.size(-1)
            q = Q.mT if wide else Q
            if not self.moves:
                free = self._reflections_of(q)
                return free.mT if wide else free
            self._start_at(q)
            free = _native.zeros_like(Q)
            free.diagonal(0, -2, -1).fill_(-1.0)  # the reflections of zeros have the signs -1
            return free

    def _reflections_of(self, q: Tensor) -> Tensor:
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False."
            )
        found, tau = _native.geqrf(q)
        found, diagonal = found.clone(), found.diagonal(0, -2, -1).sign()
        found.diagonal(0, -2, -1).copy_(_native.where(tau == 0, -diagonal, diagonal))
        return found

    def _start_at(self, q: Tensor) -> None:
        n, k = q.size(-2), q.size(-1)
        if n == k:
            self.base = q.clone() if _is_orthogonal(q) else _made_orthogonal(q)
            return
        more = _native.randn(*q.shape[:-2], n, n - k, dtype=q.dtype)
        self.base = _made_orthogonal(_native.cat([q, more], -1))
