"""What Python computes: little, where it is listed, and with types that say what it is."""

import ast
import re
from pathlib import Path

import pytest

from tests.rows.table import FAMILIES, ROWS

ROOT = Path(__file__).resolve().parent.parent
CSRC, PACKAGE = ROOT / "csrc", ROOT / "python" / "wengert"

pytestmark = pytest.mark.skipif(not CSRC.is_dir(), reason="only in a source tree")

# ---- numerics in Python ----------------------------------------------------------------------

#: Files that compute with NumPy, and why no row does it.
COMPUTES = {
    "_composed.py": "counting: results of a size that values decide; memory of others",
    "_safetensors.py": "room that a file is read into",
    "_search.py": "looking up, counting: results of Python's, or of a size that values decide",
    "_tensor.py": "apply_ and map_ call a Python function for each element",
    "autograd/gradcheck.py": "finite differences in float64, independent of what they check",
    "cli/honest.py": "means of scores",
    "cli/predict.py": "the score of a table of predictions",
    "cli/report.py": "shares for a picture",
    "nn/init.py": "orthogonal_ needs the QR of LAPACK",
    "sklearn/_common.py": "the weights of rows as scikit-learn gives them",
    "sklearn/_mlp.py": "classes, scores and targets as scikit-learn has them",
    "sklearn/_table.py": "classes and ranges of targets as scikit-learn has them",
    "tabular/arrow.py": "cells that are nothing",
    "tabular/baselines.py": "linear models that are no networks",
    "tabular/dates.py": "the parts of dates",
    "tabular/features.py": "medians, ranges and categories of columns that are no tensors yet",
    "tabular/folds.py": "the order of rows in a split",
    "tabular/model_file.py": "predicted numbers as a user's table has them",
    "tabular/prepare.py": "the order of rows in a split",
    "tabular/reader.py": "the numbers in a text",
    "tabular/scores.py": "scores of predictions",
    "tabular/validation.py": "rows in another order, means of scores",
    "tabular/targets.py": "classes and ranges of a column that is no tensor yet",
    "tabular/table.py": "which cells of a column are numbers",
    "onnx/_read.py": "the numbers of a file that lie there in several ways",
    "onnx/_views.py": "the places of elements in memory, for a file",
    "testing.py": "comparing arrays, independent of what is compared",
    "utils/tensorboard/_summaries.py": "histograms, pictures and curves for a log, of arrays too",
}
#: Files that hand NumPy's arrays, dtypes and numbers on and compute nothing with them.
HANDS_ON = {
    "_capture/compiled.py",
    "_capture/loop.py",
    "_capture/program.py",
    "_capture/structures.py",
    "_einops.py",
    "_functions.py",
    "_interchange.py",
    "_legacy.py",
    "_shared.py",
    "_unpickling.py",
    "_types.py",
    "storage.py",
    "_ufuncs.py",
    "array_api/_creation.py",
    "cli/info.py",
    "datasets/__init__.py",
    "onnx/_export.py",
    "onnx/_model.py",
    "onnx/_rules.py",
    "onnx/_script.py",
    "serialization.py",
    "tabular/npz.py",
    "tabular/tuning.py",
    "utils/collect_env.py",
    "utils/data/_utils/collate.py",
    "utils/data/_utils/states.py",
    "utils/data/_utils/transport.py",
}
#: What of NumPy is no computation.
HANDLES = {
    "__version__", "array", "ascontiguousarray", "asarray", "bool_", "broadcast_shapes", "dtype",
    "finfo", "float32", "floating", "from_dlpack", "frombuffer", "generic", "iinfo", "int64",
    "integer", "lib", "load", "memmap", "ndarray", "number", "random", "shares_memory", "stack",
    "str_", "ufunc", "uint8", "uint32", "zeros",
}  # fmt: skip
#: Files that compose rows, and why that is no row itself.
COMPOSES = {
    "_copies.py": "norms by other names, segments",
    "_composed.py": "a tensor or a tuple of them, as an argument says",
    "_einsum.py": "parses an equation into products, sums and views",
    "_linalg.py": "shapes of many kinds around rows that decompose batches",
    "_matrices.py": "the same under other names, and matrices of blocks",
    "_products.py": "the order of products, chosen by sizes",
    "array_api": "the standard's arguments, promotion and special cases",
    "autograd/_gradmodes.py": "vectors for a check, and whether its gradients are equal",
    "distributed/gradients.py": "a norm of those that the ranks have",
    "func/_rules_nn.py": "what an operation is of whole batches of its arguments",
    "_rare.py": "what layers compute besides, eigenvalues of two matrices",
    "nn/utils/_orthogonal.py": "matrices that are functions of others",
    "masked.py": "what counts is chosen before and counted after an operation",
    "linalg.py": "norms chosen by words or numbers",
    "_functions.py": "asks an empty operation for the dtype of its result",
    "_search.py": "one row and a question to its result",
    "_tensor.py": "methods with the arguments of a function in another order",
    "cli/predict.py": "the probabilities of classes",
    "distributions": "formulas of parameters that are objects, and shapes that follow from them",
    "nn/attention/flex_attention.py": "calls functions of the user's between two products",
    "nn/_functional.py": "calls a function for the distance, or draws and chooses",
    "nn/_sequences.py": "puts sequences in another order",
    "nn/init.py": "draws again what a mask says",
    "nn/modules": "layers are functions with parameters",
    "nn/utils/clip_grad.py": "a norm and its check",
    "nn/utils/fusion.py": "the weights of one layer from those of two, once",
    "nn/utils/prune.py": "masks of parameters, chosen by their sizes",
    "nn/utils/parametrizations.py": "tensors that are functions of others",
    "nn/utils/spectral_norm.py": "tensors that are functions of others",
    "onnx": "what operators of ONNX are in ours",
    "sklearn/_mlp.py": "a loss, and what its outputs say",
    "tabular/baselines.py": "a linear model",
    "tabular/networks.py": "layers are functions with parameters",
    "optim/_adafactor.py": "means over rows and columns, steps of parameters of any shape",
    "optim/_muon.py": "products of matrices between two steps of a loop",
    "tabular/model_file.py": "what a model's outputs say, as probabilities",
    "tabular/training.py": "a loss for a table",
    "testing.py": "values other than zero",
    "utils/data/dataloader.py": "indices that count from the end",
}


def numpy_names(tree):
    """The names X of `np.X` in a file that imports NumPy; None if it does not."""
    nodes = list(ast.walk(tree))
    plain = [
        n for n in nodes if isinstance(n, ast.Import) and any(a.name == "numpy" for a in n.names)
    ]
    if not plain:
        return None
    return {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "np"
    }


def of_package():
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text())


def test_numpy_computes_only_where_listed():
    found = {path: names for path, tree in of_package() if (names := numpy_names(tree)) is not None}
    assert not found.keys() - COMPUTES.keys() - HANDS_ON, "NumPy in a file that is not listed"
    assert not (COMPUTES.keys() | HANDS_ON) - found.keys(), "listed, but without NumPy"
    computing = {path: found[path] - HANDLES for path in HANDS_ON if found[path] - HANDLES}
    assert not computing
    idle = {path for path in COMPUTES if not found[path] - HANDLES}
    assert not idle, "listed as computing, but only hands on"


def test_rows_are_composed_only_where_listed():
    families = ("pointwise", "reduce", "matmul", "loss")
    rows = {ROWS[key]["name"] for family in families for key in FAMILIES[family]}
    found = set()
    for path, tree in of_package():
        calls = (n.func for n in ast.walk(tree) if isinstance(n, ast.Call))
        named = {
            f.attr
            for f in calls
            if isinstance(f, ast.Attribute) and ast.unparse(f.value) in ("_native", "F", "wg")
        }
        if named & rows:
            folder = next((f for f in COMPOSES if path.startswith(f"{f}/")), path)
            found.add(folder)
    assert found == COMPOSES.keys()


def test_every_family_has_its_samples():
    folders = {path.name for path in (CSRC / "wengert" / "ops").iterdir() if path.is_dir()}
    assert folders == FAMILIES.keys()


# ---- types -----------------------------------------------------------------------------------


def test_few_types_are_any():
    """`Any` says nothing to a type checker. The stubs and what writes them have their own."""
    generator = {"_stubs.py", "_stub_templates.py", "_stub_functional.py"}
    counts = {
        path.relative_to(PACKAGE).as_posix(): len(re.findall(r"\bAny\b", path.read_text()))
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name not in generator
    }
    most = dict(sorted(counts.items(), key=lambda item: -item[1])[:8])
    # Never to rise.
    assert sum(counts.values()) < 200, f"{sum(counts.values())} times Any, most in {most}"
