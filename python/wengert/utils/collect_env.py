"""What one tells of the machine in a report: `python -m wengert.utils.collect_env`."""

from __future__ import annotations

import os
import platform
from typing import NamedTuple

import numpy as np

from .. import _native
from ..version import __version__ as _version

__all__ = ["SystemEnv", "get_env_info", "get_pretty_env_info", "main"]


class SystemEnv(NamedTuple):
    """Versions, and what computes."""

    torch_version: str
    is_debug_build: str
    cuda_compiled_version: str
    os: str
    libc_version: str
    python_version: str
    numpy_version: str
    isa: str
    compiler: str
    threads: str
    cpus: str
    is_cuda_available: str


def get_env_info() -> SystemEnv:
    """Everything there is to tell."""
    info = _native.build_info()
    return SystemEnv(
        torch_version=f"wengert {_version}",
        is_debug_build="False",
        cuda_compiled_version="None",
        os=platform.platform(),
        libc_version="-".join(platform.libc_ver()),
        python_version=platform.python_version(),
        numpy_version=np.__version__,
        isa=str(info["isa"]),
        compiler=str(info["compiler"]),
        threads=str(_native.get_num_threads()),
        cpus=str(os.cpu_count()),
        is_cuda_available="False",
    )


def get_pretty_env_info() -> str:
    """The same as lines."""
    return "\n".join(
        f"{key}: {value}" for key, value in zip(SystemEnv._fields, get_env_info(), strict=True)
    )


def main() -> None:
    """Prints the lines."""
    print("Collecting environment information...")
    print(get_pretty_env_info())


if __name__ == "__main__":
    main()
