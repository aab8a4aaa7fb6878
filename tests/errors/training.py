"""Bad inputs of gradients, losses, random numbers, modules and optimizers."""

from tests.errors.row import bad, leaf

# ---- gradients


def twice(T):
    y = leaf(T, 3).exp().sum()
    y.backward()
    y.backward()


def modified(T):
    x = leaf(T, 3)
    y = x.exp()
    z = y * y
    y.add_(1)
    z.sum().backward()


def modified_leaf_by_data(T):
    w = leaf(T, 3)
    x = T.ones(3)
    z = w * x
    x.mul_(2)
    z.sum().backward()


def unused(T):
    a, b = leaf(T, 1), leaf(T, 1)
    T.autograd.grad(a * 2, b)


def freed(T):
    x = leaf(T, 3)
    y = x.exp()
    T.autograd.grad(y.sum(), x)
    T.autograd.grad(y.sum(), x)


def set_grad(T, value):
    leaf(T, 3).grad = value


bad("backward twice", RuntimeError, r"second time.*Exp|second time", twice)
bad("backward of many", RuntimeError, r"scalar", lambda T: (leaf(T, 3) * 2).backward())
bad("backward without history", RuntimeError, r"require", lambda T: T.ones(1).sum().backward())
bad("gradient shape", RuntimeError, r"shape.*2.*3", lambda T: (leaf(T, 3) * 2).backward(T.ones(2)))
bad("saved output modified", RuntimeError, r"version 1.*expected version 0|modified", modified)
bad("saved input modified", RuntimeError, r"[Mm]ul.*version 1", modified_leaf_by_data)
bad("in-place on a leaf", RuntimeError, r"leaf", lambda T: leaf(T, 3).add_(1))
bad("set on a leaf", RuntimeError, r"leaf", lambda T: leaf(T, 3).__setitem__(0, 1.0))
bad("in-place on a view of a leaf", RuntimeError, r"leaf|view", lambda T: leaf(T, 3)[:2].add_(1))
bad("unused input", RuntimeError, r"not have been used", unused)
bad("freed graph", RuntimeError, r"second time", freed)
bad(
    "grad of no grad",
    RuntimeError,
    r"require",
    lambda T: T.autograd.grad(leaf(T, 1) * 2, T.ones(1)),
)
bad("grad shape", RuntimeError, r"size|shape", lambda T: set_grad(T, T.ones(4)))
bad("grad dtype", RuntimeError, r"type", lambda T: set_grad(T, T.ones(3, dtype=T.float64)))
bad("grad of a number", TypeError, r"float", lambda T: set_grad(T, 1.0))
bad("hook without grad", RuntimeError, r"hook", lambda T: T.ones(1).register_hook(lambda g: g))
bad("hook result", TypeError, r"hook|Tensor|int", lambda T: hooked(T))
bad("out= with grad", RuntimeError, r"out=", lambda T: T.exp(leaf(T, 2), out=T.ones(2)))
bad("retain_grad", RuntimeError, r"retain_grad", lambda T: T.ones(1).retain_grad())
bad(
    "requires_grad of a result",
    RuntimeError,
    r"leaf|detach",
    lambda T: (leaf(T, 1) * 2).requires_grad_(False),
)


def hooked(T):
    x = leaf(T, 1)
    x.register_hook(lambda g: 5)
    (x * 2).backward()


# ---- losses


def entropy(T, *args, **kwargs):
    return T.nn.functional.cross_entropy(*args, **kwargs)


bad("class out of range", IndexError, r"5", lambda T: entropy(T, T.ones(2, 3), T.tensor([0, 5])))
bad("class negative", IndexError, r"-1", lambda T: entropy(T, T.ones(2, 3), T.tensor([0, -1])))
bad(
    "NaN classes",
    RuntimeError,
    r"cross_entropy|nll_loss|target",
    lambda T: entropy(T, T.ones(2, 3), T.tensor([float("nan"), 0.0])),
)
bad(
    "float targets",
    RuntimeError,
    r"int64|Long|target",
    lambda T: entropy(T, T.ones(2, 3), T.tensor([0.0, 1.0])),
)
bad("batch", ValueError, r"2.*3", lambda T: entropy(T, T.ones(2, 4), T.tensor([0, 1, 2])))
bad(
    "class weights",
    RuntimeError,
    r"weight.*3|weight",
    lambda T: entropy(T, T.ones(2, 3), T.tensor([0, 1]), weight=T.ones(2)),
)
bad(
    "reduction",
    ValueError,
    r"avg",
    lambda T: entropy(T, T.ones(2, 3), T.tensor([0, 1]), reduction="avg"),
)
bad(
    "smoothing",
    RuntimeError,
    r"label_smoothing.*2",
    lambda T: entropy(T, T.ones(2, 3), T.tensor([0, 1]), label_smoothing=2.0),
)
bad(
    "mse dims",
    RuntimeError,
    r"mse_loss|3",
    lambda T: T.nn.functional.mse_loss(T.ones(3), T.ones(4)),
)
bad(
    "bce range",
    RuntimeError,
    r"binary_cross_entropy|0 and 1",
    lambda T: T.nn.functional.binary_cross_entropy(T.tensor([1.5]), T.tensor([1.0])),
)
bad(
    "bce shapes",
    ValueError,
    r"size|shape",
    lambda T: T.nn.functional.binary_cross_entropy(T.tensor([0.5]), T.tensor([[0.0, 1.0]])),
)
bad(
    "bce with NaN",
    RuntimeError,
    r"binary_cross_entropy|0 and 1",
    lambda T: T.nn.functional.binary_cross_entropy(T.tensor([float("nan")]), T.tensor([1.0])),
)
bad("dropout p", ValueError, r"1.5", lambda T: T.nn.functional.dropout(T.ones(2), 1.5))
bad("glu odd", RuntimeError, r"glu.*3", lambda T: T.nn.functional.glu(T.ones(3)))
bad(
    "prelu weights",
    RuntimeError,
    r"prelu",
    lambda T: T.nn.functional.prelu(T.ones(2, 3), T.ones(2)),
)

# ---- random

bad("uniform_ order", RuntimeError, r"uniform_", lambda T: T.ones(2).uniform_(2, 1))
bad("normal_ std", RuntimeError, r"normal_.*-1", lambda T: T.ones(2).normal_(0, -1))
bad("bernoulli p", RuntimeError, r"bernoulli", lambda T: T.ones(2).bernoulli_(1.5))
bad("bernoulli of 2", RuntimeError, r"bernoulli|p", lambda T: T.bernoulli(T.tensor([2.0])))
bad("randint empty", RuntimeError, r"randint|from|random", lambda T: T.randint(5, 5, (2,)))
bad(
    "multinomial negative",
    RuntimeError,
    r"multinomial|probability",
    lambda T: T.multinomial(T.tensor([-1.0, 2.0]), 1),
)
bad("multinomial too many", RuntimeError, r"multinomial", lambda T: T.multinomial(T.ones(2), 3))
bad("exponential rate", RuntimeError, r"exponential_", lambda T: T.ones(2).exponential_(-1.0))
bad("randperm", RuntimeError, r"randperm", lambda T: T.randperm(-1))
bad("seed", ValueError, r"'a'", lambda T: T.manual_seed("a"))
bad(
    "rng state",
    RuntimeError,
    r"3.*5056|5056.*3",
    lambda T: T.set_rng_state(T.zeros(3, dtype=T.uint8)),
)
bad("generator", TypeError, r"generator|Generator", lambda T: T.rand(2, generator=5))

# ---- modules and optimizers

bad("Linear input", RuntimeError, r"linear.*3.*4", lambda T: T.nn.Linear(4, 2)(T.ones(1, 3)))
bad(
    "optimizer of a tensor",
    TypeError,
    r"optimizer|params",
    lambda T: T.optim.SGD(T.ones(2), lr=0.1),
)
bad("optimizer of numbers", TypeError, r"int|Tensor", lambda T: T.optim.SGD([1, 2], lr=0.1))
bad("optimizer of nothing", ValueError, r"empty", lambda T: T.optim.Adam([]))
bad("optimizer of a result", ValueError, r"leaf", lambda T: T.optim.SGD([leaf(T, 2) * 2], lr=0.1))
bad("negative rate", ValueError, r"-1", lambda T: T.optim.SGD([leaf(T, 2)], lr=-1.0))
bad("rate of a string", TypeError, r"", lambda T: T.optim.SGD([leaf(T, 2)], lr="fast"))
bad("betas", ValueError, r"2.0|beta", lambda T: T.optim.Adam([leaf(T, 2)], betas=(2.0, 0.9)))
bad(
    "nesterov",
    ValueError,
    r"[Nn]esterov",
    lambda T: T.optim.SGD([leaf(T, 2)], lr=0.1, nesterov=True),
)
bad(
    "state_dict key",
    RuntimeError,
    r"weight",
    lambda T: T.nn.Linear(2, 2).load_state_dict({"bias": T.ones(2)}),
)
bad(
    "state_dict shape",
    RuntimeError,
    r"size mismatch",
    lambda T: T.nn.Linear(2, 2).load_state_dict({"weight": T.ones(3, 3), "bias": T.ones(2)}),
)
bad("threads 0", RuntimeError, r"positive", lambda T: T.set_num_threads(0))
bad("threads of a string", TypeError, r"", lambda T: T.set_num_threads("a"), torch=False)


def of_no_bias(T, use):
    layer = T.nn.Linear(2, 2, bias=False)
    return use(layer(T.ones(1, 2)).sum(), [layer.weight, layer.bias])


bad(
    "grad of no bias",
    TypeError,
    r"expected Tensor as element 1 in argument 'inputs', but got NoneType",
    lambda T: of_no_bias(T, T.autograd.grad),
    torch=False,
)
bad(
    "backward to no bias",
    TypeError,
    r"expected Tensor as element 1 in argument 'inputs', but got NoneType",
    lambda T: of_no_bias(T, lambda loss, inputs: loss.backward(inputs=inputs)),
    torch=False,
)
