"""`wengert info`."""

from __future__ import annotations

import argparse
import platform

import numpy as np

import wengert as wg

from .. import _native
from .outputs import Output

_SHOWN = ("version", "isa", "threads", "compiler")


def run(args: argparse.Namespace) -> int:
    build = dict(_native.build_info())
    rows = {
        "version": wg.__version__,
        "isa": build.get("isa", "unknown"),
        "threads": wg.get_num_threads(),
        "compiler": build.get("compiler", "unknown"),
    }
    rows.update({key: value for key, value in build.items() if key not in _SHOWN})
    rows["python"] = platform.python_version()
    rows["numpy"] = np.__version__
    output = Output()
    width = max(len(key) for key in rows)
    for key, value in rows.items():
        output.line(f"{key:{width}}  {value}")
    return 0
