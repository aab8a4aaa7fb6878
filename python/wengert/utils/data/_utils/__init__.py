"""Collation, under the import path that training scripts use."""

from . import collate

__all__ = ["collate"]
