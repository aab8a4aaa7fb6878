"""The type stubs are those of the registry, and name all that exists at run time."""

import ast
from pathlib import Path

import pytest

import wengert as wg
from wengert import _native, _stubs
from wengert.nn import functional

pytestmark = pytest.mark.quick

PACKAGE = Path(_stubs.__file__).resolve().parent


def names(body):
    """What the statements of a stub define, by name."""
    found = {}
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign):
            found[node.target.id] = node
        elif isinstance(node, ast.ImportFrom):
            found.update((alias.asname or alias.name, node) for alias in node.names)
    return found


@pytest.fixture(scope="module")
def native():
    return names(ast.parse(_stubs.native()).body)


def test_stubs_are_up_to_date():
    assert _stubs.difference(PACKAGE) == "", "run python -m wengert._stubs"


def test_check_reports_a_difference(tmp_path, capsys):
    (tmp_path / "nn").mkdir()
    assert _stubs.main(["--check", str(tmp_path)]) == 1
    assert "not up to date" in capsys.readouterr().err
    assert _stubs.main([str(tmp_path)]) == 0
    assert _stubs.main(["--check", str(tmp_path)]) == 0
    stub = tmp_path / "_native.pyi"
    stub.write_text(stub.read_text().replace("def exp(", "def exq("))
    assert _stubs.main(["--check", str(tmp_path)]) == 1
    assert "exq" in capsys.readouterr().out


def test_py_typed_is_shipped():
    assert (PACKAGE / "py.typed").exists()


def test_module_names(native):
    public = {name for name in dir(_native) if not name.startswith("_")}
    assert public - set(native) == set()
    stubbed = {name for name, node in native.items() if not isinstance(node, ast.ImportFrom)}
    assert {name for name in stubbed if not name.startswith("_")} - public == set()


def test_tensor_names(native):
    stub = names(native["Tensor"].body)
    inherited = set(dir(object)) | {"__dict__", "__module__", "__weakref__"}
    real = {name for name in dir(wg.Tensor) if name not in inherited}
    missing = {name for name in real - set(stub) if not name.startswith("_")}
    assert missing == set()
    assert set(stub) - set(dir(wg.Tensor)) == set()


def test_functional_names():
    stub = names(ast.parse(_stubs.functional()).body)
    defined = {name for name, node in stub.items() if isinstance(node, ast.FunctionDef)}
    assert defined == set(functional.__all__)
