"""The special cases of the array API standard, function by function: `arguments => result`.

Zeros are signed. `~x` is a result that is near x.
"""

UNARY = {
    "abs": "nan => nan; -0 => 0; 0 => 0; -inf => inf; inf => inf; -2.5 => 2.5",
    "acos": "nan => nan; 1.5 => nan; -1.5 => nan; inf => nan; 1 => 0; -1 => ~pi",
    "acosh": "nan => nan; 0.5 => nan; -2 => nan; 1 => 0; inf => inf; -inf => nan",
    "asin": "nan => nan; 1.5 => nan; -1.5 => nan; 0 => 0; -0 => -0; 1 => ~pi/2",
    "asinh": "nan => nan; 0 => 0; -0 => -0; inf => inf; -inf => -inf",
    "atan": "nan => nan; 0 => 0; -0 => -0; inf => ~pi/2; -inf => ~-pi/2",
    "atanh": "nan => nan; -1.5 => nan; 1.5 => nan; -1 => -inf; 1 => inf; 0 => 0; -0 => -0",
    "ceil": "nan => nan; 0 => 0; -0 => -0; inf => inf; -inf => -inf; 3 => 3; -0.5 => -0; 1.1 => 2",
    "cos": "nan => nan; 0 => 1; -0 => 1; inf => nan; -inf => nan",
    "cosh": "nan => nan; 0 => 1; -0 => 1; inf => inf; -inf => inf",
    "exp": "nan => nan; 0 => 1; -0 => 1; inf => inf; -inf => 0",
    "expm1": "nan => nan; 0 => 0; -0 => -0; inf => inf; -inf => -1",
    "floor": "nan => nan; 0 => 0; -0 => -0; inf => inf; -inf => -inf; 3 => 3; 0.5 => 0; -1.1 => -2",
    "isfinite": "nan => False; inf => False; -inf => False; 1 => True; -0 => True",
    "isinf": "nan => False; inf => True; -inf => True; 1 => False",
    "isnan": "nan => True; inf => False; 0 => False",
    "log": "nan => nan; -1 => nan; -inf => nan; 0 => -inf; -0 => -inf; 1 => 0; inf => inf",
    "log1p": "nan => nan; -2 => nan; -1 => -inf; -0 => -0; 0 => 0; inf => inf; -inf => nan",
    "log2": "nan => nan; -1 => nan; 0 => -inf; -0 => -inf; 1 => 0; inf => inf",
    "log10": "nan => nan; -1 => nan; 0 => -inf; -0 => -inf; 1 => 0; inf => inf",
    "negative": "nan => nan; 0 => -0; -0 => 0; inf => -inf",
    "reciprocal": "nan => nan; 0 => inf; -0 => -inf; inf => 0; -inf => -0",
    "round": "nan => nan; 0 => 0; -0 => -0; inf => inf; -inf => -inf; 0.5 => 0; 1.5 => 2; "
    "2.5 => 2; "
    "-0.5 => -0; -2.5 => -2; -0.2 => -0; 7 => 7",
    "sign": "nan => nan; 0 => 0; -0 => 0; inf => 1; -inf => -1; 0.2 => 1; -7 => -1",
    "signbit": "0 => False; -0 => True; inf => False; -inf => True; 3 => False; -3 => True; "
    "nan => False; -nan => True",
    "sin": "nan => nan; 0 => 0; -0 => -0; inf => nan; -inf => nan",
    "sinh": "nan => nan; 0 => 0; -0 => -0; inf => inf; -inf => -inf",
    "sqrt": "nan => nan; -1 => nan; 0 => 0; -0 => -0; inf => inf; -inf => nan",
    "square": "nan => nan; -0 => 0; inf => inf; -inf => inf",
    "tan": "nan => nan; 0 => 0; -0 => -0; inf => nan; -inf => nan",
    "tanh": "nan => nan; 0 => 0; -0 => -0; inf => 1; -inf => -1",
    "trunc": "nan => nan; 0 => 0; -0 => -0; inf => inf; -inf => -inf; 0.5 => 0; -0.5 => -0; "
    "-3.7 => -3",
}  # fmt: skip

BINARY = {
    "add": "nan, 1 => nan; 1, nan => nan; inf, -inf => nan; -inf, inf => nan; inf, inf => inf; "
    "-inf, -inf => -inf; inf, 1 => inf; 1, -inf => -inf; -0, -0 => -0; -0, 0 => 0; 0, -0 => 0; "
    "0, 0 => 0; 0, 2 => 2; -0, -2 => -2; 2, -2 => 0",
    "atan2": "nan, 1 => nan; 1, nan => nan; 1, 0 => ~pi/2; 1, -0 => ~pi/2; 0, 1 => 0; 0, 0 => 0; "
    "0, -0 => ~pi; 0, -1 => ~pi; -0, 1 => -0; -0, 0 => -0; -0, -0 => ~-pi; -0, -1 => ~-pi; "
    "-1, 0 => ~-pi/2; -1, -0 => ~-pi/2; 1, inf => 0; 1, -inf => ~pi; -1, inf => -0; "
    "-1, -inf => ~-pi; inf, 1 => ~pi/2; -inf, 1 => ~-pi/2; inf, inf => ~pi/4; "
    "inf, -inf => ~3*pi/4; -inf, inf => ~-pi/4; -inf, -inf => ~-3*pi/4",
    "copysign": "1, -0 => -1; 1, 0 => 1; -1, 0 => 1; nan, 1 => nan; nan, -1 => nan; 2, -inf => -2; "
    "0, -3 => -0; inf, -1 => -inf; 3, nan => 3; 3, -nan => -3",
    "divide": "nan, 1 => nan; 1, nan => nan; inf, inf => nan; -inf, inf => nan; 0, 0 => nan; "
    "-0, 0 => nan; 0, 1 => 0; -0, 1 => -0; 0, -1 => -0; -0, -1 => 0; 1, 0 => inf; 1, -0 => -inf; "
    "-1, 0 => -inf; -1, -0 => inf; inf, 1 => inf; inf, -1 => -inf; -inf, 1 => -inf; "
    "-inf, -1 => inf; "
    "1, inf => 0; 1, -inf => -0; -1, inf => -0; -1, -inf => 0",
    "equal": "nan, nan => False; nan, 1 => False; inf, inf => True; -inf, -inf => True; "
    "-0, 0 => True; inf, -inf => False",
    "floor_divide": "nan, 1 => nan; 1, nan => nan; inf, inf => nan; 0, 0 => nan; -0, -0 => nan; "
    "0, 1 => 0; -0, 1 => -0; 0, -1 => -0; -0, -1 => 0; 1, 0 => inf; 1, -0 => -inf; -1, 0 => -inf; "
    "-1, -0 => inf; inf, 1 => nan; -inf, 1 => nan; inf, -1 => nan; 1, inf => 0; 1, -inf => -1; "
    "-1, inf => -1; -1, -inf => 0; 7, 2 => 3; -7, 2 => -4",
    "greater": "nan, 1 => False; 1, nan => False; inf, 1 => True; 0, -0 => False",
    "greater_equal": "nan, nan => False; inf, inf => True; -0, 0 => True",
    "hypot": "inf, nan => inf; nan, -inf => inf; -inf, 1 => inf; nan, 1 => nan; 1, nan => nan; "
    "0, -0 => 0; -3, 4 => ~5",
    "less": "nan, 1 => False; -inf, 1 => True; -0, 0 => False",
    "less_equal": "nan, nan => False; -inf, -inf => True; 0, -0 => True",
    "logaddexp": "nan, 1 => nan; 1, nan => nan; inf, 1 => inf; 1, inf => inf; inf, inf => inf; "
    "-inf, -inf => -inf; -inf, 1 => 1; inf, -inf => inf",
    "maximum": "nan, 1 => nan; 1, nan => nan; inf, 1 => inf; -inf, 1 => 1",
    "minimum": "nan, 1 => nan; 1, nan => nan; inf, 1 => 1; -inf, 1 => -inf",
    "multiply": "nan, 1 => nan; inf, 0 => nan; -inf, 0 => nan; 0, inf => nan; -0, -inf => nan; "
    "inf, inf => inf; inf, -inf => -inf; inf, 2 => inf; inf, -2 => -inf; -0, 2 => -0; -0, -2 => 0",
    "nextafter": "nan, 1 => nan; 1, nan => nan; 1, 1 => 1; 0, -0 => -0; -0, 0 => 0; "
    "inf, inf => inf",
    "not_equal": "nan, nan => True; inf, inf => False; -0, 0 => False",
    "pow": "2, 0 => 1; nan, 0 => 1; nan, -0 => 1; 1, nan => 1; nan, 2 => nan; 2, nan => nan; "
    "2, inf => inf; -2, inf => inf; 2, -inf => 0; 1, inf => 1; -1, inf => 1; -1, -inf => 1; "
    "0.5, inf => 0; -0.5, inf => 0; 0.5, -inf => inf; inf, 2 => inf; inf, -2 => 0; "
    "-inf, 3 => -inf; "
    "-inf, 2 => inf; -inf, 2.5 => inf; -inf, -3 => -0; -inf, -2 => 0; 0, 2 => 0; 0, -2 => inf; "
    "-0, 3 => -0; -0, 2 => 0; -0, 2.5 => 0; -0, -3 => -inf; -0, -2 => inf; -0, -2.5 => inf; "
    "-2, 0.5 => nan; -2, 3 => -8; 0, inf => 0; -0, -inf => inf",
    "remainder": "nan, 1 => nan; 1, nan => nan; inf, 1 => nan; -inf, 2 => nan; inf, inf => nan; "
    "0, 0 => nan; -0, 0 => nan; 0, 2 => 0; -0, 2 => 0; 0, -2 => -0; -0, -2 => -0; 2, 0 => nan; "
    "2, -0 => nan; -2, 0 => nan; 2, inf => 2; 2, -inf => -inf; -2, inf => inf; -2, -inf => -2; "
    "4, 2 => 0; 4, -2 => -0; -4, 2 => 0; -4, -2 => -0; 5, -3 => -1; -5, 3 => 1",
    "subtract": "nan, 1 => nan; inf, inf => nan; -inf, -inf => nan; inf, -inf => inf; 0, 0 => 0; "
    "-0, 0 => -0; 0, -0 => 0; -0, -0 => 0; 2, 2 => 0",
}  # fmt: skip

#: Of whole arrays: an expression, and the numbers it gives.
WHOLE = {
    "xp.sum(xp.asarray([]))": 0,
    "xp.sum(xp.asarray([1.0, nan]))": "nan",
    "xp.prod(xp.asarray([]))": 1,
    "xp.prod(xp.asarray([2.0, nan]))": "nan",
    "xp.mean(xp.asarray([]))": "nan",
    "xp.mean(xp.asarray([1.0, nan]))": "nan",
    "xp.max(xp.asarray([1.0, nan, 3.0]))": "nan",
    "xp.min(xp.asarray([1.0, nan, 3.0]))": "nan",
    "xp.max(xp.asarray([-inf, -inf]))": "-inf",
    "xp.var(xp.asarray([1.0, nan]))": "nan",
    "xp.std(xp.asarray([1.0, inf]))": "nan",
    "xp.var(xp.asarray([1.0]), correction=1)": "nan",
    "xp.var(xp.asarray([1.0, 2.0]), correction=3)": "nan",
    "xp.std(xp.asarray([1.0, 2.0]), correction=3)": "nan",
    "xp.std(xp.asarray([1.0, 2.0]), correction=2.0)": "nan",
    "xp.var(xp.asarray([]))": "nan",
    "xp.var(xp.asarray(3.0))": 0,
    "xp.all(xp.asarray([]))": True,
    "xp.any(xp.asarray([]))": False,
    "xp.all(xp.asarray([1.0, nan, -inf]))": True,
    "xp.any(xp.asarray([0.0, -0.0]))": False,
    "xp.count_nonzero(xp.asarray([nan, 0.0, -0.0, inf]))": 2,
    "xp.clip(xp.asarray(nan), 0, 1)": "nan",
    "xp.clip(xp.asarray(1.0), nan, 2)": "nan",
    "xp.clip(xp.asarray(1.0), 0, nan)": "nan",
    "xp.clip(xp.asarray(inf), 0, 1)": 1,
    "xp.clip(xp.asarray(-inf), -3)": -3,
    "xp.unique_values(xp.asarray([nan, nan])).shape[0] + xp.asarray(0)": 2,
    "xp.sum(xp.unique_counts(xp.asarray([nan, 1.0, nan, 1.0])).counts)": 4,
    "xp.unique_values(xp.asarray([0.0, -0.0])).shape[0] + xp.asarray(0)": 1,
    "xp.nonzero(xp.asarray([nan, 0.0]))[0][0]": 0,
    "xp.linalg.vector_norm(xp.asarray([nan, 1.0]))": "nan",
    "xp.linalg.det(xp.ones((0, 0)))": 1,
}
