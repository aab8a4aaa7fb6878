"""Refusals of arguments that make no sense, and the types of errors in Python's conversions."""

from tests.errors.row import bad, leaf

# ---- Python's conversions

for _what, _size in (("many", 2), ("none", 0)):
    for _kind in (int, float, complex):
        bad(
            f"{_kind.__name__} of {_what}",
            ValueError,
            r"only one element tensors can be converted to Python scalars",
            lambda T, kind=_kind, size=_size: kind(T.ones(size)),
        )
bad("plus of bools", RuntimeError, r"\+.*bool", lambda T: +T.tensor([True]))
bad("requires_grad of a string", RuntimeError, r"bool", lambda T: ask(T, "a"))
bad("requires_grad of a number", RuntimeError, r"bool", lambda T: ask(T, 1))
bad(
    "requires_grad_ of a string",
    TypeError,
    r"bool, not str",
    lambda T: T.ones(2).requires_grad_("a"),
)
bad(
    "is_floating_point of a number", TypeError, r"Tensor, not int", lambda T: T.is_floating_point(1)
)
bad("is_nonzero of a number", TypeError, r"Tensor, not int", lambda T: T.is_nonzero(1))
bad("numel of a number", TypeError, r"Tensor, not int", lambda T: T.numel(1))
bad("type_as of a number", TypeError, r"Tensor, not int", lambda T: T.ones(2).type_as(1))
bad("finfo of a number", TypeError, r"dtype, not int", lambda T: T.finfo(1))
bad("iinfo of a string", TypeError, r"dtype, not str", lambda T: T.iinfo("a"))
bad("promote_types of numbers", TypeError, r"dtype", lambda T: T.promote_types(1, 2))
bad("can_cast of a string", TypeError, r"dtype", lambda T: T.can_cast("a", T.int64))
bad("device of a number", TypeError, r"str, not float", lambda T: T.device(1.5))
bad("device of None", TypeError, r"str, not NoneType", lambda T: T.device(None))
bad("device with a name for its number", RuntimeError, r"cpu:a", lambda T: T.device("cpu:a"))
bad("device of a negative number", RuntimeError, r"-1", lambda T: T.device("cpu", -1))
bad("LongTensor of a number", TypeError, r"sequence", lambda T: T.LongTensor(1.5))


def ask(T, value):
    T.ones(2).requires_grad = value


for _name, _value in (("None", None), ("an object", object()), ("a dict", {})):
    bad(
        f"set item to {_name}",
        TypeError,
        r"can't assign a",
        lambda T, value=_value: T.ones(3).__setitem__(0, value),
    )
for _name, _value in (("None", None), ("a number", 1.5), ("a string", "a")):
    bad(f"Tensor of {_name}", TypeError, r"new\(\)", lambda T, value=_value: T.Tensor(value))
bad("tensor of bytes", TypeError, r"bytes", lambda T: T.tensor(b"a"))
bad("tensor of a list of bytes", TypeError, r"bytes", lambda T: T.tensor([b"a"]))
bad("tensor of numbers and lists", TypeError, r"list", lambda T: T.tensor([1, [2]]))
bad("index beyond 64 bits", ValueError, r"Overflow", lambda T: T.ones(3)[2**70])
for _name, _do in {
    "add": lambda T: T.tensor([1]) + 2**70,
    "full": lambda T: T.full((2,), 2**70, dtype=T.int64),
    "fill_": lambda T: T.zeros(2, dtype=T.int64).fill_(2**70),
    "arange": lambda T: T.arange(2**70),
}.items():
    bad(f"a number beyond 64 bits, {_name}", OverflowError, r"int too big to convert", _do)

for _name, _do in {
    "sum": lambda T: T.ones(2, 3).sum(2**70),
    "softmax": lambda T: T.softmax(T.ones(2, 3), 2**70),
    "transpose": lambda T: T.ones(2, 3).transpose(0, -(2**70)),
}.items():
    bad(f"a dimension beyond 64 bits, {_name}", ValueError, r"Overflow when unpacking", _do)
for _name, _do in {
    "sum": lambda T: T.ones(2, 3).sum(True),
    "mean of two": lambda T: T.ones(2, 3).mean((True, False)),
    "argmax": lambda T: T.ones(2, 3).argmax(True),
    "softmax": lambda T: T.ones(2, 3).softmax(True),
    "unsqueeze": lambda T: T.ones(2, 3).unsqueeze(True),
    "cat": lambda T: T.cat([T.ones(2)], False),
    "zeros": lambda T: T.zeros(True),
    "view": lambda T: T.ones(2, 3).view(True, 6),
}.items():
    bad(f"a bool for an integer, {_name}", TypeError, r"int", _do)

# ---- sizes are tuples

for _name, _do in {
    "zeros": lambda T: T.zeros(),
    "rand": lambda T: T.rand(),
    "new_ones": lambda T: T.ones(1).new_ones(),
    "view": lambda T: T.tensor(1.0).view(),
    "expand": lambda T: T.ones(1).expand(),
    "permute": lambda T: T.tensor(1.0).permute(),
}.items():
    bad(f"no size for {_name}", TypeError, r"missing|argument", _do)
bad("randint without room", TypeError, r"tuple of ints, not int", lambda T: T.randint(3, 5))
bad("randint of a size", TypeError, r"tuple of ints, not int", lambda T: T.randint(5, 2))
bad("full of a size", TypeError, r"tuple of ints, not int", lambda T: T.full(2, 1))
bad("new_full of a size", TypeError, r"tuple of ints, not int", lambda T: T.ones(1).new_full(2, 1))
bad("normal of a size", TypeError, r"normal", lambda T: T.normal(0.0, 1.0, 2))
bad(
    "broadcast_to a size",
    TypeError,
    r"tuple of ints, not int",
    lambda T: T.broadcast_to(T.ones(1), 2),
)

# ---- values

bad("isclose rtol", RuntimeError, r"rtol.*-1", lambda T: T.isclose(T.ones(2), T.ones(2), rtol=-1))
bad("isclose atol", RuntimeError, r"atol.*-1", lambda T: T.isclose(T.ones(2), T.ones(2), atol=-1))
bad("allclose rtol", RuntimeError, r"rtol.*-1", lambda T: T.allclose(T.ones(2), T.ones(2), rtol=-1))
bad(
    "isclose dtypes",
    RuntimeError,
    r"did not match",
    lambda T: T.isclose(T.ones(2), T.tensor([1, 1])),
)
bad(
    "hardtanh",
    ValueError,
    r"min_val.*max_val",
    lambda T: T.nn.functional.hardtanh(T.ones(2), 1.0, -1.0),
)
bad(
    "hardtanh_",
    ValueError,
    r"min_val",
    lambda T: T.nn.functional.hardtanh_(T.ones(2), 1.0, -1.0),
    torch=False,
)
bad(
    "hardtanh of unsigned numbers",
    RuntimeError,
    r"unsigned",
    lambda T: T.nn.functional.hardtanh(T.tensor([1], dtype=T.uint8), -1.0, 1.0),
)
bad(
    "prelu dtypes",
    RuntimeError,
    r"prelu.*float32 and float64",
    lambda T: T.nn.functional.prelu(T.ones(2, 3), T.ones(3, dtype=T.float64)),
)
bad(
    "dropout1d of 4-d", RuntimeError, r"4D", lambda T: T.nn.functional.dropout1d(T.ones(2, 2, 2, 2))
)
bad("dropout2d p", ValueError, r"1.5", lambda T: T.nn.functional.dropout2d(T.ones(2, 2, 2, 2), 1.5))
bad("normal std", RuntimeError, r"std -1", lambda T: T.normal(T.ones(2), -1.0))
for _name, _draw in {
    "std": lambda T: T.normal(0.0, T.tensor([1.0, -1.0])),
    "mean and std": lambda T: T.normal(T.ones(2), T.tensor([1.0, -1.0])),
    "NaN": lambda T: T.normal(0.0, T.tensor([float("nan")])),
}.items():
    bad(f"normal of tensors, {_name}", RuntimeError, r"normal.*all elements of std >= 0", _draw)
bad(
    "geometric_ of bools",
    NotImplementedError,
    r"geometric_.*bool",
    lambda T: T.tensor([True]).geometric_(0.5),
)
bad(
    "bernoulli_ of integers",
    NotImplementedError,
    r"floating",
    lambda T: T.ones(2).bernoulli_(T.tensor([1, 0])),
)
bad("searchsorted of a string", TypeError, r"str", lambda T: T.searchsorted(T.ones(2), "a"))
bad(
    "tensordot dim",
    IndexError,
    r"tensordot.*5",
    lambda T: T.tensordot(T.ones(2, 3), T.ones(2, 3), ([0], [5])),
)
bad(
    "tensordot of a string",
    RuntimeError,
    r"tensordot",
    lambda T: T.tensordot(T.ones(2, 3), T.ones(2, 3), "a"),
)
for _name, _index, _source in (
    ("count", [0], (2,)),
    ("rank", [0], (2, 2)),
    ("scalar", [0, 1], ()),
):
    bad(
        f"index_copy {_name}",
        IndexError,
        r"index_copy.*does not fit",
        lambda T, index=_index, source=_source: T.ones(3).index_copy(
            0, T.tensor(index), T.ones(source)
        ),
    )
bad(
    "index_copy slices",
    RuntimeError,
    r"index_copy.*does not fit",
    lambda T: T.ones(2, 3).index_copy(0, T.tensor([0]), T.ones(1, 2)),
)
for _name in ("cross_entropy", "nll_loss"):
    bad(
        f"{_name} of two targets for one",
        ValueError,
        r"target",
        lambda T, name=_name: getattr(T.nn.functional, name)(T.ones(3), T.tensor([0, 1])),
    )
for _name in ("glu", "gelu", "elu", "selu", "silu", "mish", "softplus", "hardswish", "logsigmoid"):
    bad(
        f"{_name} of integers",
        NotImplementedError,
        r"not implemented for dtype int64",
        lambda T, name=_name: getattr(T.nn.functional, name)(T.tensor([1, 2])),
    )

# ---- gradients


def hooked(T, hook, result=False):
    x = leaf(T, 3)
    y = x * 2
    (y if result else x).register_hook(hook)
    y.sum().backward()


for _on in (False, True):
    _of = "result" if _on else "leaf"
    bad(
        f"hook that changes the dtype, {_of}",
        RuntimeError,
        r"hook '<lambda>' has changed the type of value.*float32 got .*float64",
        lambda T, on=_on: hooked(T, lambda g: g.double(), on),
    )
    bad(
        f"hook that changes the shape, {_of}",
        RuntimeError,
        r"hook '<lambda>' has changed the size of value",
        lambda T, on=_on: hooked(T, lambda g: g[None], on),
    )


def late_hook(T):
    x = leaf(T, 3)
    x.register_post_accumulate_grad_hook(lambda t: 3)
    x.sum().backward()


bad("late hook with a result", TypeError, r"hook result", late_hook, torch=False)
bad("grad of nothing", RuntimeError, r"inputs", lambda T: T.autograd.grad(leaf(T, 1).sum(), []))


def dirty(T, made_from):
    class AddOne(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.add_(1)

        @staticmethod
        def backward(ctx, g):
            return g

    AddOne.apply(made_from(leaf(T, 2)))


bad("mark_dirty of a leaf", RuntimeError, r"leaf Variable", lambda T: dirty(T, lambda x: x))
bad(
    "mark_dirty of a leaf's view",
    RuntimeError,
    r"view of a leaf",
    lambda T: dirty(T, lambda x: x[:1]),
)


def inference(T, do):
    with T.inference_mode():
        x = T.ones(2)
    do(x)


for _name, _change in {
    "add_": lambda x: x.add_(1),
    "+=": lambda x: x.__iadd__(1),
    "copy_": lambda x: x.copy_(x + 1),
    "zero_": lambda x: x.zero_(),
    "normal_": lambda x: x.normal_(),
    "relu_": lambda x: x.relu_(),
    "set item": lambda x: x.__setitem__(0, 1.0),
    "add_ to a view": lambda x: x.view(-1)[:1].add_(1),
}.items():
    bad(
        f"inference tensor: {_name}",
        RuntimeError,
        r"Inplace update to inference tensor outside InferenceMode is not allowed",
        lambda T, change=_change: inference(T, change),
    )
bad(
    "inference tensor: out=",
    RuntimeError,
    r"Inplace update to inference tensor",
    lambda T: inference(T, lambda x: T.exp(T.ones(2), out=x)),
)
for _name, _ask in {
    "requires_grad_": lambda T, x: x.requires_grad_(),
    "Parameter": lambda T, x: T.nn.Parameter(x),
}.items():
    bad(
        f"inference tensor: {_name}",
        RuntimeError,
        r"Setting requires_grad=True on inference tensor outside InferenceMode",
        lambda T, ask=_ask: inference(T, lambda x: ask(T, x)),
    )

# ---- optimizers, schedules, data


def adam(T, **options):
    return T.optim.Adam([T.nn.Parameter(T.ones(2))], **options)


bad("one beta", IndexError, r"betas|tuple", lambda T: adam(T, betas=(0.9,)))
bad("three betas", ValueError, r"betas", lambda T: adam(T, betas=(0.9, 0.99, 0.999)), torch=False)
bad("no betas", IndexError, r"betas|tuple", lambda T: adam(T, betas=()))
bad("a beta alone", TypeError, r"", lambda T: adam(T, betas=0.9))
bad(
    "betas of tensors",
    ValueError,
    r"foreach",
    lambda T: adam(T, betas=(T.tensor(0.9), T.tensor(0.99)), foreach=True),
)
bad(
    "MultiplicativeLR of a number",
    TypeError,
    r"function.*int",
    lambda T: T.optim.lr_scheduler.MultiplicativeLR(adam(T), 1),
)
bad(
    "multiprocessing_context without workers",
    ValueError,
    r"multiprocessing_context.*num_workers",
    lambda T: T.utils.data.DataLoader(range(3), multiprocessing_context="fork"),
)
bad(
    "random_split into fractions of samples",
    TypeError,
    r"",
    lambda T: T.utils.data.random_split(range(4), [1.5, 2.5]),
)

# ---- attributes of modules: whatever stands there before


def assign(T, first, second):
    kinds = {
        "parameter": lambda: T.nn.Parameter(T.ones(2)),
        "module": lambda: T.nn.Linear(1, 1),
        "Buffer": lambda: T.nn.Buffer(T.ones(2)),
        "tensor": lambda: T.ones(2),
        "number": lambda: 5,
    }
    module = T.nn.Module()
    if first == "no parameter":
        module.register_parameter("x", None)
    elif first == "no module":
        module.add_module("x", None)
    else:
        module.x = kinds[first]()
    module.x = kinds[second]()


for _first, _seconds in {
    "parameter": ("module", "Buffer", "tensor", "number"),
    "no parameter": ("module", "Buffer", "tensor", "number"),
    "module": ("Buffer", "tensor", "number"),
    "no module": ("Buffer", "tensor", "number"),
    "Buffer": ("number",),
}.items():
    for _second in _seconds:
        bad(
            f"{_second} over {_first}",
            TypeError,
            r"cannot assign '.*' as (parameter|child module|buffer) 'x'",
            lambda T, first=_first, second=_second: assign(T, first, second),
        )
