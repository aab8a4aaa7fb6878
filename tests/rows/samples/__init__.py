"""Arguments for every row of the op registry, a file for each family of rows, named as in
`csrc/wengert/ops`; the tests run all properties over them."""

from __future__ import annotations

import importlib
import pkgutil

from tests.rows.sample import Sample


def load() -> dict[str, dict[str, list[Sample]]]:
    """All samples: of each file here by its name, and there by key."""
    families: dict[str, dict[str, list[Sample]]] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        part = importlib.import_module(f"{__name__}.{info.name}").SAMPLES
        for name, other in families.items():
            again = other.keys() & part.keys()
            assert not again, f"samples of {sorted(again)} in both {name} and {info.name}"
        families[info.name] = part
    return families
