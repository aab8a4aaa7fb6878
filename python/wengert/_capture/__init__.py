"""Captured functions: `capture`, `compile`, programs.

The package is not named `capture`, as `wengert.capture` is the function: a module of that name
would take its place or not, depending on what is imported first. Nothing here knows of modules,
optimizers or data: those tell what programs depend on, see Note [conditions].
"""

from .captured import Captured, capture, explain
from .compiled import compile
from .program import LoadedProgram, Program, load_program
from .record import CaptureError

__all__ = [
    "CaptureError",
    "Captured",
    "LoadedProgram",
    "Program",
    "capture",
    "compile",
    "explain",
    "load_program",
]
