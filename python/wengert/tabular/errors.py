"""What is wrong with a table, a model file or a training, in one line for whoever owns it."""

from __future__ import annotations

EXTRA = "pip install 'wengert[demo]'"


class TabularError(Exception):
    """A file, a table or a setting that cannot be used; the message is one line and says where.

    `argument` names the setting that would mend it, `value` what it could be set to, where there is
    such a setting; the command line shows them as its options.
    """

    def __init__(self, message: str, argument: str = "", value: str = "") -> None:
        super().__init__(message)
        self.argument = argument
        self.value = value


class DivergedError(TabularError):
    """The loss of a training became infinite or NaN."""


def quoted(text: object, limit: int = 40) -> str:
    """`text` in quotes on one line, shortened to `limit` characters."""
    shown = str(text)
    return repr(shown if len(shown) <= limit else shown[: limit - 3] + "...")


def file_error(path: object, error: OSError) -> TabularError:
    """The error of a file that could not be read or written."""
    if isinstance(error, FileNotFoundError):
        return TabularError(f"{path}: no such file")
    return TabularError(f"{path}: {(error.strerror or str(error)).lower()}")
