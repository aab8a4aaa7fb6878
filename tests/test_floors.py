"""The floors of csrc: what may include what, what stays hidden, and how long a file may get."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CSRC = ROOT / "csrc"
FLOORS = {
    "base": 0,
    "kernels": 1,
    "tensor": 1,
    "tape": 2,
    "ops": 3,
    "nn": 4,
    "optim": 4,
    "program": 4,
    "bind": 5,
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)

pytestmark = pytest.mark.skipif(not CSRC.is_dir(), reason="only in a source tree")


def sources(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".cpp", ".py") and "__pycache__" not in path.parts:
                yield path, path.read_text()


def floor_of(parts):
    """The floor of a path below csrc/wengert or csrc; the two files at the top are floors 3, 4."""
    if parts[0] == "bind":
        return FLOORS["bind"]
    if len(parts) == 2:
        return {"ops.h": FLOORS["ops"], "wengert.h": FLOORS["nn"]}[parts[1]]
    return FLOORS[parts[1]]


def test_no_floor_includes_one_above():
    wrong = []
    for path, text in sources("csrc"):
        parts = path.relative_to(CSRC).parts
        if parts[0] not in ("wengert", "bind"):
            continue
        own = floor_of(parts)
        for name in INCLUDE.findall(text):
            if not name.startswith(("wengert/", "bind/")):
                continue
            assert (CSRC / name).is_file(), f"{path}: no file {name}"
            if floor_of(Path(name).parts) > own:
                wrong.append(f"{path.relative_to(ROOT)} includes {name}")
    assert not wrong


def test_kernels_know_no_tensors():
    wrong = [
        f"{path.relative_to(ROOT)} includes {name}"
        for path, text in sources("csrc/wengert/kernels")
        for name in INCLUDE.findall(text)
        if name.startswith("wengert/tensor/")
    ]
    assert not wrong


def test_python_stays_in_bind():
    forbidden = re.compile(r"pybind11|Python\.h|PyObject")
    wrong = [str(path) for path, text in sources("csrc/wengert") if forbidden.search(text)]
    assert not wrong


def test_eigen_stays_in_kernels():
    wrong = [
        str(path)
        for path, text in sources("csrc/wengert", "csrc/bind")
        if "kernels" not in path.parts
        and any(name.startswith(("Eigen/", "unsupported/")) for name in INCLUDE.findall(text))
    ]
    assert not wrong


def test_openmp_stays_in_one_file():
    wrong = [
        str(path)
        for path, text in sources("csrc")
        if ("#pragma omp" in text or "omp.h" in INCLUDE.findall(text))
        and path.relative_to(CSRC).as_posix() != "wengert/base/parallel.cpp"
    ]
    assert not wrong


def test_ceilings():
    lengths = {
        path.relative_to(ROOT): text.count("\n")
        for path, text in sources("csrc", "python", "tests")
    }
    long = {str(path): n for path, n in lengths.items() if n > 600}
    assert not long
    tape = [
        n for path, n in lengths.items() if path.parts[-2:-1] == ("tape",) and path.stem == "tape"
    ]
    assert sum(tape) <= 400


def test_every_header_is_guarded():
    wrong = [
        str(p) for p, text in sources("csrc") if p.suffix == ".h" and "#pragma once" not in text
    ]
    assert not wrong
