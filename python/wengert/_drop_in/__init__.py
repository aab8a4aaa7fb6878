"""Programs written for PyTorch, run as they are: `as_torch`, and what is said of missing names."""

from .facade import as_torch, begin, record_nothing
from .missing import MissingName, absent, absent_in, note_of, place_of, place_of_caller

__all__ = [
    "MissingName",
    "absent",
    "absent_in",
    "as_torch",
    "begin",
    "note_of",
    "place_of",
    "place_of_caller",
    "record_nothing",
]
