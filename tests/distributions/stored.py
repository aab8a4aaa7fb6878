"""What torch 2.13 gives for the tables, and how it is compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("values.json")
VALUES: dict[str, Any] = json.loads(PATH.read_text()) if PATH.exists() else {}


def assert_near(ours: Any, theirs: Any, rtol: float, where: str = "") -> None:
    """The same structure, numbers within rtol of the larger ones."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for k in theirs:
            assert_near(ours[k], theirs[k], rtol, f"{where} {k}")
    elif isinstance(theirs, list) and any(isinstance(v, (list, str)) or v is None for v in theirs):
        assert isinstance(ours, list) and len(ours) == len(theirs), where
        for a, b in zip(ours, theirs, strict=True):
            assert_near(a, b, rtol, where)
    elif isinstance(theirs, (list, float)):
        np.testing.assert_allclose(ours, theirs, rtol, rtol * 1e-2, err_msg=where)
    else:
        assert ours == theirs, where
