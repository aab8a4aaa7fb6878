"""Arguments for every row of the op registry, a file for each family of rows, named as in
`csrc/wengert/ops`; the tests run all properties over them."""

from __future__ import annotations

import importlib
import pkgutil

from tests.rows.sample import Sample


def load() -> dict[str, list[Sample]]:
    """All samples by key: of each file here, which is named after a family of rows."""
    table: dict[str, list[Sample]] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        part = importlib.import_module(f"{__name__}.{info.name}").SAMPLES
        again = table.keys() & part.keys()
        assert not again, f"samples given twice: {sorted(again)}"
        table.update(part)
    return table
