"""The names and signatures of the array API standard 2024.12, as its documents give them.

`/` and `*` part arguments by position from those by name. `DEVIATIONS` are wider here.
"""


def words(text):
    """The words in it, as long lists are easier to read so."""
    return text.split()


DTYPES = words(
    """bool int8 int16 int32 int64 uint8 uint16 uint32 uint64
    float32 float64 complex64 complex128"""
)
CONSTANTS = ["e", "inf", "nan", "newaxis", "pi"]

_CREATED = "*, dtype=None, device=None"
FUNCTIONS = {
    "creation": {
        "arange": "start, /, stop=None, step=1, *, dtype=None, device=None",
        "asarray": "obj, /, *, dtype=None, device=None, copy=None",
        "empty": f"shape, {_CREATED}",
        "empty_like": f"x, /, {_CREATED}",
        "eye": "n_rows, n_cols=None, /, *, k=0, dtype=None, device=None",
        "from_dlpack": "x, /, *, device=None, copy=None",
        "full": f"shape, fill_value, {_CREATED}",
        "full_like": f"x, /, fill_value, {_CREATED}",
        "linspace": "start, stop, /, num, *, dtype=None, device=None, endpoint=True",
        "meshgrid": "*arrays, indexing='xy'",
        "ones": f"shape, {_CREATED}",
        "ones_like": f"x, /, {_CREATED}",
        "tril": "x, /, *, k=0",
        "triu": "x, /, *, k=0",
        "zeros": f"shape, {_CREATED}",
        "zeros_like": f"x, /, {_CREATED}",
    },
    "dtypes": {
        "astype": "x, dtype, /, *, copy=True, device=None",
        "can_cast": "from_, to, /",
        "finfo": "type, /",
        "iinfo": "type, /",
        "isdtype": "dtype, kind",
        "result_type": "*arrays_and_dtypes",
        "__array_namespace_info__": "",
    },
    "elementwise": {
        **dict.fromkeys(
            words(
                """abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1
                floor imag isfinite isinf isnan log log1p log2 log10 logical_not negative
                positive real reciprocal round sign signbit sin sinh square sqrt tan tanh trunc"""
            ),
            "x, /",
        ),
        **dict.fromkeys(
            words(
                """add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift
                bitwise_xor copysign divide equal floor_divide greater greater_equal hypot less
                less_equal logaddexp logical_and logical_or logical_xor maximum minimum multiply
                nextafter not_equal pow remainder subtract"""
            ),
            "x1, x2, /",
        ),
        "clip": "x, /, min=None, max=None",
    },
    "linear algebra": {
        "matmul": "x1, x2, /",
        "matrix_transpose": "x, /",
        "tensordot": "x1, x2, /, *, axes=2",
        "vecdot": "x1, x2, /, *, axis=-1",
    },
    "manipulation": {
        "broadcast_arrays": "*arrays",
        "broadcast_to": "x, /, shape",
        "concat": "arrays, /, *, axis=0",
        "expand_dims": "x, /, *, axis=0",
        "flip": "x, /, *, axis=None",
        "moveaxis": "x, source, destination, /",
        "permute_dims": "x, /, axes",
        "repeat": "x, repeats, /, *, axis=None",
        "reshape": "x, /, shape, *, copy=None",
        "roll": "x, /, shift, *, axis=None",
        "squeeze": "x, /, axis",
        "stack": "arrays, /, *, axis=0",
        "tile": "x, repetitions, /",
        "unstack": "x, /, *, axis=0",
    },
    "searching, sorting, sets": {
        "argmax": "x, /, *, axis=None, keepdims=False",
        "argmin": "x, /, *, axis=None, keepdims=False",
        "argsort": "x, /, *, axis=-1, descending=False, stable=True",
        "count_nonzero": "x, /, *, axis=None, keepdims=False",
        "nonzero": "x, /",
        "searchsorted": "x1, x2, /, *, side='left', sorter=None",
        "sort": "x, /, *, axis=-1, descending=False, stable=True",
        "unique_all": "x, /",
        "unique_counts": "x, /",
        "unique_inverse": "x, /",
        "unique_values": "x, /",
        "where": "condition, x1, x2, /",
    },
    "indexing": {
        "take": "x, indices, /, *, axis=None",
        "take_along_axis": "x, indices, /, *, axis=-1",
    },
    "statistics, utilities": {
        "all": "x, /, *, axis=None, keepdims=False",
        "any": "x, /, *, axis=None, keepdims=False",
        "cumulative_prod": "x, /, *, axis=None, dtype=None, include_initial=False",
        "cumulative_sum": "x, /, *, axis=None, dtype=None, include_initial=False",
        "diff": "x, /, *, axis=-1, n=1, prepend=None, append=None",
        "max": "x, /, *, axis=None, keepdims=False",
        "mean": "x, /, *, axis=None, keepdims=False",
        "min": "x, /, *, axis=None, keepdims=False",
        "prod": "x, /, *, axis=None, dtype=None, keepdims=False",
        "std": "x, /, *, axis=None, correction=0.0, keepdims=False",
        "sum": "x, /, *, axis=None, dtype=None, keepdims=False",
        "var": "x, /, *, axis=None, correction=0.0, keepdims=False",
    },
    "linalg": {
        "cholesky": "x, /, *, upper=False",
        "cross": "x1, x2, /, *, axis=-1",
        "det": "x, /",
        "diagonal": "x, /, *, offset=0",
        "eigh": "x, /",
        "eigvalsh": "x, /",
        "inv": "x, /",
        "matmul": "x1, x2, /",
        "matrix_norm": "x, /, *, keepdims=False, ord='fro'",
        "matrix_power": "x, n, /",
        "matrix_rank": "x, /, *, rtol=None",
        "matrix_transpose": "x, /",
        "outer": "x1, x2, /",
        "pinv": "x, /, *, rtol=None",
        "qr": "x, /, *, mode='reduced'",
        "slogdet": "x, /",
        "solve": "x1, x2, /",
        "svd": "x, /, *, full_matrices=True",
        "svdvals": "x, /",
        "tensordot": "x1, x2, /, *, axes=2",
        "trace": "x, /, *, offset=0, dtype=None",
        "vecdot": "x1, x2, /, *, axis=-1",
        "vector_norm": "x, /, *, axis=None, keepdims=False, ord=2",
    },
    "fft": dict.fromkeys(
        words(
            """fft ifft fftn ifftn rfft irfft rfftn irfftn hfft ihfft fftfreq rfftfreq fftshift
            ifftshift"""
        )
    ),
}
#: Wider here, as libraries call them so.
DEVIATIONS = {
    "expand_dims": "x, /, axis=0",
}
#: Attributes and methods of arrays.
ARRAY = words(
    """T device dtype mT ndim shape size __abs__ __add__ __and__ __array_namespace__ __bool__
    __complex__ __dlpack__ __dlpack_device__ __eq__ __float__ __floordiv__ __ge__ __getitem__
    __gt__ __index__ __int__ __invert__ __le__ __lshift__ __lt__ __matmul__ __mod__ __mul__
    __ne__ __neg__ __or__ __pos__ __pow__ __rshift__ __setitem__ __sub__ __truediv__ __xor__
    to_device __iadd__ __isub__ __imul__ __itruediv__ __ifloordiv__ __ipow__ __imod__ __iand__
    __ior__ __ixor__ __ilshift__ __irshift__ __radd__ __rsub__ __rmul__ __rtruediv__
    __rfloordiv__ __rpow__ __rmod__ __rmatmul__ __rand__ __ror__ __rxor__ __rlshift__
    __rrshift__"""
)


def missing():
    """The names of the standard that are not here, by part."""
    import wengert
    from wengert import array_api

    found = {"dtypes": [name for name in DTYPES if not hasattr(array_api, name)]}
    found["constants"] = [name for name in CONSTANTS if not hasattr(array_api, name)]
    for part, functions in FUNCTIONS.items():
        where = getattr(array_api, part, None) if part in ("linalg", "fft") else array_api
        absent = [name for name in functions if not hasattr(where, name)]
        found[part] = found.get(part, []) + absent
    found["arrays"] = [name for name in ARRAY if not hasattr(wengert.Tensor, name)]
    return {part: names for part, names in found.items() if names}
