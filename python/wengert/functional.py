"""`torch.functional`: what is in the package itself, under the module's name."""

from __future__ import annotations

from ._composed import unique_consecutive
from ._einsum import einsum, tensordot
from ._functions import broadcast_shapes
from ._matrices import block_diag, chain_matmul, pca_lowrank, svd_lowrank
from ._native import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_tensors,
    cartesian_prod,
    cdist,
    meshgrid,
    norm,
    split,
    unravel_index,
)
from ._search import unique
from ._spellings import lu

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block_diag",
    "broadcast_shapes",
    "broadcast_tensors",
    "cartesian_prod",
    "cdist",
    "chain_matmul",
    "einsum",
    "lu",
    "meshgrid",
    "norm",
    "pca_lowrank",
    "split",
    "svd_lowrank",
    "tensordot",
    "unique",
    "unique_consecutive",
    "unravel_index",
]
