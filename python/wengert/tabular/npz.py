"""NPZ archives as tables."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from .errors import TabularError, quoted
from .source import refuse_zip
from .table import Column, Table


def read_npz(path: str, data: bytes) -> Table:
    """The arrays of an archive as columns; those of an array of several are `name[0]`, `name[1]`.

    TabularError for what is no such archive, and for arrays that do not fit each other.
    """
    arrays = _arrays(path, data)
    if not arrays:
        raise TabularError(f"{path}: the archive is empty")
    columns: dict[str, Column] = {}
    length: int | None = None
    for name, array in arrays.items():
        if array.ndim == 0:
            raise TabularError(f"{path}, array {quoted(name)}: a single value, needed one per row")
        if length is not None and len(array) != length:
            raise TabularError(
                f"{path}, array {quoted(name)}: {len(array)} rows, others have {length}"
            )
        length = len(array)
        columns.update(_columns(path, name, array))
    if not length or not columns:
        raise TabularError(f"{path}: the arrays have no rows")
    return Table(path, columns)


def _arrays(path: str, data: bytes) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    name = ""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            refuse_zip(path, archive.namelist())
            # Packing makes bytes smaller by a factor of 1032 at the most.
            if any(info.file_size > 1100 * len(data) for info in archive.infolist()):
                raise ValueError("sizes that cannot be")
        found = np.load(io.BytesIO(data), allow_pickle=False)
        for name in found.files:
            _check_size(found, name)
            array = found[name]
            if not isinstance(array, np.ndarray):
                raise ValueError("no array")
            arrays[name] = array
    except TabularError:
        raise
    except Exception as error:  # a damaged archive can fail in any way
        if "allow_pickle" in str(error) and name:
            raise TabularError(f"{path}, array {quoted(name)}: holds Python objects") from None
        place = f", array {quoted(name)}" if name else ""
        raise TabularError(f"{path}{place}: not an NPZ archive that can be read") from None
    return arrays


def _check_size(archive: np.lib.npyio.NpzFile, name: str) -> None:
    """Before memory is taken, as the header of a damaged array could ask for any."""
    zipped = archive.zip
    assert zipped is not None
    member = name + ".npy" if name + ".npy" in zipped.NameToInfo else name
    with zipped.open(member) as file:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(file)
    count = 1
    for size in shape:
        count *= size
    if not dtype.hasobject and count * dtype.itemsize > zipped.getinfo(member).file_size:
        raise ValueError("an array larger than its bytes")


def _columns(path: str, name: str, array: np.ndarray) -> dict[str, Column]:
    if array.dtype.kind not in "fiubUS":
        raise TabularError(
            f"{path}, array {quoted(name)}: dtype {array.dtype}, needed numbers or text"
        )
    if array.ndim == 1:
        return {name: _column(name, array)}
    flat = array.reshape(len(array), -1) if len(array) else array.reshape(0, 1)
    return {f"{name}[{i}]": _column(f"{name}[{i}]", flat[:, i]) for i in range(flat.shape[1])}


def _column(name: str, values: np.ndarray) -> Column:
    if values.dtype.kind == "U":
        return Column.of_texts(name, [str(value).strip() for value in values])
    if values.dtype.kind == "S":
        return Column.of_texts(name, [value.decode("utf-8", "replace").strip() for value in values])
    return Column.of_numbers(name, values)
