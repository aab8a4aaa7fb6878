"""The files that a command writes, looked at before its work."""

from __future__ import annotations

import os
from collections.abc import Sequence

from .._files import check_output, clash
from ..tabular import TabularError
from ..tabular.errors import file_error


def check_outputs(inputs: Sequence[str], outputs: Sequence[str | None]) -> None:
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
    found = clash(inputs, wanted)
    if found is not None:
        path, how = found
        raise TabularError(
            f"{path}: the command reads this file; write to another"
            if how == "read"
            else f"{path}: the command would write this file twice; write to another"
        )
