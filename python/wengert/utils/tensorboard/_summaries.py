"""What is logged, as the summaries that TensorBoard shows."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ... import _native
from ..._protobuf import double, doubles, integer, message, single
from ..._types import numbers
from ..._typing import Kwargs

_STRING, _FLOAT, _DOUBLE = 7, 1, 2  # of tensors
_SCALAR_CLASS, _TENSOR_CLASS = 1, 2


def array(x: object) -> np.ndarray:
    """A tensor, array, number or sequence as an array."""
    return numbers(x.detach()) if isinstance(x, _native.Tensor) else np.asarray(x)


def number(x: object) -> float:
    """A tensor, array or number of one element. ValueError for more."""
    found = array(x)
    if found.size != 1:
        raise ValueError(f"scalar should be 0D, got {found.size} elements")
    return float(found.reshape(-1)[0])


def value(tag: str, *content: bytes, plugin: str = "", data: bytes = b"", kind: int = 0) -> bytes:
    """A summary of one value; a plugin says who shows it."""
    about = b""
    if plugin:
        inside = message(1, plugin) + (message(2, data) if data else b"")
        about = message(9, message(1, inside) + (integer(4, kind) if kind else b""))
    return message(1, message(1, tag) + b"".join(content) + about)


def _tensor(kind: int, shape: Sequence[int], content: bytes) -> bytes:
    sizes = b"".join(message(2, integer(1, n)) for n in shape)
    return message(8, integer(1, kind) + message(2, sizes) + content)


def scalar(tag: str, x: object, new_style: bool, double_precision: bool) -> bytes:
    """A number, as a simple value or, in the new style, as a tensor of the scalars' plugin."""
    found = number(x)
    if not new_style:
        return value(tag, single(2, found))
    if double_precision:
        content = _tensor(_DOUBLE, (), double(6, found))
    else:
        content = _tensor(_FLOAT, (), single(5, found))
    return value(tag, content, plugin="scalars", kind=_SCALAR_CLASS)


def text(tag: str, x: str) -> bytes:
    """A text, in Markdown."""
    content = _tensor(_STRING, (1,), message(8, x))
    return value(f"{tag}/text_summary", content, plugin="text", data=integer(1, 0))


# ---- histograms ------------------------------------------------------------------------------


def _edges() -> np.ndarray:
    """TensorFlow's: from 1e-12 to 1e20 by a tenth more each, and the same below 0."""
    positive = [1e-12]
    while positive[-1] * 1.1 < 1e20:
        positive.append(positive[-1] * 1.1)
    return np.array([-x for x in reversed(positive)] + [0.0] + positive)


def _bins(bins: str | int | Sequence[float]) -> npt.ArrayLike:
    return _edges() if bins == "tensorflow" else bins


def histogram(
    tag: str, values: object, bins: str | int | Sequence[float], max_bins: int | None
) -> bytes:
    """The counts between the first and the last bin that has any, and one empty bin on the left.

    `bins` is "tensorflow" or what NumPy's `histogram` takes. ValueError if there are no values.
    """
    found = array(values).reshape(-1).astype(np.float64)
    if not found.size:
        raise ValueError("The input has no element.")
    counts, limits = np.histogram(found, bins=_bins(bins))
    if max_bins is not None and len(counts) > max_bins:
        every = len(counts) // max_bins
        rest = len(counts) % every
        counts = np.pad(counts, (0, every - rest if rest else 0)).reshape(-1, every).sum(1)
        limits = np.append(limits[:-1][::every], limits[-1])
    used = np.flatnonzero(counts)
    if not used.size:
        raise ValueError("The histogram is empty: no value lies in a bin.")
    first, last = int(used[0]), int(used[-1])
    counts, limits = counts[first : last + 1], limits[first : last + 2]
    return raw_histogram(
        tag,
        float(found.min()),
        float(found.max()),
        found.size,
        float(found.sum()),
        float(found @ found),
        limits.tolist(),
        [0, *counts.tolist()],
    )


def raw_histogram(
    tag: str,
    least: float,
    most: float,
    count: float,
    total: float,
    squares: float,
    limits: Sequence[float],
    counts: Sequence[float],
) -> bytes:
    """Counts and the right limits of their bins. ValueError if these are not as many."""
    if len(limits) != len(counts):
        raise ValueError(
            f"len(bucket_limits) != len(bucket_counts): {len(limits)} and {len(counts)}"
        )
    numbers = (least, most, count, total, squares)
    content = b"".join(double(i, float(x)) for i, x in enumerate(numbers, 1))
    return value(tag, message(5, content + doubles(6, limits) + doubles(7, counts)))


def pr_curve(
    tag: str, labels: object, predictions: object, thresholds: int, weights: object
) -> bytes:
    """Precision and recall of predictions in [0, 1] at evenly spaced thresholds."""
    truth, said = array(labels).reshape(-1), array(predictions).reshape(-1)
    weight = 1.0 if weights is None else array(weights).reshape(-1)
    bucket = np.floor(said * (thresholds - 1)).astype(np.int64)
    ranges = (0, thresholds - 1)
    at = {
        "weights": truth * weight,
        "others": (1 - truth) * weight,
    }
    tp, _ = np.histogram(bucket, thresholds, ranges, weights=at["weights"])
    fp, _ = np.histogram(bucket, thresholds, ranges, weights=at["others"])
    tp, fp = np.cumsum(tp[::-1])[::-1], np.cumsum(fp[::-1])[::-1]
    tn, fn = fp[0] - fp, tp[0] - tp
    precision, recall = tp / np.maximum(1e-7, tp + fp), tp / np.maximum(1e-7, tp + fn)
    return raw_pr_curve(tag, (tp, fp, tn, fn, precision, recall), thresholds)


def raw_pr_curve(tag: str, rows: Sequence[object], thresholds: int) -> bytes:
    """True and false positives, true and false negatives, precision, recall."""
    table = np.stack([array(row) for row in rows]).astype(np.float64)
    content = b"".join(single(5, x) for x in table.reshape(-1).tolist())
    return value(
        tag,
        _tensor(_FLOAT, table.shape, content),
        plugin="pr_curves",
        data=integer(1, 0) + integer(2, min(thresholds, 127)),
    )


# ---- pictures and sound ----------------------------------------------------------------------


def _channels_last(x: np.ndarray, formats: str) -> np.ndarray:
    """An image (h, w, c), or several in a grid. ValueError if the letters do not fit."""
    letters = formats.upper()
    if len(set(letters)) != len(letters) or set(letters) - set("NCHW") or len(letters) != x.ndim:
        raise ValueError(
            f"size of input tensor and input format are different: {x.shape}, {formats}"
        )
    if "N" in letters:
        x = x.transpose([letters.index(c) for c in "NCHW" if c in letters])
        x = x if "C" in letters else x[:, None]
        return _grid(x)
    wanted = [c for c in "HWC" if c in letters]
    x = x.transpose([letters.index(c) for c in wanted])
    return x if "C" in letters else x[..., None]


def _grid(images: np.ndarray, columns: int = 8) -> np.ndarray:
    """Images (n, c, h, w) as one (rows * h, columns * w, c)."""
    n, c, h, w = images.shape
    columns = min(n, columns) or 1
    rows = -(-n // columns)
    whole = np.zeros((rows * columns, c, h, w), images.dtype)
    whole[:n] = images
    return (
        whole.reshape(rows, columns, c, h, w)
        .transpose(0, 3, 1, 4, 2)
        .reshape(rows * h, columns * w, c)
    )


def _bytes_of(x: np.ndarray) -> np.ndarray:
    """Numbers of 0..1 as 0..255; whole numbers are so already."""
    scaled = x if x.dtype == np.uint8 else x * 255 if x.dtype.kind == "f" else x
    return np.clip(scaled, 0, 255).astype(np.uint8)


def png(x: np.ndarray) -> bytes:
    """An image (h, w, c) of bytes with 1 to 4 channels as a PNG file (RFC 2083)."""
    h, w, c = x.shape
    if c not in (1, 2, 3, 4) or not h or not w:
        raise ValueError(f"an image has 1 to 4 channels and some pixels, got {(h, w, c)}")
    rows = np.zeros((h, 1 + w * c), np.uint8)  # a filter of 0 before each row
    rows[:, 1:] = x.reshape(h, w * c)

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", w, h, 8, {1: 0, 2: 4, 3: 2, 4: 6}[c], 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows.tobytes()))
        + chunk(b"IEND", b"")
    )


def image(tag: str, x: object, formats: str) -> bytes:
    """An image, or several in a grid of 8 columns."""
    pixels = _bytes_of(_channels_last(array(x), formats))
    h, w, c = pixels.shape
    content = integer(1, h) + integer(2, w) + integer(3, c) + message(4, png(pixels))
    return value(tag, message(4, content))


def audio(tag: str, x: object, rate: int) -> bytes:
    """Sound of -1..1, as a WAV file."""
    samples = np.clip(array(x).reshape(-1), -1, 1)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    content = single(1, rate) + integer(2, 1) + integer(3, samples.size)
    return value(tag, message(6, content + message(4, file.getvalue()) + message(5, "audio/wav")))


# ---- hyper-parameters ------------------------------------------------------------------------


def _json_value(x: object) -> tuple[bytes, int]:
    """A protobuf Value, and the type of its column: text 1, bool 2, number 3."""
    if isinstance(x, (bool, np.bool_)):
        return integer(4, int(x)), 2
    if isinstance(x, str):
        return message(3, x), 1
    if x is None:
        return integer(1, 0), 0
    return double(2, number(x)), 3


def hparams(
    values: Mapping[str, object],
    metrics: Mapping[str, object],
    domains: Mapping[str, Iterable[object]] | None,
) -> list[bytes]:
    """What a run was given and which metrics it has, for the plugin of hyper-parameters."""
    if not isinstance(values, Mapping) or not isinstance(metrics, Mapping):
        raise TypeError("parameter: hparam_dict and metric_dict should be dictionaries")
    columns, given = b"", b""
    for key, x in values.items():
        content, kind = _json_value(x)
        domain = b"".join(message(1, _json_value(d)[0]) for d in (domains or {}).get(key, ()))
        listed = message(5, domain) if domain else b""
        columns += message(5, message(1, key) + (integer(4, kind) if kind else b"") + listed)
        given += message(1, message(1, key) + message(2, content))
    shown = b"".join(message(6, message(1, message(2, key))) for key in metrics)
    parts = {
        "_hparams_/experiment": message(2, columns + shown),
        "_hparams_/session_start_info": message(3, given),
        "_hparams_/session_end_info": message(4, integer(1, 1)),
    }
    nothing = _tensor(_FLOAT, (), b"")
    return [
        value(tag, nothing, plugin="hparams", data=integer(1, 0) + data)
        for tag, data in parts.items()
    ]


def graph(lines: Sequence[Kwargs]) -> bytes:
    """The steps of a captured program as a GraphDef."""
    writers: dict[int, str] = {}
    nodes = b""
    for i, line in enumerate(lines):
        name = f"{i:03d}_{line['op']}"
        inputs = dict.fromkeys(writers[slot] for slot in line["reads"] if slot in writers)
        shapes = message(5, message(1, "operands") + message(2, message(2, str(line["operands"]))))
        nodes += message(
            1,
            message(1, name)
            + message(2, str(line["op"]))
            + b"".join(message(3, other) for other in inputs)
            + message(4, "/device:CPU:0")
            + shapes,
        )
        for slot in line["writes"]:
            writers[slot] = name
    return nodes + message(4, integer(1, 22))
