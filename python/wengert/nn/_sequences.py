"""Sequences of mixed lengths: padded, packed, and back. Users find this in `nn.utils.rnn`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar, cast

from .. import _native
from .._native import Tensor

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]

_T = TypeVar("_T")


class PackedSequence_(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(PackedSequence_):
    """Sequences of mixed lengths without padding, as recurrent layers take them.

    `data` (rows, *) has step 0 of all sequences, the longest first, then step 1 of those that have
    one, and so on; `batch_sizes` (steps), int64, says how many. `sorted_indices` gave them this
    order and `unsorted_indices` gives it back; None if they were in it. Made by pack_sequence and
    pack_padded_sequence; PackedSequence(data, batch_sizes) is for those who have packed themselves.
    """

    _batch: int | None  # how many sequences there are, where that is known

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        self = super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)
        self._batch = None
        return self

    def to(self, *args: object, **kwargs: object) -> PackedSequence:
        """With `data.to(...)` in place of data; itself if nothing changes."""
        convert: Callable[..., Tensor] = self.data.to
        data = convert(*args, **kwargs)
        return self if data is self.data else with_data(self, data)

    def cpu(self, *args: object, **kwargs: object) -> PackedSequence:
        """Itself."""
        return self.to(*args, **kwargs)

    def cuda(self, *args: object, **kwargs: object) -> PackedSequence:
        """RuntimeError: there are no GPUs."""
        return self.to(*args, **{"device": "cuda", **kwargs})

    def double(self) -> PackedSequence:
        """As float64."""
        return self.to(dtype=_native.float64)

    def float(self) -> PackedSequence:
        """As float32."""
        return self.to(dtype=_native.float32)

    def long(self) -> PackedSequence:
        """As int64."""
        return self.to(dtype=_native.int64)

    def int(self) -> PackedSequence:
        """As int32."""
        return self.to(dtype=_native.int32)

    def byte(self) -> PackedSequence:
        """As uint8."""
        return self.to(dtype=_native.uint8)

    def pin_memory(self) -> PackedSequence:
        """Itself: there is no memory of another kind."""
        return self

    @property
    def is_cuda(self) -> bool:
        """False."""
        return False

    def is_pinned(self) -> bool:
        """False."""
        return False


def count(packed: PackedSequence) -> int:
    """How many sequences there are; reads it if nothing else says so."""
    if packed._batch is None:
        order = packed.sorted_indices
        packed._batch = int(packed.batch_sizes[0]) if order is None else order.shape[0]
    return packed._batch


def with_data(packed: PackedSequence, data: Tensor) -> PackedSequence:
    """Other numbers of the same sequences."""
    result = type(packed)(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
    result._batch = packed._batch
    return result


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """p such that p[permutation[i]] = i; None of None."""
    if permutation is None:
        return None
    places = _native.arange(0, permutation.numel())
    return _native.empty_like(permutation).scatter_(0, permutation, places)


def pack_padded_sequence(
    input: Tensor,
    lengths: Tensor | Sequence[int],
    batch_first: bool = False,
    enforce_sorted: bool = True,
) -> PackedSequence:
    """Packs a padded tensor (steps, batch, *), with `batch_first` (batch, steps, *).

    `lengths` are those of the sequences, each from 1 to steps, the longest first; without
    `enforce_sorted` they are sorted here. RuntimeError for others. Captured functions want them as
    a list: how many rows there are may not depend on what a tensor holds.
    """
    dim = 0 if batch_first else 1
    order: Tensor | None = None
    sizes: Tensor | list[int]
    if isinstance(lengths, Tensor):
        sizes = lengths.to(dtype=_native.int64)
        if not enforce_sorted:
            sizes, order = _native.sort(sizes, descending=True, stable=True)
    else:
        given = [int(n) for n in lengths]
        places: Sequence[int] = range(len(given))
        if not enforce_sorted:
            places = sorted(places, key=given.__getitem__, reverse=True)
            order = _native.tensor(places)
        sizes = [given[i] for i in places]
    if order is not None:
        input = input.index_select(dim, order)
    data, batch_sizes = _native.ops.pack_padded(input, sizes, batch_first)
    result = PackedSequence(data, batch_sizes, order)
    result._batch = input.shape[dim]
    return result


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The padded tensor (steps, batch, *), with `batch_first` (batch, steps, *), and the lengths.

    It undoes pack_padded_sequence, the order included; `total_length` steps, if given. ValueError
    if they are fewer than the longest sequence has.
    """
    steps = sequence.batch_sizes.size(0)
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, "
                f"but got total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    padded, lengths = _native.ops.pad_packed(
        sequence.data, sequence.batch_sizes, batch_first, padding_value, steps, count(sequence)
    )
    order = sequence.unsorted_indices
    if order is not None:
        return padded.index_select(0 if batch_first else 1, order), lengths.index_select(0, order)
    return padded, lengths


def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (length, *) as one tensor (longest, batch, *), or batch first.

    `padding_value` stands behind shorter ones, or before them if `padding_side` is "left". Their
    other sizes must be the same.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    padded = _native.ops.pad_sequences(tuple(sequences), batch_first, padding_value, padding_side)
    return cast("Tensor", padded)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """The sequences (length, *) of a padded tensor, by their lengths."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    pairs = zip(padded_sequences, lengths.tolist(), strict=True)
    return [sequence[: max(0, n)].clone() for sequence, n in pairs]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Packs sequences (length, *), the longest first; others if not `enforce_sorted`."""
    lengths = [sequence.size(0) for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences (length, *) that were packed, in their order."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
