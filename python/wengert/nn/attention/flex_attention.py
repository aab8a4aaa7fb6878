"""Attention whose scores and mask are functions of the user's.

`score_mod(score, batch, head, q_idx, kv_idx)` gives another score, `mask_mod(batch, head, q_idx,
kv_idx)` says whether a query sees a key. In PyTorch they are written for single numbers. Here they
are called once, with tensors that broadcast to all scores: that gives the same for whatever is made
of operations on elements and of lookups in tensors by these numbers, with its gradients. All scores
are held at once, and masks as bools: what is masked costs what the rest does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ... import _native
from ..._native import Tensor
from ..._types import on_cpu
from ..._typing import Device

__all__ = [
    "AuxOutput",
    "AuxRequest",
    "BlockMask",
    "and_masks",
    "create_block_mask",
    "create_mask",
    "flex_attention",
    "noop_mask",
    "or_masks",
]

MaskMod: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
ScoreMod: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


class AuxRequest(NamedTuple):
    """What `flex_attention` gives beside its result."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for by an `AuxRequest`, each of (B, Hq, L)."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


_DEFAULT_SPARSE_BLOCK_SIZE = 128


def _places(*sizes: int) -> list[Tensor]:
    """The numbers of the batch, head, query and key, each along a dimension of its own."""
    ones = (1, 1, 1)
    return [_native.arange(n).reshape(*ones[:i], n, *ones[i:]) for i, n in enumerate(sizes)]


def noop_mask(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """The mask by which every query sees every key."""
    return batch.new_ones((), dtype=_native.bool)


def and_masks(*mask_mods: MaskMod) -> MaskMod:
    """The mask by which a query sees a key if it does by all of these."""
    return _combined(mask_mods, True)


def or_masks(*mask_mods: MaskMod) -> MaskMod:
    """The mask by which a query sees a key if it does by one of these."""
    return _combined(mask_mods, False)


def _combined(mask_mods: tuple[MaskMod, ...], every: bool) -> MaskMod:
    if not all(callable(mask) for mask in mask_mods):
        raise RuntimeError(f"All inputs should be callable mask_mods: {mask_mods}")

    def mask_mod(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        seen = b.new_full((), every, dtype=_native.bool)
        for mask in mask_mods:
            more = mask(b, h, q_idx, kv_idx)
            seen = _native.logical_and(seen, more) if every else _native.logical_or(seen, more)
        return seen

    return mask_mod


def create_mask(
    mod_fn: MaskMod | ScoreMod,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Device = None,
) -> Tensor:
    """The mask of `mask_mod`, bools of (B, H, Q_LEN, KV_LEN); None stands for 1."""
    sizes = (B or 1, H or 1, Q_LEN, KV_LEN)
    seen: Tensor = mod_fn(*_places(*sizes))
    return seen.to(_native.bool).expand(*sizes).contiguous()


class BlockMask:
    """A mask for `flex_attention`: the function, and which queries see which keys.

    `shape` is (B, H, Q_LEN, KV_LEN); `to_dense()` has a 1 for each block of `BLOCK_SIZE` queries
    and keys of which one pair is seen.
    """

    def __init__(self, seen: Tensor, mask_mod: MaskMod, block_size: tuple[int, int]) -> None:
        self._seen, self.mask_mod, self.BLOCK_SIZE = seen, mask_mod, block_size
        self.seq_lengths = (seen.shape[-2], seen.shape[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._seen.shape)

    def numel(self) -> int:
        """The number of pairs."""
        return self._seen.numel()

    def to_dense(self) -> Tensor:
        """int32 of (B, H, blocks of queries, blocks of keys)."""
        rows, columns = (-(-n // size) for n, size in zip(self.seq_lengths, self.BLOCK_SIZE,
                                                          strict=True))  # fmt: skip
        whole = self._seen.new_zeros(
            (*self.shape[:2], rows * self.BLOCK_SIZE[0], columns * self.BLOCK_SIZE[1])
        )
        whole[:, :, : self.seq_lengths[0], : self.seq_lengths[1]] = self._seen
        blocks = whole.reshape(
            *self.shape[:2], rows, self.BLOCK_SIZE[0], columns, self.BLOCK_SIZE[1]
        )
        return blocks.amax((3, 5)).to(_native.int32)

    def sparsity(self) -> float:
        """The share of blocks of which nothing is seen, in percent."""
        return 100 * (1 - float(self.to_dense().to(_native.float64).mean()))

    def to(self, device: Device) -> BlockMask:
        """Itself: there is the CPU only. RuntimeError for another device."""
        on_cpu(device or "cpu")
        return self

    def __getitem__(self, index: object) -> BlockMask:
        return BlockMask(self._seen[index], self.mask_mod, self.BLOCK_SIZE)

    def __repr__(self) -> str:
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%)"


def create_block_mask(
    mask_mod: MaskMod,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Device = None,
    BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE,
    _compile: bool = False,
    separate_full_blocks: bool = True,
    compute_dq_write_order: bool = False,
    dq_kv_order: bool = True,
) -> BlockMask:
    """The mask of `mask_mod` for `flex_attention`; a B or H of None is any. What concerns the order
    in which PyTorch computes blocks is accepted and changes nothing."""
    size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
    return BlockMask(create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device), mask_mod, size)


def flex_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score_mod: ScoreMod | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: dict[str, object] | None = None,
    *,
    return_aux: AuxRequest | None = None,
) -> Tensor | tuple[Tensor, Tensor | AuxOutput]:
    """softmax(score_mod(q k^T scale)) v; with `return_aux` also what that asks for, the logarithm
    of each softmax's sum or the largest scores, with `return_lse` the former.

    `query` is (B, Hq, L, E), `key` (B, Hkv, S, E), `value` (B, Hkv, S, Ev); the result (B, Hq, L,
    Ev). `scale` is 1 / sqrt(E) unless given. With `enable_gqa` Hq may be a multiple of Hkv. A query
    that sees no key gives zeros. ValueError for other numbers of dimensions or heads.
    """
    for name, x in (("query", query), ("key", key), ("value", value)):
        if x.dim() != 4:
            raise ValueError(f"flex_attention: {name} must have 4 dimensions, got {x.dim()}")
    groups, rest = divmod(query.shape[1], max(key.shape[1], 1))
    if rest or (groups != 1 and not enable_gqa):
        raise ValueError(
            f"flex_attention: {query.shape[1]} heads of queries, {key.shape[1]} of keys; "
            "enable_gqa=True takes a multiple"
        )
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = _native.matmul(query, key.transpose(-2, -1)) * scale  # B, Hq, L, S
    sizes = tuple(scores.shape)
    if score_mod is not None:
        scores = score_mod(scores, *_places(*sizes)).expand(*sizes)
    if block_mask is not None:
        seen = block_mask._seen[..., : sizes[2], : sizes[3]]
        scores = scores.masked_fill(~seen, -math.inf)
    lse = scores.logsumexp(-1, keepdim=True)
    weights = (scores - lse.masked_fill(lse == -math.inf, 0)).exp()
    result = _native.matmul(weights.to(value.dtype), value)
    if return_aux is not None:
        highest = scores.amax(-1) if return_aux.max_scores else None
        return result, AuxOutput(lse.squeeze(-1) if return_aux.lse else None, highest)
    return (result, lse.squeeze(-1)) if return_lse else result
