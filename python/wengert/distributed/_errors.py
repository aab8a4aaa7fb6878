"""What is raised when processes do not come together."""

from __future__ import annotations


class DistError(RuntimeError):
    """Something went wrong between processes; the base of the errors here."""


class DistBackendError(DistError):
    """A call has failed, or was not over in time."""


class DistNetworkError(DistError):
    """There is no way to the other processes."""
