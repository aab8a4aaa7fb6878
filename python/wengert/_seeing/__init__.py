"""Seeing what the library does: pictures of the tape, counted costs, the watch on a training.

Nothing of this is imported by `import wengert`; its names are `wengert.draw` and so on.
"""

from .costs import Costs, count
from .drawing import Picture, draw, tape
from .findings import Finding
from .numerics import NonFiniteError, check_numerics
from .training import Watch, watch

__all__ = [
    "Costs", "Finding", "NonFiniteError", "Picture", "Watch", "check_numerics", "count", "draw",
    "tape", "watch",
]  # fmt: skip
