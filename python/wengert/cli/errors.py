"""What a command reports in one line instead of a traceback."""

from __future__ import annotations

EXTRA = "pip install 'wengert[demo]'"


class CliError(Exception):
    """A message for the user; `code` is the exit status (2: the input, 1: the run)."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def quoted(text: object, limit: int = 40) -> str:
    """`text` in quotes on one line, shortened to `limit` characters."""
    shown = str(text)
    return repr(shown if len(shown) <= limit else shown[: limit - 3] + "...")


def file_error(path: object, error: OSError) -> CliError:
    if isinstance(error, FileNotFoundError):
        return CliError(f"{path}: no such file")
    return CliError(f"{path}: {(error.strerror or str(error)).lower()}")
