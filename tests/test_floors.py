"""The floors of csrc: what may include what, what stays hidden, and how long a file may get."""

import ast
import functools
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
    "data": 4,
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


def test_what_levels_share_depends_on_none():
    """One compilation serves every ISA level: of what a level's vectors decide, it sees nothing."""
    listed = re.search(
        r"_level_sources CONFIGURE_DEPENDS([^)]*)", (ROOT / "CMakeLists.txt").read_text()
    )
    own = {
        path for pattern in listed[1].split() for path in ROOT.glob(pattern.replace("/*", "/**/*"))
    }
    assert len(own) > 50
    decides = re.compile(r"__(?:AVX|FMA|BMI)|immintrin\.h|<Eigen/")

    @functools.cache
    def deciding(name):
        text = (CSRC / name).read_text()
        own_includes = [n for n in INCLUDE.findall(text) if n.startswith("wengert/")]
        return bool(decides.search(text)) or any(map(deciding, own_includes))

    wrong = [
        str(path.relative_to(CSRC))
        for path, _ in sources("csrc/wengert")
        if path.suffix == ".cpp" and path not in own and deciding(path.relative_to(CSRC))
    ]
    assert not wrong


def test_nobody_includes_every_family():
    """So that a declaration in a family's header does not compile everything anew."""
    wrong = [
        str(path)
        for path, text in sources("csrc")
        if "wengert/ops.h" in INCLUDE.findall(text) and path.name != "wengert.h"
    ]
    assert not wrong


def test_openmp_stays_in_one_file():
    wrong = [
        str(path)
        for path, text in sources("csrc")
        if ("#pragma omp" in text or "omp.h" in INCLUDE.findall(text))
        and path.relative_to(CSRC).as_posix() != "wengert/base/parallel_openmp.cpp"
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


def test_no_two_classes_share_a_name():
    """Of two classes of one name outside of `namespace {` the linker takes either's functions."""
    starts = re.compile(
        r"^(?P<open>namespace \{)|^(?P<close>\}  // namespace$)"
        r"|^(?:struct|class) (?P<name>\w+)(?: final)?(?: : [^;{]*)? \{"
        r"|^namespace (?P<space>[\w:]+) \{",
        re.MULTILINE,
    )
    found = {}
    for path, text in sources("csrc"):
        hidden, space = False, ""
        for match in starts.finditer(text):
            if match["open"] or match["close"]:
                hidden = match["open"] is not None
            elif match["space"]:
                space = match["space"]
            elif not hidden:
                found.setdefault(f"{space}::{match['name']}", []).append(path.name)
    assert len(found) > 100
    assert {name: files for name, files in found.items() if len(files) > 1} == {}


def test_what_pip_builds_is_a_part_of_what_it_configures():
    """The CMakeFiles of the configured project itself go with every new isolated environment."""
    settings = (ROOT / "pyproject.toml").read_text()
    folder = ROOT / re.search(r'^cmake\.source-dir = "(.*)"$', settings, re.MULTILINE)[1]
    part = re.search(r"^add_subdirectory\((\S+) \S+\)$", (folder / "CMakeLists.txt").read_text(),
                     re.MULTILINE)[1]  # fmt: skip
    assert (folder / part).resolve() == ROOT and folder != ROOT


def test_rows_are_known_by_what_they_say():
    """What programs and the binding must know of an op is a field of its row. Python's operators
    alone name the rows that they call."""
    rows = re.compile(r"^(?:constinit const|constexpr) Op (\w+_op)\b", re.MULTILINE)
    names = {name for _, text in sources("csrc/wengert/ops") for name in rows.findall(text)}
    assert "linear_op" in names
    row = re.compile(rf"\b(?:{'|'.join(names)})\b")
    by_name = re.compile(r"\bfind_op\(|\bop(?:\(\))?(?:\.|->)name\s*[=!]=|strcmp\([^;]*->name")
    wrong = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path, text in sources("csrc/wengert/program", "csrc/bind")
        if path.name != "tensor_type.cpp"
        for line in text.splitlines()
        if row.search(line) or by_name.search(line)
    ]
    assert not wrong


# ---- Python ------------------------------------------------------------------------------------

PACKAGE = ROOT / "python" / "wengert"


@functools.cache
def modules():
    """(dotted name, tree, whether it is a package) of every file of the package."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if package else parts)
        found.append((name, ast.parse(path.read_text()), package))
    return found


def run_nodes(tree):
    """The nodes of a tree but for what is under `if TYPE_CHECKING`."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            todo += node.orelse
        else:
            todo += ast.iter_child_nodes(node)


def imported(name, tree, package):
    """(module, name in it or None) of the imports of a file, also in functions, not for types."""
    for node in run_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = name.split(".")[: len(name.split(".")) - node.level + package]
            base = ".".join(above) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield from ((module, alias.name) for alias in node.names)


def import_graph():
    """The modules that each module imports; of a package a file is in only what is named counts."""
    files = modules()
    names = {name for name, _, _ in files}
    graph = {name: set() for name in names}
    for name, tree, package in files:
        for module, what in imported(name, tree, package):
            found = f"{module}.{what}" if f"{module}.{what}" in names else module
            if what == "_native" or found not in names:
                continue
            graph[name].add(found)
            above = found.rpartition(".")[0]  # is run before it
            while above and not f"{name}.".startswith(f"{above}."):
                graph[name].add(above)
                above = above.rpartition(".")[0]
    return graph


def reached(graph, start):
    found, todo = set(), [start]
    while todo:
        for name in graph[todo.pop()] - found:
            found.add(name)
            todo.append(name)
    return found


def test_no_circle_of_imports():
    graph = import_graph()
    assert len(graph) > 50
    assert not {name for name in graph if name in reached(graph, name)}


def test_capture_knows_no_modules_optimizers_or_data():
    graph = import_graph()
    own = {name for name in graph if name.startswith("wengert._capture")}
    assert len(own) > 5
    above = {f"wengert.{name}" for name in ("nn", "optim", "utils", "autograd", "_tensor")}
    wrong = {
        (n, other) for n in own for other in reached(graph, n) for a in above if within(other, a)
    }
    assert not wrong


def package_of(parts):
    """The package with these parts of a dotted name, or the one that the module is in."""
    folder = PACKAGE.parent.joinpath(*parts)
    return ".".join(parts if folder.is_dir() else parts[:-1])


def is_private(name):
    return name.startswith("_") and not name.endswith("__")


def test_no_private_module_or_name_of_another_package():
    """What a package has that is private is for itself and for the packages within it."""
    wrong = []
    for name, tree, package in modules():
        home = name if package else name.rpartition(".")[0]
        for module, what in imported(name, tree, package):
            parts = [*module.split("."), *([what] if what else [])]
            if parts[0] != "wengert" or "_native" in parts:
                continue
            owners = (package_of(parts[:i]) for i, part in enumerate(parts) if is_private(part))
            wrong += [(name, ".".join(parts)) for own in owners if not within(home, own)]
    assert not wrong


def within(home, package):
    return f"{home}.".startswith(f"{package}.")


#: Of the standard library.
STANDARD = {"_ArgumentGroup", "_exit", "_fields", "_getframe", "_SubParsersAction", "_Unpickler"}


def defined_names(tree):
    """Private attributes that a file defines: functions, variables, slots, what it assigns to."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value  # of vars(x)["_name"], setattr and __slots__


def test_no_private_attribute_of_another_package():
    """An attribute `_x` is read where the same package, or the native module, defines it."""
    defined, files = {}, modules()
    native = set(re.findall(r"\b_\w+", (PACKAGE / "_native.pyi").read_text())) | STANDARD
    for name, tree, package in files:
        home = name if package else name.rpartition(".")[0]
        defined.setdefault(home, set()).update(defined_names(tree))
    wrong = []
    for name, tree, package in files:
        home = name if package else name.rpartition(".")[0]
        known = (
            native
            | defined[home]
            | set().union(*(names for other, names in defined.items() if within(home, other)))
        )
        wrong += [
            f"{name}:{node.lineno} {node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in known
        ]
    assert not wrong
