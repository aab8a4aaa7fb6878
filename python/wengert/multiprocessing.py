"""Python's `multiprocessing`. Tensors are sent between processes by value."""

from multiprocessing import *  # noqa: F403
