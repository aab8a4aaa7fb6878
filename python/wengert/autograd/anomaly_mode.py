"""Anomaly detection: the first operation whose gradient has a NaN becomes an error.

Operations that are recorded in this mode know the Python lines that called them. A backward in it
raises RuntimeError at the first operation, built-in or a custom `Function`, that gives a gradient
with a NaN, and before that, or when its gradient fails otherwise, warns with these lines. Captured
functions are called as they are: a replay looks at no values.
"""

from __future__ import annotations

from .. import _native


def is_anomaly_enabled() -> bool:
    """True inside `detect_anomaly()` or after `set_detect_anomaly(True)`."""
    return _native._anomaly()[0]


def is_anomaly_check_nan_enabled() -> bool:
    """True when NaN checks are asked for (the default of both switches)."""
    return _native._anomaly()[1]


class set_detect_anomaly:
    """Sets anomaly detection at once, and for its extent when used as a context.

    It is set for all threads. Without `check_nan` gradients are not looked at, and errors in a
    backward still show the lines of the forward.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._previous = _native._anomaly()
        _native._set_anomaly(bool(mode), bool(check_nan))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _native._set_anomaly(*self._previous)


class detect_anomaly:
    """Anomaly detection for the extent of a `with` block, with a warning that it is slow."""

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan
        self._previous = _native._anomaly()
        _native._warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging."
        )

    def __enter__(self) -> None:
        _native._set_anomaly(True, self._check_nan)

    def __exit__(self, *exc: object) -> None:
        _native._set_anomaly(*self._previous)
