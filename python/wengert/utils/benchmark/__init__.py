"""Timing statements, and comparing what was measured."""

from .common import Measurement, TaskSpec
from .compare import Compare
from .timer import Timer

__all__ = ["Compare", "Measurement", "TaskSpec", "Timer"]
