"""The table of bad inputs. Run as a module it tries all of them in this process."""

import sys

from tests.errors import (
    refusals,  # noqa: F401  fills the table
    tensors,  # noqa: F401  fills the table
    training,  # noqa: F401
)
from tests.errors.row import ROWS


def main() -> int:
    """Runs every row against wengert; 0 when each raised an exception of Python's."""
    import wengert

    for row in ROWS:
        try:
            row.do(wengert)
        except Exception:
            continue
        print(f"no error: {row.name}")
        return 1
    print(f"{len(ROWS)} bad inputs, each an exception")
    return 0


if __name__ == "__main__":
    sys.exit(main())
