"""The table of bad inputs. Run as a script it tries all of them in this process."""

import sys

import errors_tensors  # noqa: F401  fills the table
import errors_training  # noqa: F401
from errors_row import ROWS


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
