"""Numbers and sizes as text, for pictures and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .nodes import Node, Seen


def number(x: float) -> str:
    """Four digits."""
    if math.isnan(x) or math.isinf(x):
        return "nan" if math.isnan(x) else "inf" if x > 0 else "\u2212inf"
    if x == int(x) and abs(x) < 1e5:
        return str(int(x)).replace("-", "\u2212")
    size = abs(x)
    text = f"{x:.4g}" if 1e-3 <= size < 1e5 else f"{x:.2e}"
    return text.replace("-", "\u2212")


def shape(sizes: Sequence[int]) -> str:
    """Sizes with a cross between; a number has none."""
    return "\u00d7".join(map(str, sizes)) if len(sizes) else "number"


def count_of_bytes(n: float) -> str:
    """In B, kB (of 1000) and so on."""
    for unit in ("B", "kB", "MB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "B" or n >= 100 else f"{n:.3g} {unit}"
        n /= 1000
    return f"{n:.3g} GB"


def count(n: float) -> str:
    """A large count: 12.3 k, 4.56 M."""
    for unit in ("", " k", " M", " G"):
        if n < 1000:
            return f"{n:.0f}{unit}" if not unit or n >= 100 else f"{n:.3g}{unit}"
        n /= 1000
    return f"{n:.3g} T"


def seconds(t: float) -> str:
    """In us, ms or s."""
    if t < 1e-3:
        return f"{t * 1e6:.3g} \u00b5s"
    return f"{t * 1e3:.3g} ms" if t < 1 else f"{t:.3g} s"


def short(seen: Seen | None) -> str:
    """A number; up to four of them; of more the root mean square."""
    if seen is None:
        return ""
    if seen.tensor is not None and 0 < seen.tensor.numel() <= 4:
        values = seen.tensor.reshape(-1).tolist()
        text = ", ".join(number(float(v)) for v in values)
        return text if not len(seen.shape) else f"[{text}]"
    if seen.rms is None:
        return ""
    return f"rms {number(seen.rms)}"


def full(seen: Seen | None, most: int = 64) -> str:
    """All numbers where there are few, as rows."""
    if seen is None:
        return "not known"
    t = seen.tensor
    if t is None or t.numel() > most or t.dim() > 2 or not t.numel():
        return f"{shape(seen.shape)}, {short(seen)}" if seen.rms is not None else shape(seen.shape)
    if t.dim() == 2:
        rows = [", ".join(number(float(v)) for v in row) for row in t.tolist()]
        return "\n".join(f"[{row}]" for row in rows)
    text = ", ".join(number(float(v)) for v in t.reshape(-1).tolist())
    return text if not t.dim() else f"[{text}]"


def attributes(node: Node) -> str:
    """Those of an entry, as a call would have them."""
    return ", ".join(f"{k}={_attribute(v)}" for k, v in node.attributes.items())


def _attribute(x: object) -> str:
    if isinstance(x, float):
        return number(x)
    return str(x).removeprefix("wengert.")


def title(node: Node) -> str:
    """What a node is called."""
    if node.kind == "entry":
        return f"{node.name} = {node.op}" if node.name else node.op
    if node.kind == "given":
        if node.name:
            return node.name
        seen = node.value
        single = seen.number() if seen and not seen.shape else None
        return number(single) if single is not None else "data"
    return node.name or node.kind
