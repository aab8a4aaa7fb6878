"""Collation and workers, under the import paths that training scripts use."""

from . import collate, worker

__all__ = ["collate", "worker"]
