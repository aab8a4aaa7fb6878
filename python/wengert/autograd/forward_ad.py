"""Forward mode: tensors with tangents, which operations carry on.

with forward_ad.dual_level():
    y = f(forward_ad.make_dual(x, v))
    product = forward_ad.unpack_dual(y).tangent  # J v
"""

from __future__ import annotations

from ..func.duals import (
    UnpackedDualTensor,
    enter_dual_level,
    exit_dual_level,
    make_dual,
    unpack_dual,
)
from .grad_mode import Mode

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]


class dual_level(Mode):
    """Inside, duals may be made and unpacked; operations are recorded there, in `no_grad` too.

    Levels do not stand in each other (RuntimeError); `func.jvp` does.
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level()
