"""Tensors in memory that other processes see.

Note [shared memory]
~~~~~~~~~~~~~~~~~~~~
A segment is a file without a name (memfd), mapped; a tensor lies in it as it lies in a NumPy array.
Whoever has its descriptor maps the same memory, so that is what is sent: a forked child has both
already. The mapping lives as long as a tensor on it, and nothing is left when the last process that
has it ends, however it ends.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref

import numpy as np

from . import _native
from ._native import Tensor
from ._types import from_bits, numpy_dtype

#: Bytes up to which all memory that a tensor lies on is shared with it, however little it is.
_SMALL = 1 << 16
#: The segments that this process has mapped, by address.
_segments: weakref.WeakValueDictionary[int, Segment] = weakref.WeakValueDictionary()


class Segment(mmap.mmap):
    """Memory of `size` bytes behind a descriptor, which is closed with it."""

    descriptor: int
    length: int
    address: int

    def __new__(cls, descriptor: int, size: int) -> Segment:
        self = super().__new__(cls, descriptor, size)
        self.descriptor, self.length = descriptor, size
        self.address = self.bytes().ctypes.data
        weakref.finalize(self, os.close, descriptor)
        _segments[self.address] = self
        return self

    def bytes(self) -> np.ndarray:
        """All of it."""
        return np.frombuffer(self, np.uint8)


def _make(size: int) -> Segment:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("wengert")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        os.ftruncate(descriptor, size)
        return Segment(descriptor, size)
    except BaseException:
        os.close(descriptor)
        raise


def segment_of(tensor: Tensor) -> Segment | None:
    """The segment that the tensor lies in; None if its memory is the process's own."""
    address = tensor.data_ptr()
    found = _segments.get(address)
    if found is not None:
        return found
    for segment in list(_segments.values()):
        if segment.address <= address < segment.address + segment.length:
            return segment
    return None


def share(tensor: Tensor) -> Segment | None:
    """Moves the tensor into shared memory, as it lies; None if it has no elements."""
    segment = segment_of(tensor)
    if segment is not None or not tensor.numel():
        return segment
    source = tensor.detach()
    memory = _native._copy_memory(source)
    if memory.numel() > max(_SMALL, 4 * source.numel() * source.itemsize):  # it is a small part
        source = source.clone()
        memory = _native._copy_memory(source)
    segment = _make(memory.numel())
    segment.bytes()[:] = memory.numpy()
    tensor.data = _native._on_memory(source, _native.from_numpy(segment.bytes()))
    return segment


def at(segment: Segment, dtype: str, start: int, shape: tuple, strides: tuple) -> Tensor:
    """The tensor that begins `start` bytes into a segment; strides are counted in elements."""
    kind = numpy_dtype(getattr(_native, dtype))
    whole = np.frombuffer(segment, kind, offset=start)
    steps = [step * kind.itemsize for step in strides]
    return from_bits(np.lib.stride_tricks.as_strided(whole, shape, steps), dtype)
