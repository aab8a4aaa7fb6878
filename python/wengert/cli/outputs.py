"""What a command writes: files, looked at before its work, and standard output, which may fail."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from .._files import check_output, clash
from ..tabular import TabularError
from ..tabular.errors import file_error

BROKEN_PIPE = 141


def check_outputs(inputs: Sequence[str | None], outputs: Sequence[str | None]) -> None:
    """TabularError for an output that cannot be written, or that is an input or another output."""
    wanted = [path for path in outputs if path is not None]
    for path in wanted:
        folder = os.path.dirname(path)
        if folder and not os.path.isdir(folder):
            raise TabularError(f"{path}: no such directory: {folder}")
        try:
            check_output(path)
        except OSError as error:
            raise file_error(path, error) from None
    found = clash([path for path in inputs if path is not None], wanted)
    if found is not None:
        path, how = found
        raise TabularError(
            f"{path}: the command reads this file; write to another"
            if how == "read"
            else f"{path}: the command would write this file twice; write to another"
        )


def complain(text: str) -> None:
    """A line on standard error, if there is one."""
    if sys.stderr is None:  # print would take standard output instead
        return
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


class StandardOutputError(Exception):
    """Standard output cannot be written to, and nothing else is left to do."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Output:
    """Lines on standard output.

    With `goes_on` an error is kept for the end, as there is something else to be done (a model to
    be saved); without it StandardOutputError is raised. What the encoding does not have is written
    as an escape.
    """

    def __init__(self, goes_on: bool = False) -> None:
        self.goes_on = goes_on
        self.error: OSError | None = None
        self.lines: list[str] = []  # what was said

    def line(self, text: str) -> None:
        self.lines.append(text)
        if self.error is not None or sys.stdout is None:
            return
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        try:
            print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
        except OSError as error:
            self.fail(error)

    def data(self, text: str) -> None:
        """What is no message: in UTF-8, as files are, whatever the terminal has."""
        if sys.stdout is None:
            raise TabularError("standard output is closed; name a file", "output")
        try:
            sys.stdout.flush()
            raw = getattr(sys.stdout, "buffer", None)
            if raw is None:
                sys.stdout.write(text)
            else:
                raw.write(text.encode("utf-8", "surrogateescape"))
            sys.stdout.flush()
        except OSError as error:
            self.fail(error)

    def fail(self, error: OSError) -> None:
        silence()
        self.error = error
        if not self.goes_on:
            raise StandardOutputError(error)

    def status(self, code: int) -> int:
        """`code`, or what a failure of standard output makes of it."""
        return code if self.error is None else output_status(self.error)


class Silent(Output):
    """Of a process that leaves it to another to say something."""

    def line(self, text: str) -> None:
        """Nothing."""


def output_status(error: OSError) -> int:
    """The exit status for an error of standard output, which is told unless its reader is gone."""
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    complain(f"wengert: error: standard output: {(error.strerror or str(error)).lower()}")
    return 2


def silence() -> None:
    """Keeps the interpreter from writing what is left to where it cannot be written."""
    if sys.stdout is None:
        return
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError, AttributeError):
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)
