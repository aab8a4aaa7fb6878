"""Seeing what the library does: pictures of the tape, counted costs, the watch on a training.

Nothing of this is imported by `import wengert`; its names are `wengert.draw` and so on.
"""

from .drawing import Picture, draw, tape

__all__ = ["Picture", "draw", "tape"]
