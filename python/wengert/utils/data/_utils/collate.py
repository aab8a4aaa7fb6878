"""How a list of samples becomes one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .... import _native
from ...._functions import as_tensor
from ...._native import Tensor


def _is_namedtuple(value: object) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _array_to_tensor(array: np.ndarray | np.generic) -> Tensor:
    # A 0-d NumPy scalar has no buffer to share.
    return as_tensor(np.asarray(array))


def default_convert(data: Any) -> Any:
    """Turns NumPy arrays inside `data` into tensors, leaving everything else as it is.

    Mappings, named tuples, tuples (which become lists) and other sequences are converted
    element by element; strings, numbers and tensors are returned unchanged.
    """
    if isinstance(data, _native.Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SUOV" else _array_to_tensor(data)
    if isinstance(data, Mapping):
        converted = {key: default_convert(value) for key, value in data.items()}
        return _rebuild_mapping(data, converted)
    if _is_namedtuple(data):
        return type(data)(*(default_convert(item) for item in data))
    if isinstance(data, tuple):
        return [default_convert(item) for item in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _rebuild_sequence(data, [default_convert(item) for item in data])
    return data


def _rebuild_mapping(like: Mapping, items: dict) -> object:
    if type(like) is dict:
        return items
    try:
        return type(like)(items)  # type: ignore[call-arg]
    except TypeError:  # for example a defaultdict, whose constructor takes something else
        return items


def _rebuild_sequence(like: Sequence, items: list) -> object:
    if type(like) is list:
        return items
    try:
        return type(like)(items)  # type: ignore[call-arg]
    except TypeError:  # for example a range
        return items


def default_collate(batch: Any) -> Any:
    """Stacks a non-empty list of samples along a new first dimension.

    Tensors and NumPy arrays of equal shape are stacked; Python floats become one float64
    tensor, ints one int64 tensor, bools one bool tensor; strings and bytes stay a list;
    mappings, named tuples and sequences are collated field by field.

    Raises TypeError for a sample of any other kind, RuntimeError when sequences differ in
    length or tensors in shape.
    """
    first = batch[0]
    if isinstance(first, _native.Tensor):
        return _native.stack(list(batch), 0)
    if isinstance(first, (str, bytes)):  # NumPy's too
        return batch
    if isinstance(first, (np.ndarray, np.generic)):
        if first.dtype.kind in "SUOV":
            raise TypeError(
                f"default_collate: found a NumPy value of dtype {first.dtype}; "
                "needed tensors, numeric arrays, numbers, dicts or lists"
            )
        if first.ndim == 0:
            return _array_to_tensor(np.stack([np.asarray(item) for item in batch]))
        return _native.stack([_array_to_tensor(item) for item in batch], 0)
    if isinstance(first, float):
        return _native.tensor(batch, dtype=_native.float64)
    if isinstance(first, int):
        return _native.tensor(batch)
    if isinstance(first, Mapping):
        joined = {key: default_collate([item[key] for item in batch]) for key in first}
        return _rebuild_mapping(first, joined)
    if _is_namedtuple(first):
        return type(first)(*(default_collate(list(field)) for field in zip(*batch, strict=True)))
    if isinstance(first, Sequence):
        size = len(first)
        if any(len(item) != size for item in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        # zip gives tuples, and a batch of strings is expected back as what zip gave.
        fields = [default_collate(field) for field in zip(*batch, strict=True)]
        return fields if isinstance(first, tuple) else _rebuild_sequence(first, fields)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}"
    )
