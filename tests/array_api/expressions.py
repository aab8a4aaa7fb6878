"""Expressions in the array API standard, function by function: NumPy 2, which follows it, evaluates
them with its own arrays and gives what ours must give.

`xp` is the namespace, the other names are arrays of `arrays()`. A tuple holds expressions that are
made of one: each `{x}` is each of the arrays named in front.
"""

import numpy as np

FLOATS = ("f32", "f64")
INTEGERS = ("i8", "i16", "i32", "i64", "u8")
NUMBERS = FLOATS + INTEGERS
ALL = (*NUMBERS, "b")


def arrays():
    """Arrays by name: of each dtype (2, 3) and its pair, and other shapes in float64."""
    rng = np.random.default_rng(0)
    names = {"i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64", "u8": "uint8"}
    found = {}
    for name, dtype in {**names, "f32": "float32", "f64": "float64"}.items():
        low = 0 if name == "u8" else -5
        x = rng.integers(low, 6, (2, 3)).astype(dtype)
        y = rng.integers(1, 6, (3,)).astype(dtype)
        if name.startswith("f"):
            x, y = x + rng.random(x.shape).astype(dtype), y + rng.random(y.shape).astype(dtype)
        found |= {name: x, f"{name}y": y}
    found["b"], found["by"] = rng.random((2, 3)) > 0.5, np.array([True, False, True])
    found["unit"] = rng.random((2, 3)) * 1.8 - 0.9
    found["unit32"] = found["unit"].astype("float32")
    found["positive"], found["positive32"] = found["unit"] + 1, found["unit32"] + 1
    found["cube"] = rng.standard_normal((2, 3, 4))
    found["vector"], found["sorted"] = rng.standard_normal(5), np.sort(rng.standard_normal(7))
    found["matrix"] = rng.standard_normal((3, 3)) + 3 * np.eye(3)
    found["symmetric"] = found["matrix"] @ found["matrix"].T
    found["stack"] = rng.standard_normal((2, 4, 3))
    found["scalar"], found["zero_d"] = np.array(2.5), np.array(3)
    found["empty"], found["one"] = np.zeros((0, 3)), np.ones((1, 3, 1))
    found["many"] = rng.integers(0, 4, (3, 4))
    found["few"] = np.array([2.0, np.nan, -1.0, 2.0, np.nan, 0.0, -0.0, -1.0])
    found["nans"] = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]])
    found["index"] = np.array([2, 0, 1, 1])
    found["along"] = np.array([[[0], [2], [1]]])
    found["specials"] = np.array([0.0, -0.0, 1.0, -1.0, 2.5, -2.5, np.inf, -np.inf, np.nan])
    return found


def _each(names, *texts):
    return [text.replace("{x}", name) for text in texts for name in names]


def _unary(*functions):
    return [f"xp.{function}({{x}})" for function in functions]


def _binary(*functions):
    return [f"xp.{f}({{x}}, {{x}}y)" for f in functions] + [f"xp.{f}({{x}}, 2)" for f in functions]


ELEMENTWISE = [
    *_each(ALL, *_unary("logical_not")),
    *_each(NUMBERS, *_unary("abs", "negative", "positive", "sign", "square")),
    *_each(NUMBERS, *_unary("ceil", "floor", "round", "trunc", "isfinite", "isinf", "isnan")),
    *_each(FLOATS, *_unary("sin", "cos", "tan", "sinh", "cosh", "tanh", "asinh", "atan")),
    *_each(FLOATS, *_unary("exp", "expm1", "reciprocal", "signbit")),
    *_each(("positive", "positive32"), *_unary("log", "log2", "log10", "sqrt")),
    *_each(("unit", "unit32"), *_unary("acos", "asin", "atanh", "log1p")),
    *_each(("xp.add(positive, 1)",), *_unary("acosh")),
    *_each(("b", "i8", "i64", "u8"), *_unary("bitwise_invert")),
    *_each(NUMBERS, *_binary("add", "subtract", "multiply", "floor_divide", "remainder")),
    *_each(NUMBERS, *_binary("less", "less_equal", "greater", "greater_equal")),
    *_each(NUMBERS, *_binary("equal", "not_equal", "maximum", "minimum")),
    *_each(FLOATS, *_binary("divide", "atan2", "copysign", "hypot", "logaddexp", "nextafter")),
    *_each(("f32", "f64"), "xp.pow(xp.abs({x}), {x}y)", "xp.pow({x}, 3)", "xp.pow(2, {x})"),
    *_each(INTEGERS, "xp.pow({x}, 2)", *_binary("bitwise_and", "bitwise_or", "bitwise_xor")),
    *_each(INTEGERS, *_binary("bitwise_left_shift", "bitwise_right_shift")),
    *_each(("b",), *(f"xp.{f}({{x}}, {{x}}y)" for f in ("bitwise_and", "bitwise_or", "equal"))),
    *_each(("b",), *(f"xp.logical_{f}({{x}}, {{x}}y)" for f in ("and", "or", "xor"))),
    *_each(NUMBERS, "xp.subtract(1, {x})", "xp.equal({x}, 3)", "xp.where({x} > 2, {x}, 0)"),
    *_each(NUMBERS, "xp.clip({x}, 1, 3)", "xp.clip({x}, min=2)", "xp.clip({x}, max={x}y)"),
    "xp.add(f32, f64)", "xp.add(i8, i32)", "xp.multiply(u8, i8)", "xp.add(scalar, f32)",
    "xp.add(f32, scalar)", "xp.multiply(zero_d, i8)", "xp.equal(scalar, f32)",
    "xp.subtract(1.5, f32)", "xp.clip(f64, 0, scalar)",
    "xp.divide(cube, one)", "xp.add(empty, 1)",
]  # fmt: skip

CREATION = [
    "xp.arange(5)", "xp.arange(2, 9, 3)", "xp.arange(9, 2, -3)", "xp.arange(0)",
    "xp.arange(5, 2)", "xp.arange(2, 5, -1)", "xp.arange(0, 1, 0.25)", "xp.arange(3.0)",
    "xp.arange(4, dtype=xp.float32)", "xp.arange(4, dtype=xp.int8)", "xp.arange(-3, 3)",
    "xp.zeros(3)", "xp.zeros(())", "xp.zeros((2, 0))", "xp.zeros((2, 3), dtype=xp.int16)",
    "xp.ones(3)", "xp.ones((2, 3), dtype=xp.bool)", "xp.full((2,), 3)", "xp.full(2, 1.5)",
    "xp.full((2, 2), True)", "xp.full((2,), 3, dtype=xp.float32)", "xp.full((), 2.0)",
    "xp.empty((2, 3)).shape", "xp.empty_like(i8).dtype == xp.int8", "xp.empty((0,))",
    "xp.zeros_like(i8)", "xp.zeros_like(f32, dtype=xp.int64)", "xp.ones_like(b)",
    "xp.full_like(f32, 2)", "xp.full_like(i8, 2, dtype=xp.float64)", "xp.full_like(scalar, 1)",
    "xp.eye(3)", "xp.eye(2, 4)", "xp.eye(3, k=1)", "xp.eye(3, 2, k=-2, dtype=xp.int8)",
    "xp.eye(0)", "xp.eye(2, 3, k=5)", "xp.eye(2, dtype=xp.bool)",
    "xp.linspace(0, 1, 5)", "xp.linspace(-2, 7.5, 4, endpoint=False)", "xp.linspace(0, 1, 0)",
    "xp.linspace(3, 4, 1)", "xp.linspace(5, 1, 3, dtype=xp.float32)",
    "xp.linspace(1, 2, 1, endpoint=False)",
    "xp.asarray(3)", "xp.asarray(True)", "xp.asarray(2.5)", "xp.asarray([1, 2])",
    "xp.asarray([[1, 2.5], [3, 4]])", "xp.asarray([True, False])", "xp.asarray([])",
    "xp.asarray([1, 2], dtype=xp.float32)", "xp.asarray(i8)", "xp.asarray(i8, dtype=xp.int64)",
    "xp.asarray(f64, copy=True)", "xp.asarray(range(4))", "xp.asarray((1, (2)))",
    "xp.asarray([[]])", "xp.asarray(2, dtype=xp.int8)",
    "xp.asarray([xp.asarray(1), xp.asarray(2)])",
    "xp.asarray(np.arange(6, dtype='int16')[::-2])", "xp.asarray(np.arange(3, dtype='>f4') + 0)",
    "xp.asarray(np.float32(2))", "xp.asarray(memoryview(b'ab'))",
    "xp.from_dlpack(np.arange(3.0))", "xp.from_dlpack(f32, copy=True)",
    "xp.meshgrid(vector, sorted)", "xp.meshgrid(vector, sorted, indexing='ij')",
    "xp.meshgrid(vector)", "xp.meshgrid(vector, sorted, vector)", "list(xp.meshgrid())",
    *_each(ALL, "xp.tril({x})", "xp.triu({x}, k=1)", "xp.tril({x}, k=-1)"),
    "xp.tril(cube, k=1)", "xp.triu(cube)", "xp.triu(empty)",
    *_each(ALL, "xp.astype({x}, xp.float32)", "xp.astype({x}, xp.bool)"),
    *_each(("i16", "b", "u8"), "xp.astype({x}, xp.int64)", "xp.astype({x}, xp.int8)"),
    "xp.astype(f64, xp.int32)", "xp.astype(nans, xp.bool)", "xp.astype(f64, xp.float64) is f64",
    "xp.astype(f64, xp.float64, copy=False) is f64",
]  # fmt: skip

MANIPULATION = [
    "xp.broadcast_arrays(f64, f64y, scalar)",
    "xp.broadcast_arrays(vector)", "xp.broadcast_to(f64y, (4, 3))",
    "xp.broadcast_to(scalar, (2, 2))",
    "xp.broadcast_to(one, (2, 3, 4))", "xp.broadcast_shapes((2, 1), (3,), ())",
    "xp.concat([f64, f64])", "xp.concat((i8, i16), axis=1)", "xp.concat([f32, f64], axis=-1)",
    "xp.concat([vector, f64], axis=None)", "xp.concat([empty, f64])", "xp.concat([b, b])",
    "xp.stack([f64, f64])", "xp.stack((i8, i32), axis=1)", "xp.stack([f64, f64], axis=-1)",
    "xp.unstack(cube)", "xp.unstack(cube, axis=-1)", "xp.unstack(cube, axis=1)",
    "xp.expand_dims(f64, axis=0)", "xp.expand_dims(f64, axis=-1)", "xp.expand_dims(f64, axis=2)",
    "xp.expand_dims(f64, axis=(0, -1))", "xp.expand_dims(scalar, axis=0)",
    "xp.squeeze(one, axis=0)", "xp.squeeze(one, axis=(0, 2))", "xp.squeeze(one, axis=-1)",
    "xp.squeeze(cube, axis=())", "xp.flip(cube)", "xp.flip(cube, axis=1)",
    "xp.flip(cube, axis=(0, -1))",
    "xp.flip(scalar)", "xp.flip(b, axis=-1)", "xp.moveaxis(cube, 0, -1)",
    "xp.moveaxis(cube, (0, 1), (2, 0))", "xp.permute_dims(cube, (2, 0, 1))",
    "xp.permute_dims(cube, axes=(-1, 0, 1))", "xp.permute_dims(scalar, ())",
    "xp.repeat(f64, 2)", "xp.repeat(f64, 2, axis=1)", "xp.repeat(f64, index[:3], axis=1)",
    "xp.repeat(vector, xp.asarray([2]))", "xp.repeat(f64, 0, axis=0)", "xp.repeat(i8, 3, axis=-1)",
    "xp.reshape(cube, (6, 4))", "xp.reshape(cube, (-1,))", "xp.reshape(f64, (3, 1, -1), copy=True)",
    "xp.reshape(scalar, (1, 1))", "xp.reshape(empty, (3, 0))",
    "xp.reshape(cube, (4, 6), copy=False)",
    "xp.roll(vector, 2)", "xp.roll(cube, -1, axis=1)", "xp.roll(cube, (1, 2), axis=(0, 2))",
    "xp.roll(cube, 1, axis=(0, 1))", "xp.roll(cube, 3)", "xp.roll(scalar, 1)",
    "xp.roll(empty, 1, axis=0)",
    "xp.tile(f64, (2,))", "xp.tile(f64, (2, 1))", "xp.tile(f64, (2, 1, 2))",
    "xp.tile(scalar, (3,))",
    "xp.tile(vector, (0,))", "xp.matrix_transpose(cube)", "xp.matrix_transpose(f64)",
    "xp.take(cube, index[1:], axis=1)", "xp.take(vector, index)",
    "xp.take(cube, index - 1, axis=-1)",
    "xp.take(i8, index[:0], axis=0)", "xp.take(f64, xp.astype(index, xp.int32) // 2, axis=0)",
    "xp.take_along_axis(cube, along, axis=-1)", "xp.take_along_axis(cube, along - 1, axis=2)",
    "xp.take_along_axis(cube, xp.argsort(cube, axis=1), axis=1)",
    "xp.take_along_axis(f64, xp.argsort(f64))",
]  # fmt: skip

_AXES = ("", ", axis=0", ", axis=-1", ", axis=0, keepdims=True", ", keepdims=True")
_SEVERAL = (", axis=(0, 2)", ", axis=(-1, 0), keepdims=True", ", axis=(0, 1, 2)", ", axis=()")
REDUCTIONS = [
    *_each(
        ("f32", "f64", "i8", "i16", "i32", "i64"),
        *(f"xp.{f}({{x}}{axes})" for f in ("sum", "prod", "max", "min") for axes in _AXES),
    ),
    *_each(FLOATS, *(f"xp.{f}({{x}}{a})" for f in ("mean", "std", "var") for a in _AXES)),
    *_each(ALL, *(f"xp.{f}({{x}}{a})" for f in ("all", "any", "count_nonzero") for a in _AXES)),
    *_each(
        _SEVERAL,
        *(f"xp.{f}(cube{{x}})" for f in ("sum", "prod", "max", "min", "mean", "std", "var", "all")),
        "xp.any(cube{x})", "xp.count_nonzero(cube{x})",
    ),
    *_each(("sum", "prod", "mean", "max", "all", "any", "std"), "xp.{x}(scalar)"),
    *_each(("sum", "prod", "all", "any"), "xp.{x}(empty)", "xp.{x}(empty, axis=0)"),
    *_each(("sum", "prod", "max", "min", "mean"), "xp.{x}(nans)", "xp.{x}(nans, axis=0)"),
    "xp.max(u8)", "xp.min(u8, axis=0)", "xp.max(empty, axis=1)", "xp.all(nans)",
    "xp.sum(f32, dtype=xp.float64)", "xp.sum(f64, axis=np.int64(1))", "xp.sum(i8, dtype=xp.int8)",
    "xp.prod(i8, axis=0, dtype=xp.int16)",
    "xp.sum(i64, axis=0, dtype=xp.float64)", "xp.var(cube, correction=1, axis=(0, 2))",
    "xp.std(f32, correction=1.5)", "xp.std(cube, axis=1, correction=1, keepdims=True)",
    *_each(
        ("f32", "f64", "i8", "i64"),
        "xp.cumulative_sum({x}, axis=0)", "xp.cumulative_sum({x}, axis=-1, include_initial=True)",
        "xp.cumulative_prod({x}, axis=1)", "xp.cumulative_prod({x}, axis=0, include_initial=True)",
    ),
    "xp.cumulative_sum(vector)", "xp.cumulative_sum(vector, include_initial=True)",
    "xp.cumulative_sum(i8, axis=0, dtype=xp.float32)", "xp.cumulative_prod(vector)",
    "xp.cumulative_sum(empty, axis=0, include_initial=True)",
    *_each(("f32", "f64", "i8", "i64"), "xp.diff({x})", "xp.diff({x}, axis=0)",
    "xp.diff({x}, n=2)"),
    "xp.diff(vector, prepend=vector[:1], append=vector[:2])", "xp.diff(cube, axis=1, n=0)",
    "xp.diff(f64, prepend=f64, axis=0)", "xp.diff(b)",
]  # fmt: skip

SEARCHING = [
    *_each(NUMBERS, "xp.argmax({x})", "xp.argmin({x}, axis=0)",
    "xp.argmax({x}, axis=-1, keepdims=True)"),
    "xp.argmax(nans)", "xp.argmin(nans, axis=1)", "xp.argmin(many, axis=1)",
    "xp.argmax(many, keepdims=True)",
    "xp.argmax(scalar)", "xp.nonzero(many)", "xp.nonzero(b)", "xp.nonzero(vector)",
    "xp.nonzero(empty)",
    "xp.searchsorted(sorted, vector)", "xp.searchsorted(sorted, cube, side='right')",
    "xp.searchsorted(vector, sorted, sorter=xp.argsort(vector))", "xp.searchsorted(sorted, scalar)",
    "xp.searchsorted(xp.asarray([1, 2, 2, 3]), many)",
    "xp.searchsorted(xp.asarray([1, 2, 2, 3]), many, side='right')",
    "xp.searchsorted(sorted, xp.astype(vector, xp.float32))",
    "xp.where(b, f64, f32)", "xp.where(b, i8, i16)", "xp.where(by, f64, f64y)",
    "xp.where(b, 1, i8)",
    "xp.where(b, f32, 2.5)", "xp.where(b, scalar, f32)", "xp.where(b, 1.0, f32)",
    "xp.where(b, 2, 3)", "xp.where(b, 2, 0.5)",
    *_each(NUMBERS, "xp.sort({x})", "xp.sort({x}, axis=0)", "xp.argsort({x})"),
    "xp.sort(b)", "xp.sort(nans)", "xp.sort(few)", "xp.argsort(many, axis=0)", "xp.argsort(many)",
    "xp.sort(empty)", "xp.argsort(few)", "xp.isin(many, index)",
    "xp.isin(many, index, invert=True)",
    *_each(
        ("many", "few", "vector", "scalar", "empty", "b", "i8", "f32"),
        "xp.sort(xp.unique_values({x}))", "xp.unique_counts({x})", "xp.unique_inverse({x})",
        "xp.unique_all({x})",
    ),
]  # fmt: skip

LINEAR = [
    *_each(("f32", "f64", "i8", "i64"), "xp.matmul({x}, {x}y)",
    "xp.matmul({x}, xp.matrix_transpose({x}))"),
    "xp.matmul(f32, f64y)", "xp.matmul(f64y, matrix)", "xp.matmul(cube, xp.matrix_transpose(cube))",
    "xp.matmul(stack, matrix)", "xp.matmul(i8, i32y)", "xp.matmul(empty, matrix)",
    "xp.tensordot(cube, cube, axes=3)", "xp.tensordot(f64, f64y, axes=1)",
    "xp.tensordot(f64, f64y, axes=0)",
    "xp.tensordot(cube, stack, axes=((0, 1), (0, 2)))",
    "xp.tensordot(cube, stack, axes=((-1,), (1,)))",
    "xp.tensordot(f32, f64, axes=((0, 1), (0, 1)))", "xp.tensordot(i8, i8y, axes=1)",
    "xp.vecdot(f64, f64y)", "xp.vecdot(cube, cube)", "xp.vecdot(i8, i16)",
    "xp.vecdot(f32, f64y)", "xp.vecdot(cube, cube, axis=-2)", "xp.vecdot(f64y, matrix)",
    "xp.linalg.cholesky(symmetric)", "xp.linalg.cholesky(symmetric, upper=True)",
    "xp.linalg.cross(f64, f64y)", "xp.linalg.cross(matrix, matrix, axis=0)",
    "xp.linalg.cross(f32, f64)",
    "xp.linalg.cross(i8, i8)", "xp.linalg.det(matrix)",
    "xp.linalg.det(xp.stack([matrix, symmetric]))",
    "xp.linalg.diagonal(cube)", "xp.linalg.diagonal(cube, offset=1)",
    "xp.linalg.diagonal(f64, offset=-1)",
    "xp.linalg.eigh(symmetric).eigenvalues", "xp.linalg.eigvalsh(symmetric)",
    "xp.linalg.inv(matrix)", "xp.linalg.inv(xp.stack([matrix, symmetric]))",
    *_each(
        ("'fro'", "'nuc'", "1", "-1", "2", "-2", "xp.inf", "-xp.inf"),
        "xp.linalg.matrix_norm(f64, ord={x})",
        "xp.linalg.matrix_norm(cube, ord={x}, keepdims=True)",
    ),
    "xp.linalg.matrix_norm(f32)", *_each(("0", "1", "3",
    "-2"), "xp.linalg.matrix_power(matrix, {x})"),
    "xp.linalg.matrix_rank(matrix)", "xp.linalg.matrix_rank(xp.ones((2, 3, 3)))",
    "xp.linalg.matrix_rank(symmetric, rtol=0.5)", "xp.linalg.matrix_rank(xp.zeros((2, 2)))",
    "xp.linalg.outer(vector, sorted)", "xp.linalg.outer(i8y, f64y)",
    "xp.linalg.pinv(f64)", "xp.linalg.pinv(stack)", "xp.linalg.pinv(xp.ones((2, 3)))",
    "xp.linalg.pinv(f64, rtol=0.5)",
    "xp.matmul(*xp.linalg.qr(stack))", "xp.abs(xp.linalg.qr(stack).R)",
    "xp.linalg.qr(stack, mode='complete').Q.shape",
    "xp.linalg.slogdet(matrix)", "xp.linalg.slogdet(xp.zeros((2, 2)))",
    "xp.linalg.solve(matrix, f64y)", "xp.linalg.solve(matrix, xp.matrix_transpose(f64))",
    "xp.linalg.solve(xp.stack([matrix, symmetric]), f64y)",
    "xp.linalg.solve(xp.stack([matrix] * 3), matrix)",
    "xp.linalg.solve(xp.stack([matrix, symmetric]), xp.ones((2, 3, 1)))",
    "xp.linalg.svd(stack).S", "xp.linalg.svd(stack).U.shape",
    "xp.linalg.svd(stack, full_matrices=False).U.shape",
    "xp.linalg.svdvals(stack)", "xp.linalg.trace(cube)", "xp.linalg.trace(matrix, offset=1)",
    "xp.linalg.trace(i8)", "xp.linalg.trace(f32, dtype=xp.float64)",
    *_each(
        ("0", "1", "2", "3", "0.5", "-1", "xp.inf", "-xp.inf"),
        "xp.linalg.vector_norm(cube, ord={x})", "xp.linalg.vector_norm(cube, axis=(0, 2), ord={x})",
    ),
    "xp.linalg.vector_norm(f32)", "xp.linalg.vector_norm(cube, axis=1, keepdims=True)",
    "xp.linalg.vector_norm(cube, keepdims=True)", "xp.linalg.vector_norm(scalar)",
    "xp.linalg.matmul(f64y, f64y)",
    "xp.linalg.vecdot(f64y, f64y)", "xp.linalg.tensordot(f64y, f64y, axes=1)",
    "xp.linalg.matrix_transpose(f64)",
]  # fmt: skip

GROUPS = {
    "elementwise": ELEMENTWISE,
    "creation": CREATION,
    "manipulation": MANIPULATION,
    "reductions": REDUCTIONS,
    "searching": SEARCHING,
    "linear": LINEAR,
}
