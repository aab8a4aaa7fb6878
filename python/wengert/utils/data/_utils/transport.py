"""Messages between a loader and the processes of its workers.

Note [batches between processes]
A message is one pickle over a Unix socket, and the memory of the tensors and arrays in it goes
beside it. Up to `_INLINE` bytes of that go through the socket too. More are written into a file
without a name (memfd) whose descriptor is sent along: the receiver maps it, closes the descriptor
at once, and the tensors of the batch lie there, so that nobody copies them again. A descriptor in
flight belongs to the socket: nothing is left of it whoever is killed, there is no server to ask and
no lock that a killed worker could hold. The number of batches that a program may keep is not
bounded by that of open files.
"""

from __future__ import annotations

import ctypes
import io
import mmap
import os
import pickle
import socket
import struct
import weakref
from collections.abc import Callable
from functools import cache
from multiprocessing.reduction import ForkingPickler
from typing import cast

import numpy as np

from .... import _native
from ...._native import Tensor
from ...._types import bits, dtype_name, from_bits, numpy_dtype
from ...._typing import Args, UserFunction

_HEADER = struct.Struct("<4Q")  # bytes of the pickle, of all memory, blocks of it, in a file?
_INLINE = 1 << 16
_ALIGNED = 64


def _rebuild(
    cls: type[Tensor],
    memory: object,
    dtype: str,
    shape: tuple,
    strides: tuple,
    requires_grad: bool,
    attributes: dict[str, object] | None,
) -> Tensor:
    kind = numpy_dtype(getattr(_native, dtype))
    if 0 in shape:
        array = np.zeros(shape, kind)
    else:
        flat = np.frombuffer(memory, kind)  # type: ignore[call-overload]
        steps = [step * kind.itemsize for step in strides]
        array = np.lib.stride_tricks.as_strided(flat, shape, steps)
    tensor = from_bits(array, dtype)
    if cls is not _native.Tensor:
        tensor = _native.make_parameter(cls, tensor, requires_grad)
    elif requires_grad:
        tensor.requires_grad_()
    if attributes:
        vars(tensor).update(attributes)
    return tensor


def _reduce(tensor: Tensor) -> tuple[UserFunction, Args]:
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "DataLoader: a worker made a tensor with a history, which does not cross into another "
            "process: detach() it"
        )
    dense = tensor.detach()
    if not dense.is_contiguous():
        dense = dense.clone()  # keeps the order of dimensions; expanded ones are written out
    strides = tuple(dense.stride())
    memory = np.zeros(0, np.uint8)
    if dense.numel():  # its memory as it lies: without gaps
        array = bits(dense)
        flat = np.lib.stride_tricks.as_strided(array, (array.size,), (array.itemsize,))
        memory = flat.view(np.uint8)
    own = dict(getattr(tensor, "__dict__", None) or {})
    arguments = (
        type(tensor), pickle.PickleBuffer(cast("bytes", memory)), dtype_name(tensor.dtype),
        tuple(tensor.shape), strides, bool(tensor.requires_grad), own or None,
    )  # fmt: skip
    return cast("UserFunction", _rebuild), arguments


class _Pickler(ForkingPickler):
    """Tensors and arrays leave their memory to `buffers`."""

    def __init__(self, file: io.BytesIO, buffers: list[memoryview]) -> None:
        def beside(buffer: pickle.PickleBuffer) -> None:
            buffers.append(buffer.raw())

        super().__init__(file, 5, True, beside)

    def reducer_override(self, value: object) -> tuple[UserFunction, Args]:
        if isinstance(value, _native.Tensor):
            return _reduce(value)
        return NotImplemented


def pack(value: object, inline: bool = False) -> tuple[list[bytes | memoryview], int | None]:
    """What to send for `value`: parts for the socket, and the descriptor that goes along.

    Raises what pickling raises. With `inline` all goes through the socket.
    """
    stream, buffers = io.BytesIO(), list[memoryview]()
    _Pickler(stream, buffers).dump(value)
    pickled = stream.getbuffer()
    size = sum(_padded(buffer.nbytes) for buffer in buffers)
    beside = not inline and size > _INLINE and hasattr(os, "memfd_create")
    lengths = struct.pack(f"<{len(buffers)}Q", *(buffer.nbytes for buffer in buffers))
    head = _HEADER.pack(pickled.nbytes, size, len(buffers), beside)
    parts: list[bytes | memoryview] = [head, lengths, pickled]
    if not beside:
        for buffer in buffers:
            parts += [buffer, bytes(_padded(buffer.nbytes) - buffer.nbytes)]
        return parts, None
    return parts, _file_of(buffers)


def _padded(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


def _file_of(buffers: list[memoryview]) -> int:
    descriptor = os.memfd_create("wengert")
    try:
        start = 0
        for buffer in buffers:
            done = 0
            while done < buffer.nbytes:
                done += os.pwrite(descriptor, buffer[done:], start + done)
            start += _padded(buffer.nbytes)
        os.ftruncate(descriptor, start)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def unpack(header: bytes, descriptors: list[int], read: Callable[[int], bytearray]) -> object:
    """The value of a message whose header has come; `read` gives so many bytes of what follows."""
    pickled, size, count, beside = _HEADER.unpack(header)
    try:
        lengths = struct.unpack(f"<{count}Q", read(8 * count))
        data = read(pickled)
        memory = _mapped(descriptors[0], size) if beside else memoryview(read(size))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    blocks, start = [], 0
    for length in lengths:
        blocks.append(memory[start : start + length])
        start += _padded(length)
    return pickle.loads(data, buffers=blocks)


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    size, number = ctypes.c_size_t, ctypes.c_int
    libc.mmap.argtypes = [ctypes.c_void_p, size, number, number, number, ctypes.c_longlong]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return libc


def _mapped(descriptor: int, size: int) -> memoryview:
    """The file's memory; Python's own mmap would keep a descriptor open for each batch."""
    libc = _libc()
    address = libc.mmap(
        None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, descriptor, 0
    )
    if address in (None, ctypes.c_void_p(-1).value):
        number = ctypes.get_errno()
        raise OSError(number, f"DataLoader: mapping a batch of {size} bytes: {os.strerror(number)}")
    whole = (ctypes.c_ubyte * size).from_address(address)
    # Tensors may outlive the interpreter's last steps: at its end the system takes the memory.
    weakref.finalize(whole, libc.munmap, address, size).atexit = False
    return memoryview(whole).cast("B")


def _no_patience() -> None:
    raise TimeoutError


def _read(source: socket.socket, size: int, patience: Callable[[], None]) -> bytearray:
    data = bytearray(size)
    view, done = memoryview(data), 0
    while done < size:
        try:
            got = source.recv_into(view[done:])
        except TimeoutError:
            patience()
            continue
        if not got:
            raise EOFError
        done += got
    return data


def receive(source: socket.socket, patience: Callable[[], None] = _no_patience) -> object:
    """The next message; EOFError at the end of the stream.

    `patience` is called whenever nothing came for as long as the socket waits.
    """
    while True:
        try:
            start, descriptors, _, _ = socket.recv_fds(source, _HEADER.size, 1)
            break
        except TimeoutError:
            patience()
    if not start:
        raise EOFError
    header = start + bytes(_read(source, _HEADER.size - len(start), patience))
    return unpack(header, descriptors, lambda size: _read(source, size, patience))


def send(
    target: socket.socket,
    parts: list[bytes | memoryview],
    descriptor: int | None,
    patience: Callable[[], None],
) -> None:
    """Sends what `pack` gave; `patience` is called whenever nothing could be sent for long."""
    try:
        for i, part in enumerate(parts):
            view = memoryview(part)
            while view.nbytes:
                try:
                    if i == 0 and descriptor is not None and view.nbytes == _HEADER.size:
                        sent = socket.send_fds(target, [view], [descriptor])
                    else:
                        sent = target.send(view)
                except TimeoutError:
                    patience()
                    continue
                view = view[sent:]
    finally:
        if descriptor is not None:
            os.close(descriptor)


__all__ = ["pack", "receive", "send"]
