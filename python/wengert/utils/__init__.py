"""Helpers around training: `wengert.utils.data`."""

from . import data

__all__ = ["data"]
