"""Anomaly detection: NaN in the gradients of custom functions becomes an error."""

from __future__ import annotations

from .. import _native

_enabled = False
_check_nan = True


def is_anomaly_enabled() -> bool:
    """True inside `detect_anomaly()` or after `set_detect_anomaly(True)`."""
    return _enabled


def is_anomaly_check_nan_enabled() -> bool:
    """True when NaN checks are asked for (the default of both switches)."""
    return _check_nan


class set_detect_anomaly:
    """Sets anomaly detection at once, and for its extent when used as a context.

    The tape's own errors name op and input in any mode; the switch is kept for scripts that set
    it, and is read by custom `Function`s.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        global _enabled, _check_nan
        self._previous = (_enabled, _check_nan)
        _enabled, _check_nan = bool(mode), bool(check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        global _enabled, _check_nan
        _enabled, _check_nan = self._previous


class detect_anomaly:
    """Anomaly detection for the extent of a `with` block."""

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan
        _native._warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging."
        )

    def __enter__(self) -> None:
        self._setting = set_detect_anomaly(True, self._check_nan)

    def __exit__(self, *exc: object) -> None:
        self._setting.__exit__()
