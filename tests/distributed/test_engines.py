"""The programs of docs/distributed.md for Ray, Dask and joblib, where these are installed."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "distributed.md"


def program(first, word):
    """The block of code that begins with a line and has a word in it."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    (found,) = [b for b in blocks if b.startswith(first) and word in b]
    return found


def ran(tmp_path, text):
    (tmp_path / "program.py").write_text(text)
    own = {k: v for k, v in os.environ.items() if not k.startswith(("OMPI_", "PMI_"))}
    own |= {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, env=own, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def needs(*names):
    for name in names:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")


def test_a_group_of_ray_actors(tmp_path):
    needs("ray", "mpi4py")
    from tests.distributed.test_address import mpich

    if not mpich():
        pytest.skip("no MPICH is here")
    numbers = [
        float(n)
        for n in re.findall(r"0\.\d+|1\.\d+", ran(tmp_path, program("import socket", "Rank")))
    ]
    assert len(numbers) == 4 and all(abs(n - 1) < 0.05 for n in numbers), numbers


def test_gradients_through_the_store_of_ray(tmp_path):
    needs("ray")
    numbers = [
        float(n)
        for n in re.findall(r"0\.\d+|1\.\d+", ran(tmp_path, program("import ray", "Worker")))
    ]
    assert len(numbers) == 4 and all(abs(n - 1) < 0.05 for n in numbers), numbers


def test_a_search_with_dask(tmp_path):
    needs("dask", "distributed")
    assert ran(tmp_path, program("from dask", "train")).startswith("0.1 ")


def test_a_search_with_joblib(tmp_path):
    needs("joblib")
    text = program("from dask", "train").replace(
        "from dask.distributed import Client", "import joblib"
    )
    head = text.partition("    with Client")[0]
    text = head + (
        "    found = joblib.Parallel(n_jobs=2)(joblib.delayed(train)(lr) for lr in (1e-3, 1e-1))\n"
        "    print(min(found, key=lambda each: each[0])[2].param_groups[0]['lr'])\n"
    )
    assert ran(tmp_path, text).strip() == "0.1"
