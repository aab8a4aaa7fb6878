"""Calls that PyTorch warns of: what is called, the category, the words, how many warnings."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tests.errors.row import leaf


class Warned(NamedTuple):
    name: str
    do: Any  # called with the library
    words: str  # in our message
    category: type[Warning] = UserWarning
    torch: bool = True  # whether torch warns as well


WARNED: list[Warned] = []
# Their neighbours, which are as they should be.
SILENT: list[tuple[str, Any]] = []


def warns(name: str, words: str, do: Any, category: type = UserWarning, torch: bool = True) -> None:
    WARNED.append(Warned(name, do, words, category, torch))


def silent(name: str, do: Any) -> None:
    SILENT.append((name, do))


# ---- losses

BROADCAST = "Using a target size (3, 1) that is different to the input size (3,). This will likely"
for _name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
    warns(
        f"{_name} broadcasts",
        BROADCAST,
        lambda T, name=_name: getattr(T.nn.functional, name)(T.ones(3), T.ones(3, 1)),
    )
    silent(_name, lambda T, name=_name: getattr(T.nn.functional, name)(T.ones(3), T.ones(3)))
for _name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"):
    warns(
        f"{_name} broadcasts",
        BROADCAST,
        lambda T, name=_name: getattr(T.nn, name)()(T.ones(3), T.ones(3, 1)),
    )
warns(
    "weighted mse_loss broadcasts",
    BROADCAST,
    lambda T: T.nn.functional.mse_loss(T.ones(3), T.ones(3, 1), weight=T.ones(3)),
)
for _name in ("mse_loss", "l1_loss", "smooth_l1_loss", "kl_div", "binary_cross_entropy"):
    warns(
        f"{_name} with size_average",
        "size_average and reduce args will be deprecated, please use reduction='sum' instead.",
        lambda T, name=_name: getattr(T.nn.functional, name)(
            T.ones(3), T.ones(3), size_average=False
        ),
    )
for _name in ("cross_entropy", "nll_loss"):
    warns(
        f"{_name} with reduce",
        "please use reduction='none' instead.",
        lambda T, name=_name: getattr(T.nn.functional, name)(
            T.zeros(2, 3), T.tensor([0, 1]), reduce=False
        ),
    )
warns("MSELoss with reduce", "reduction='none'", lambda T: T.nn.MSELoss(reduce=False))
warns(
    "kl_div of the mean",
    "'batchmean' divides only by the batch size",
    lambda T: T.nn.functional.kl_div(T.zeros(2, 3), T.ones(2, 3)),
)
warns("KLDivLoss", "'batchmean'", lambda T: T.nn.KLDivLoss()(T.zeros(2, 3), T.ones(2, 3)))
silent(
    "kl_div of a batch",
    lambda T: T.nn.functional.kl_div(T.zeros(2, 3), T.ones(2, 3), reduction="batchmean"),
)

# ---- a dimension that is not said

for _name in ("softmax", "log_softmax", "softmin"):
    warns(
        f"{_name} without dim",
        f"Implicit dimension choice for {_name} has been deprecated. Change the call to include",
        lambda T, name=_name: getattr(T.nn.functional, name)(T.ones(2, 3)),
    )
    silent(_name, lambda T, name=_name: getattr(T.nn.functional, name)(T.ones(2, 3), dim=1))
for _name in ("Softmax", "LogSoftmax", "Softmin"):
    warns(
        f"{_name} without dim",
        "Implicit dimension choice",
        lambda T, name=_name: getattr(T.nn, name)()(T.ones(2, 3)),
    )
warns(
    "softmax in layers",
    "Implicit dimension choice for softmax",
    lambda T: T.nn.Sequential(T.nn.Linear(2, 3), T.nn.Sequential(T.nn.Softmax()))(T.ones(2, 2)),
)
warns("meshgrid", "required to pass the indexing", lambda T: T.meshgrid(T.ones(2), T.ones(3)))
silent("meshgrid", lambda T: T.meshgrid(T.ones(2), T.ones(3), indexing="ij"))
warns(
    "T of 3-d", "The use of `x.T` on tensors of dimension other than 2", lambda T: T.ones(2, 3, 4).T
)
warns("T of 1-d", "The use of `x.T`", lambda T: T.ones(2).T)
warns("T of 0-d", "Tensor.T is deprecated on 0-D", lambda T: T.tensor(1.0).T)
warns("mT of 0-d", "Tensor.mT is deprecated on 0-D", lambda T: T.tensor(1.0).mT)
silent("T", lambda T: T.ones(2, 3).T)
silent("mT", lambda T: T.ones(2, 3, 4).mT)

# ---- reductions without degrees of freedom

for _name in ("std", "var", "std_mean", "var_mean"):
    for _what, _args in (
        ("one element", lambda T: (T.ones(1),)),
        ("a dimension of one", lambda T: (T.ones(3, 1), 1)),
        ("nothing", lambda T: (T.ones(0),)),
        ("one, unbiased", lambda T: (T.ones(1), True)),
    ):
        warns(
            f"{_name} of {_what}",
            f"{_name}(): degrees of freedom is <= 0. Correction should be strictly less than",
            lambda T, name=_name, args=_args: getattr(T, name)(*args(T)),
        )
    silent(f"{_name} of two", lambda T, name=_name: getattr(T, name)(T.ones(2)))
    silent(
        f"biased {_name} of one", lambda T, name=_name: getattr(T, name)(T.ones(1), correction=0)
    )

# ---- gradients

warns(
    "grad of a result",
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed.",
    lambda T: (leaf(T, 3) * 2).grad,
)
silent("grad of a leaf", lambda T: (leaf(T, 3).grad, T.ones(3).grad))


def kept(T):
    y = leaf(T, 3) * 2
    y.retain_grad()
    return y.grad


silent("a kept grad", kept)
warns(
    "backward with a graph",
    "Using backward() with create_graph=True will create a reference cycle",
    lambda T: leaf(T, 3).sum().backward(create_graph=True),
)
warns(
    "grad_variables",
    "`grad_variables` is deprecated",
    lambda T: T.autograd.backward(leaf(T, 3), grad_variables=T.ones(3)),
    FutureWarning,
)
warns(
    "only_inputs",
    "only_inputs argument is deprecated",
    lambda T: (lambda x: T.autograd.grad(x.sum(), x, only_inputs=False))(leaf(T, 3)),
    FutureWarning,
)
warns("detect_anomaly", "Anomaly Detection has been enabled", lambda T: T.autograd.detect_anomaly())


def dirty(T):
    class Double(T.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * 2
            ctx.mark_dirty(y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * 2

    Double.apply(leaf(T, 2))


warns("mark_dirty of a result", "ctx.mark_dirty() received a tensor that was not an input", dirty)

# ---- tensors and random numbers

warns(
    "tensor of a tensor",
    "it is recommended to use sourceTensor.detach().clone()",
    lambda T: T.tensor(T.ones(2)),
)
silent("as_tensor of a tensor", lambda T: (T.as_tensor(T.ones(2)), T.tensor([T.tensor(1.0)])))
warns(
    "tensor of a list of arrays",
    "from a list of numpy.ndarrays is extremely slow",
    lambda T: T.tensor([np.ones(2)]),
)
warns(
    "an index of uint8",
    "now deprecated, please use a dtype",
    lambda T: T.ones(3)[T.tensor([1, 0, 1], dtype=T.uint8)],
)
warns(
    "randint beyond the integers of float32",
    "to - 1 is out of bounds [-(2^24), 2^24]",
    lambda T: T.randint(0, 2**24 + 2, (2,), dtype=T.float32),
)
warns(
    "randint from below the integers of float32",
    "from is out of bounds [-(2^24), 2^24]",
    lambda T: T.randint(-(2**25), 2, (2,), dtype=T.float32),
)
warns(
    "random_ beyond the integers of float64",
    "to - 1 is out of bounds [-(2^53), 2^53]",
    lambda T: T.ones(2, dtype=T.float64).random_(0, 2**53 + 2),
)
silent("randint", lambda T: T.randint(0, 2**24 + 1, (2,), dtype=T.float32))
silent("randint of int64", lambda T: T.randint(0, 2**40, (2,)))

# ---- modules, optimizers, schedules

warns(
    "dropout2d of 2-d",
    "dropout2d: Received a 2-D input to dropout2d",
    lambda T: T.nn.functional.dropout2d(T.ones(2, 3)),
)
warns(
    "dropout2d of 3-d",
    "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D",
    lambda T: T.nn.Dropout2d()(T.ones(2, 3, 4)),
)
warns(
    "dropout3d of 3-d",
    "dropout3d: Received a 3-D input to dropout3d",
    lambda T: T.nn.functional.dropout3d(T.ones(2, 3, 4)),
)
silent("dropout1d", lambda T: T.nn.functional.dropout1d(T.ones(2, 3)))
silent("dropout2d", lambda T: T.nn.functional.dropout2d(T.ones(2, 3, 4, 5)))
warns("Linear without inputs", "zero-element tensors is a no-op", lambda T: T.nn.Linear(0, 2))
warns(
    "min_value",
    "`min_value` is deprecated and renamed",
    lambda T: T.nn.Hardtanh(min_value=-2.0),
    FutureWarning,
)
warns(
    "init.uniform",
    "now deprecated in favor of",
    lambda T: T.nn.init.uniform(T.ones(2)),
    FutureWarning,
)
warns(
    "state_dict by position",
    "Positional args are being deprecated",
    lambda T: T.nn.Linear(1, 1).state_dict({}),
    FutureWarning,
)


def sgd(T, params=None):
    return T.optim.SGD(params or [T.nn.Parameter(T.ones(2))], lr=0.1)


warns(
    "a parameter twice", "duplicate parameters", lambda T: sgd(T, [T.nn.Parameter(T.ones(2))] * 2)
)
warns(
    "a schedule before its optimizer",
    "Detected call of `lr_scheduler.step()` before",
    lambda T: T.optim.lr_scheduler.StepLR(sgd(T), 1).step(),
)
warns(
    "a rate outside of step",
    "please use `get_last_lr()`",
    lambda T: T.optim.lr_scheduler.StepLR(sgd(T), 1).get_lr(),
)
warns(
    "a plateau's epoch",
    "The epoch parameter in `scheduler.step()` was not necessary",
    lambda T: T.optim.lr_scheduler.ReduceLROnPlateau(sgd(T)).step(1.0, epoch=1),
)
warns(
    "clipping what an empty generator gives",
    "empty generator",
    lambda T: T.nn.utils.clip_grad_norm_((p for p in []), 1.0),
)

# ---- data


def stream(T, said, real, ask=True):
    class Stream(T.utils.data.IterableDataset):
        def __iter__(self):
            return iter(range(real))

        def __len__(self):
            return said

    loader = T.utils.data.DataLoader(Stream(), batch_size=1)
    if ask:
        len(loader)
    for _ in loader:
        pass


warns(
    "a stream longer than it says",
    "was reported to be 2 (when accessing len(dataloader)), but 3 samples have been fetched",
    lambda T: stream(T, 2, 3),
)
silent("a stream as long as it says", lambda T: stream(T, 3, 3))
silent("a stream that nobody asked", lambda T: stream(T, 2, 3, False))
warns(
    "a split of nothing",
    "Length of split at index 1 is 0",
    lambda T: T.utils.data.random_split(range(3), [1.0, 0.0]),
)
