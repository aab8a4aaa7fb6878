"""PyTorch's own database of operations, its samples turned into ours.

`torch.testing._internal` has for each operation the arguments that PyTorch itself is tested with.
Here are what of it is run, what turns its samples into calls of ours, what it lacks, and what we do
otherwise on purpose.
"""

from __future__ import annotations

import functools
import itertools
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import wengert as wg
from tests.conftest import torch

SEED = 42

# ---- what is run

F = "nn.functional."
NAMES = """
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d
    max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d lp_pool3d
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
    max_unpool1d max_unpool2d max_unpool3d fractional_max_pool2d fractional_max_pool3d
    unfold fold pad
    interpolate upsample upsample_bilinear upsample_nearest grid_sample affine_grid
    pixel_shuffle pixel_unshuffle channel_shuffle
    batch_norm instance_norm group_norm layer_norm rms_norm local_response_norm normalize
    embedding embedding_bag
    dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout
    scaled_dot_product_attention multi_head_attention_forward
    cosine_similarity cosine_embedding_loss hinge_embedding_loss margin_ranking_loss
    soft_margin_loss multilabel_soft_margin_loss multi_margin_loss multilabel_margin_loss
    triplet_margin_loss ctc_loss gaussian_nll_loss poisson_nll_loss
"""
ARRANGING = """
    clone contiguous to empty_like zeros_like ones_like full_like rand_like randn_like randint_like
"""
# Not here but in tests/linalg: eigh, svd and the low ranks, whose vectors have any sign; eigvalsh,
# cholesky_solve and cholesky_inverse, of which a gradient of PyTorch's has entries beyond the
# triangle that is read; lstsq, whose empty results ask for gradients there; the norms,
# whose second gradients at 0 are NaN here.
LINALG = """
    cholesky cholesky_ex cond cross det diagonal householder_product inv inv_ex
    ldl_factor ldl_factor_ex ldl_solve lu lu_factor lu_factor_ex lu_solve
    matrix_power matrix_rank multi_dot pinv qr slogdet solve solve_ex solve_triangular
    svdvals tensorinv tensorsolve vander vecdot
"""
MATRICES = """
    cholesky cross geqrf kron logdet lu_solve lu_unpack ormqr
    pinverse qr triangular_solve block_diag matrix_exp
"""
IMAGES = [F + name for name in NAMES.split()]
LAYOUTS = ARRANGING.split()
ALGEBRA = [*(f"linalg.{name}" for name in LINALG.split()), *MATRICES.split()]
COVERED = [*IMAGES, *LAYOUTS, "constant_pad_nd", *ALGEBRA]

# Of these many samples every so many are differentiated: a number that shares no factor with the
# numbers of choices that they are the product of, so that each choice is met with each other.
STEP = {
    F + name: 7
    for name in (
        "max_pool1d",
        "max_pool2d",
        "max_pool3d",
        "max_unpool1d",
        "max_unpool2d",
        "max_unpool3d",
    )
} | {"svd": 5, "linalg.svd": 5, F + "linear_cross_entropy": 3}
# What takes PyTorch seconds to find samples of: those of max_unpool without equal indices.
ENOUGH = {(F + "max_unpool2d", "grad"): 12}
UNINITIALISED = {"empty_like", "empty", "new_empty", "empty_strided", "empty_permuted",
                 "new_empty_strided"}  # fmt: skip
# In place by their names already; the order of arguments is another; computes in float64.
NO_INPLACE = {"resize_", "resize_as_", "zero_", "polygamma", "float_power", "normal"}
# Where elements lie in memory is what they are about, or decides what is drawn.
READ_MEMORY = {"resize_", "resize_as_", "view", "as_strided_copy", "normal"}
# Sums in the order of memory, so that of dimensions that lie otherwise rounds otherwise.
ADDS_AS_IT_LIES = {
    F + "normalize", F + "batch_norm", F + "adaptive_avg_pool2d", "dot", "inner", "vdot", "sum",
    "linalg.vector_norm", "linalg.norm", "norm", "mean", "std", "var", "std_mean", "var_mean",
    "nansum", "nanmean", "prod", "logsumexp", "matmul", "__rmatmul__",
    "native_batch_norm", "masked.sum", "masked.mean", "masked.norm", "masked.logsumexp",
}  # fmt: skip
# Vectors have any sign: what the database differentiates of them has not.
ANY_SIGN = {"linalg.eigh", "linalg.svd", "svd"}
# Read one triangle, or half of what is symmetric: differentiated as the database does it, which is
# of an argument made so.
TRIANGLE = {"linalg.eigh", "linalg.eigvalsh", "cholesky_solve"}
# In chunks PyTorch keeps no graph, or has another second gradient than the whole.
LEFT_OUT = {(F + "linear_cross_entropy", way) for way in ("chunked", "chunked_none")}
# PyTorch's second gradient is NaN where a norm is 0; here it is 0.
NAN_THERE = {"linalg.norm"}
# Without out=, whatever the database says.
NO_OUT = {"histogramdd"}
# What these draw is compared where PyTorch draws as on AMD CPUs; elsewhere only shapes and dtypes.
DRAWING = {
    F + "dropout",
    F + "dropout1d",
    F + "dropout2d",
    F + "dropout3d",
    F + "alpha_dropout",
    F + "feature_alpha_dropout",
    F + "scaled_dot_product_attention",
    F + "multi_head_attention_forward",
}


@dataclass
class Call:
    """Arguments in torch's types."""

    args: tuple
    kwargs: dict = field(default_factory=dict)
    label: str = ""
    #: What is compared of the result.
    of_result: Callable = lambda result: result

    def __str__(self) -> str:
        return f"{self.label}({', '.join([*map(shown, self.args)])}, {shown(self.kwargs)})"


@dataclass
class Refused:
    call: Call
    kind: type
    message: str


def shown(x: Any) -> str:
    if isinstance(x, torch.Tensor):
        return f"{str(x.dtype)[6:]}{tuple(x.shape)}"
    if isinstance(x, dict):
        return "{" + ", ".join(f"{k}={shown(v)}" for k, v in x.items()) + "}"
    if isinstance(x, (tuple, list)):
        return "[" + ", ".join(map(shown, x)) + "]"
    return repr(x)


#: What the database calls by these names, of a library.
CALLED: dict[str, Callable] = {
    **{name: lambda t, name=name: lambda x: getattr(x, name) for name in ("T", "H", "mT", "mH")},
    **{
        name: lambda t, name=name: getattr(t.Tensor, f"{name}_")
        for name in ("cauchy", "exponential", "geometric", "log_normal", "uniform")
    },
    "normal": lambda t: functools.partial(drawn_normal, t),
    "cholesky_inverse": lambda t: (
        lambda x, upper=False, **out: t.cholesky_inverse(
            x.triu() if upper else x.tril(), upper, **out
        )
    ),
    "where": lambda t: lambda x, condition, other, **out: t.where(condition, x, other, **out),
}


def drawn_normal(library: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    """normal(std, mean, ...) of numbers, normal_ of a tensor and two numbers, or normal."""
    if isinstance(x, library.Tensor):
        return (library.Tensor.normal_ if len(args) == 2 else library.normal)(x, *args, **kwargs)
    return library.normal(args[0], x, *args[1:], **kwargs)


def resolved(library: Any, name: str) -> Callable:
    """A function of that name, or the method where there is only that."""
    if name in CALLED:
        return CALLED[name](library)
    found = function_of(library, name)
    if name in TRIANGLE:
        return functools.partial(infos(name)[0].gradcheck_wrapper, found)
    return found


def function_of(library: Any, name: str) -> Callable:
    place = library
    for part in name.split("."):
        if not hasattr(place, part):
            return getattr(library.Tensor, name)
        place = getattr(place, part)
    return place if callable(place) else getattr(library.Tensor, name)  # a dtype has its method


# ---- samples


@functools.cache
def database() -> dict[str, list]:
    """The entries by name; several have one where an argument decides what is computed."""
    from torch.testing._internal.common_methods_invocations import op_db

    by_name: dict[str, list] = {}
    for op in op_db:
        by_name.setdefault(op.name, []).append(op)
    return by_name


def infos(name: str) -> list:
    return database().get(name, [])


def samples(name: str, dtype: str) -> Iterator[Call]:
    """Those of the database, with its own and those that it keeps for references; and ours."""
    torch.manual_seed(SEED)
    kind = getattr(torch, dtype)
    for op in infos(name):
        if kind not in op.dtypes or (name, op.variant_test_name) in LEFT_OUT:
            continue
        wants = op.supports_autograd and kind.is_floating_point
        found = op.sample_inputs("cpu", kind, requires_grad=wants)
        for s in itertools.islice(found, ENOUGH.get((name, op.variant_test_name))):
            call = Call((s.input, *s.args), s.kwargs, op.variant_test_name)
            if name in ANY_SIGN:
                call.of_result = s.output_process_fn_grad
            yield call
    yield from MORE.get(name, lambda dtype: ())(kind)


def refused(name: str) -> Iterator[Refused]:
    torch.manual_seed(SEED)
    for op in infos(name):
        if not op.error_inputs_func:
            continue
        for e in op.error_inputs("cpu"):
            s = e.sample_input
            yield Refused(Call((s.input, *s.args), s.kwargs), e.error_type, e.error_regex)


# ---- torch's values as ours


class Untranslatable(Exception):
    """A value that we have no counterpart of: complex numbers, half precision."""


def copied(t):
    """The tensor in memory of its own, with the strides that it has."""
    t = t.detach()
    if t.numel() == 0:
        return t.clone()
    extent = 1 + sum((n - 1) * s for n, s in zip(t.shape, t.stride(), strict=True))
    memory = t.as_strided((extent,), (1,)).clone()
    return memory.as_strided(t.shape, t.stride())


class Translation:
    """Turns values of torch into ours, tensors into new ones; one tensor always into the same."""

    def __init__(self, make: Callable = wg.from_numpy) -> None:
        self.make = make
        self.tensors: dict[int, Any] = {}
        self.leaves: list[tuple[Any, Any]] = []

    def tensor(self, t):
        if id(t) not in self.tensors:
            if not hasattr(wg._native, str(t.dtype)[6:]):
                raise Untranslatable(t.dtype)
            ours = self.make(copied(t).numpy())
            if t.requires_grad:
                ours.requires_grad_()
                self.leaves.append((t, ours))
            self.tensors[id(t)] = ours
        return self.tensors[id(t)]

    def __call__(self, x: Any) -> Any:
        if isinstance(x, torch.Tensor):
            return self.tensor(x)
        if isinstance(x, torch.Size):
            return wg.Size(x)
        if isinstance(x, (list, tuple)):
            return type(x)(map(self, x))
        if isinstance(x, dict):
            return {k: self(v) for k, v in x.items()}
        if isinstance(x, torch.dtype):
            if not hasattr(wg, str(x)[6:]):
                raise Untranslatable(x)
            return getattr(wg, str(x)[6:])
        if isinstance(x, torch.device):
            return wg.device(str(x))
        if isinstance(x, (torch.memory_format, torch.layout)):
            return getattr(wg, str(x)[6:])
        if isinstance(x, torch.nn.PairwiseDistance):
            return wg.nn.PairwiseDistance(x.norm, x.eps, x.keepdim)
        if type(x).__name__ == "LinearCrossEntropyOptions":
            names = type(x).__slots__
            return wg.nn.LinearCrossEntropyOptions(**{n: self(getattr(x, n)) for n in names})
        return x

    def call(self, c: Call) -> Call:
        return Call(self(c.args), self(c.kwargs), c.label)


def run(library: Any, function: Callable, call: Call) -> Any:
    """What the call gives from the seed, or the error that it raises."""
    library.manual_seed(SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(*call.args, **call.kwargs)
        except Exception as error:
            return error


def tensors(result: Any) -> list:
    if isinstance(result, (tuple, list)):
        return [t for r in result for t in tensors(r) if t is not None]
    return [result]


# ---- what the database lacks


def images(dtype, *shapes, **options):
    from torch.testing import make_tensor

    made = [
        make_tensor(s, dtype=dtype, device="cpu", requires_grad=True, **options) for s in shapes
    ]
    return made if len(made) > 1 else made[0]


def more_fold(dtype) -> Iterator[Call]:
    yield Call((images(dtype, (2, 12, 6)), (3, 4), (2, 2)))
    yield Call((images(dtype, (12, 6)), (3, 4), (2, 2)))
    yield Call((images(dtype, (2, 8, 4)), 5), {"kernel_size": 2, "dilation": 2, "stride": 2})
    yield Call((images(dtype, (1, 18, 9)), (5, 3), 3), {"padding": (1, 1), "stride": (2, 2)})
    yield Call((images(dtype, (2, 18, 6)), [4, 5], [3, 3], (1, 1), (0, 1), (1, 2)))


def more_lp_pool(n: int) -> Callable:
    def made(dtype) -> Iterator[Call]:
        for norm in (1, 2.0, 3):
            for kernel, stride, ceil in ((2, None, False), (3, 2, True), (2, 1, False)):
                x = images(dtype, (2, 3, *(7, 6, 5)[:n]), low=0.5, high=3)
                yield Call((x, norm, kernel, stride, ceil))
        size = 2 if n == 1 else (2,) * n
        yield Call((images(dtype, (3, *(4, 5, 6)[:n])), 2, size), {"stride": 1})

    return made


def more_affine_grid(dtype) -> Iterator[Call]:
    for size, rows in (((2, 3, 4, 5), 2), ((1, 2, 3, 4, 5), 3), ((2, 3, 1, 4), 2)):
        for align in (True, False, None):
            yield Call((images(dtype, (size[0], rows, rows + 1)), list(size), align))
    yield Call((images(dtype, (1, 2, 3)), torch.Size((1, 1, 2, 2))))


def more_dropout1d(dtype) -> Iterator[Call]:
    for p in (0.0, 0.3, 1.0):
        for shape in ((3, 4, 5), (4, 5)):
            yield Call((images(dtype, shape),), {"p": p})
            yield Call((images(dtype, shape),), {"p": p, "training": False})


def more_attention(dtype) -> Iterator[Call]:
    """Masks of every shape that fits, heads that share keys, heads within rows of all of them."""
    q, k, v = images(dtype, (2, 4, 5, 6), (2, 4, 7, 6), (2, 4, 7, 3))
    for shape in ((5, 7), (1, 7), (5, 1), (4, 5, 7), (2, 1, 1, 7), (2, 4, 5, 7)):
        yield Call((q, k, v), {"attn_mask": images(dtype, shape)})
        yield Call((q, k, v), {"attn_mask": images(dtype, shape).detach() > 0})
    shared = images(dtype, (2, 2, 7, 6), (2, 2, 7, 3))
    for more in ({}, {"is_causal": True}, {"dropout_p": 0.2}, {"scale": -0.5}):
        yield Call((q, *shared), {"enable_gqa": True, **more})
        yield Call((q[0], k[0], v[0]), more)
        yield Call((q[0, 0], k[0, 0], v[0, 0]), more)
    rows = images(dtype, (2, 9, 36)).detach().view(2, 9, 3, 2, 6).permute(2, 0, 3, 1, 4)
    yield Call(tuple(rows), {"is_causal": True})
    yield Call((q.detach(), k[:1].detach(), v[:1].detach()))


def more_upsample(dtype) -> Iterator[Call]:
    for mode in ("nearest", "bilinear", "bicubic"):
        yield Call((images(dtype, (2, 3, 4, 5)), (7, 3), None, mode))
        yield Call((images(dtype, (2, 3, 4, 5)),), {"scale_factor": 1.5, "mode": mode})
    yield Call((images(dtype, (2, 3, 4)), 7, None, "linear", True))


def layouts(dtype) -> Iterator[tuple[Any, list]]:
    """Tensors of many strides, and the memory formats that can be asked of them."""
    formats = [None, torch.preserve_format, torch.contiguous_format]
    image, volume = images(dtype, (2, 3, 4, 5)), images(dtype, (2, 3, 2, 4, 3))
    last = torch.channels_last
    yield image, [*formats, last]
    yield image.detach().to(memory_format=last), [*formats, last]
    yield image.detach().permute(3, 1, 0, 2), [*formats, last]
    yield image.detach()[:, ::2], [*formats, last]
    yield image.detach()[:, :1], [*formats, last]
    yield image.detach()[:1, :, :1], [*formats, last]
    yield image.detach()[:, :, :1].expand(2, 3, 4, 5), [*formats, last]
    yield image.detach().permute(3, 1, 0, 2)[::2, :, :1].expand(3, 3, 4, 4), [*formats, last]
    yield image.detach().permute(2, 0, 3, 1)[:, :, 1:4], [*formats, last]
    yield volume, [*formats, torch.channels_last_3d]
    yield (
        volume.detach().to(memory_format=torch.channels_last_3d),
        [*formats, torch.channels_last_3d],
    )
    yield images(dtype, (3, 4)).detach().T, formats
    yield images(dtype, (3, 4)).detach()[:, 1:3], formats
    yield images(dtype, (3, 1)).detach().expand(3, 4), formats
    yield images(dtype, (0, 3, 2, 2)).detach().permute(0, 2, 3, 1), formats
    yield images(dtype, ()), formats


def more_layouts(*arguments) -> Callable:
    def made(dtype) -> Iterator[Call]:
        for x, formats in layouts(dtype):
            for format in formats:
                kwargs = {} if format is None else {"memory_format": format}
                yield Call((x, *arguments), kwargs, "layout")

    return made


def more_to(dtype) -> Iterator[Call]:
    for call in more_layouts()(dtype):
        yield call
        for other in (torch.float32, torch.int64):
            yield Call((*call.args, other), call.kwargs, "layout")
            yield Call((*call.args, dtype), {"copy": True, **call.kwargs}, "layout")


MORE: dict[str, Callable] = {
    F + "fold": more_fold,
    F + "affine_grid": more_affine_grid,
    F + "dropout1d": more_dropout1d,
    F + "upsample": more_upsample,
    F + "scaled_dot_product_attention": more_attention,
    **{f"{F}lp_pool{n}d": more_lp_pool(n) for n in (1, 2, 3)},
    **{name: more_layouts() for name in LAYOUTS},
    "full_like": more_layouts(2),
    "randint_like": more_layouts(5),
    "to": more_to,
}


# ---- what is refused besides

# The arguments that are lists of a size for each dimension.
LISTS = {
    "max_pool": ["kernel_size", "stride", "padding", "dilation"],
    "avg_pool": ["kernel_size", "stride", "padding"],
    "adaptive_max_pool": ["output_size"],
    "adaptive_avg_pool": ["output_size"],
    "conv": ["stride", "padding", "dilation"],
    "conv_transpose": ["stride", "padding", "output_padding", "dilation"],
    "max_unpool": ["kernel_size"],
    "unfold": ["kernel_size", "dilation", "padding", "stride"],
    "fold": ["output_size", "kernel_size", "dilation", "padding", "stride"],
    "interpolate": ["size", "scale_factor"],
    "upsample": ["size", "scale_factor"],
}
CHOICES = {
    "pad": ["mode"],
    "interpolate": ["mode"],
    "upsample": ["mode"],
    "grid_sample": ["mode", "padding_mode"],
    "conv2d": ["padding"],
}


def edges(name: str) -> Iterator[Call]:
    """Calls of which torch takes some and refuses others: lists of other lengths than there are
    dimensions, and unknown choices."""
    short = name.removeprefix(F)
    counted = re.fullmatch(r"(\w+)(\d)d", short)
    family, n = (counted[1], int(counted[2])) if counted else (short, 2)
    x = torch.ones(2, 3, *(4, 5, 6)[:n])
    weight, columns = torch.ones(3, 3, *(2, 2, 2)[:n]), torch.ones(1, 4, 4)
    args, kwargs = {
        "conv": ((x, weight), {}),
        "conv_transpose": ((x, weight), {"stride": 3}),
        "max_unpool": ((x, torch.zeros(x.shape, dtype=torch.int64)), {"kernel_size": 2}),
        "fold": ((columns,), {"kernel_size": 2, "output_size": 3}),
        "pad": ((x, (1, 1)), {}),
        "grid_sample": ((x, torch.ones(2, 2, 2, 2)), {}),
        "interpolate": ((x,), {}),
        "upsample": ((x,), {}),
        "adaptive_max_pool": ((x,), {}),
        "adaptive_avg_pool": ((x,), {}),
    }.get(family, ((x,), {"kernel_size": 2}))
    for argument in LISTS.get(family, ()):
        for sizes in ((2,), [1], (2,) * n, (2,) * (n + 1), ()):
            yield Call(args, {**kwargs, argument: sizes})
    for argument in CHOICES.get(short, ()):
        size = {"size": 3} if "size" in LISTS.get(family, ()) else {}
        yield Call(args, {**kwargs, **size, argument: "bogus"})


# ---- what is otherwise here


@dataclass
class Otherwise:
    """What we do otherwise in the calls that it applies to: there a difference is expected."""

    reason: str
    applies: Callable[[Call], Any]


def has_kernel_of(n: int) -> Callable[[Call], bool]:
    def applies(call: Call) -> bool:
        size = call.kwargs.get("kernel_size")
        return isinstance(size, tuple) and len(size) == n

    return applies


EXCEPTIONS: dict[tuple[str, str], Otherwise] = {
    **{
        (f"{F}max_unpool{n}d", "refused"): Otherwise(
            "too many sizes are a RuntimeError as in pooling; torch reads beyond a list's end",
            has_kernel_of(n + 1),
        )
        for n in (1, 2, 3)
    },
    ("gather", "raises"): Otherwise(
        "an empty index may be of bytes there", lambda call: call.args[2].dtype == torch.uint8
    ),
    ("nonzero", "out"): Otherwise(
        "a tuple is not written to one tensor", lambda call: call.kwargs.get("as_tuple")
    ),
    (F + "batch_norm", "raises"): Otherwise(
        "an empty vector has no channels", lambda call: call.args[0].ndim < 2
    ),
    ("native_layer_norm", "second"): Otherwise(
        "with a bias and no weight PyTorch has none",
        lambda call: call.args[2] is None and call.args[3] is not None,
    ),
    ("signal.windows.blackman", "forward"): Otherwise(
        "its first number is 0 here, and 1.5e-8 there",
        lambda call: (
            call.args[0] == 2 and call.kwargs["sym"] and call.kwargs["dtype"].itemsize == 4
        ),
    ),
}

# What torch says of bad arguments, as a pattern of the database, and what we say.
BATCH = r"Expected .* \(batch mode\) tensor with optional 0 dim batch size"
WORDS: dict[str, str] = {
    "'weight' must be 2-D": "scalar types: int64, int32; but got float32",
    "abc is not a valid value for reduction": "'abc' is not a valid value for reduction",
    "abc is not valid": "'abc' is not a valid value for reduction",
    r"Expected non-empty vector or matrix with optional 0-dim batch size, but got: \[5, 0\]": (
        r"Expected non-empty vector .* but got: \(5, 0\)"
    ),
    r"Expected non-empty vector or matrix with optional 0-dim batch size, but got: \[0\]": (
        r"Expected non-empty vector .* but got: \(0,\)"
    ),
    r"target tensor should be 1-D with size equal to.*Expected target size \[5\]"
    r".*but got \[5, 4\]": (r"inconsistent target size, expected 5 but got \(5, 4\)"),
    "expected scalar type Long but found Float": "a target of int64 expected, got float32",
    r"inconsistent weight size, expected 4 but got \[5\]": (
        r"inconsistent weight size, expected 4 but got \(5,\)"
    ),
    r"inconsistent target size: \[4\] for input of size: \[5, 4\]": (
        r"inconsistent target size: \(4,\) for input of size: \(5, 4\)"
    ),
    r"inconsistent target size: \[\] for input of size: \[5, 4\]": (
        r"inconsistent target size: \(\) for input of size: \(5, 4\)"
    ),
    "margin must be greater than 0, got -1.0": "margin must be greater than 0, got -1",
    "dilation should be greater than zero": "non-positive dilation is not supported",
    "weight should have at least three dimensions": "expected 3-dimensional weight",
    "Expected 3-dimensional input for 3-dimensional weight": "expected 4-dimensional weight",
    "Expected 4-dimensional input for 4-dimensional weight": "expected 5-dimensional weight",
    r"Expected 2D or 3D \(batch mode\) tensor with optional 0 dim batch size for input": (
        r"2D or 3D \(batch mode\) tensor expected"
    ),
    "kernel_size must be greater than zero": "kernel size should be greater than zero",
    "stride must be greater than zero": "stride should not be zero",
    "stride must be greater than zero, but got 0": "stride should not be zero",
    "dilation must be greater than zero, but got 0": "dilation should be greater than zero",
    "Invalid computed output size: -2": r"Calculated output size: \(-2,\)",
    r"Expected input\'s non-batch dimensions to have positive length": BATCH,
    "'output_size' should contain one int": "a single int, or a tuple of one int",
    "output_size must be 2": "a single int, or a tuple of two ints",
    "output_size must be 3": "a single int, or a tuple of three ints",
    "internal error": "output_size must either be a single int",
    "Trying to create tensor with negative dimension": "must be greater than or equal to 0",
}
