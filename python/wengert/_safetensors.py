"""Safetensors files; the package `safetensors` is imported on first use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import ModuleType

import numpy as np

from . import _native
from ._files import atomic_write
from ._native import Tensor


def _safetensors() -> ModuleType:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            "safetensors is needed for .safetensors files: pip install 'wengert[demo]'"
        ) from None
    return safetensors


def save_safetensors(
    state: Mapping[str, Tensor],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes a flat dict of tensors as a safetensors file, atomically.

    `metadata` maps strings to strings. Tensors are made contiguous; memory that two share is
    written twice. Raises TypeError for a value that is no tensor.
    """
    for name, value in state.items():
        if not isinstance(value, _native.Tensor):
            raise TypeError(f"save_safetensors: {name!r} is a {type(value).__name__}, not a tensor")
    arrays = {name: np.ascontiguousarray(t.detach().numpy()) for name, t in state.items()}
    for name, tensor in state.items():
        arrays[name] = arrays[name].reshape(tuple(tensor.shape))  # 0-d came out as 1-d
    data = _safetensors().numpy.save(arrays, dict(metadata) if metadata else None)
    with atomic_write(path) as file:
        file.write(data)


# What is stored -> how its bytes are read, and the dtype that holds all of it.
_WIDENED = {
    "F16": ("<f2", np.float32),
    "BF16": ("<u2", np.float32),
    "I8": ("i1", np.int32),
    "I16": ("<i2", np.int32),
    "U16": ("<u2", np.int32),
    "U32": ("<u4", np.int64),
}


def _widen(kind: str, data: bytes, shape: list[int]) -> np.ndarray:
    stored, wanted = _WIDENED[kind]
    array = np.frombuffer(data, stored).reshape(shape)
    if kind == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(wanted)


def _read(path: str, module: ModuleType) -> tuple[dict[str, np.ndarray], dict[str, str], set[str]]:
    """(arrays by name, metadata, the dtypes that were widened)."""
    arrays: dict[str, np.ndarray] = {}
    narrow = {}
    with module.safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        for name in file.keys():  # noqa: SIM118
            kind = file.get_slice(name).get_dtype()
            if kind in _WIDENED:
                narrow[name] = kind
            elif kind in ("BOOL", "U8", "I32", "I64", "F32", "F64"):
                arrays[name] = np.array(file.get_tensor(name))
            else:
                raise TypeError(f"tensor {name!r} is of dtype {kind}, which there is no dtype for")
    if narrow:  # NumPy has not all of them: the bytes are read as they are
        with open(path, "rb") as stored:
            for name, found in module.deserialize(stored.read()):
                if name in narrow:
                    arrays[name] = _widen(narrow[name], found["data"], found["shape"])
    return arrays, metadata, set(narrow.values())


def load_safetensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Reads a safetensors file: (tensors by name, metadata).

    F16 and BF16 become float32, I8, I16 and U16 int32, U32 int64, with one warning. Raises
    FileNotFoundError, or ValueError for a file that is not in the format.
    """
    module = _safetensors()
    with open(path, "rb"):
        pass  # an error of the file system, in its own words
    try:
        arrays, metadata, widened = _read(os.fspath(path), module)
    except (module.SafetensorError, TypeError) as error:
        raise ValueError(f"load_safetensors: {os.fspath(path)}: {error}") from None
    if widened:
        _native._warn(f"load_safetensors: tensors of {', '.join(sorted(widened))} were widened")
    return {name: _native.from_numpy(array) for name, array in arrays.items()}, metadata
