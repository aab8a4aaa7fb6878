"""What PyTorch tests its own modules with gives the same here.

Where torch is installed and its database can be imported: constructors, calls in training and in
evaluation, gradients, state, text, pickles, strided inputs, and what is refused.
"""

import dataclasses
import pickle
import warnings

import numpy as np
import pytest

import wengert as wg
from tests.capture.captures import bits
from tests.conftest import torch

if torch is None:
    pytest.skip("torch is not installed", allow_module_level=True)
pytest.importorskip("expecttest", reason="torch's database of modules needs expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

# Every module of the database that we have; what is new there is tested at once.
INFOS = {i.name: i for i in module_db if hasattr(wg.nn, i.name.removeprefix("nn."))}
ROUNDING = {"float32": 2e-5, "float64": 1e-10}
SEED = 3
# (module, what is compared): why it differs. One that nothing shows fails.
EXCEPTIONS = {
    ("nn.NLLLoss", "errors"): "what is refused there is a weight of float16, which there is not",
}
every_module = pytest.mark.parametrize("name", INFOS)
pytestmark = pytest.mark.filterwarnings("ignore")


def samples(name, dtype="float32", training=True):
    info = INFOS[name]
    torch.manual_seed(SEED)
    return info.module_inputs_func(
        info,
        device="cpu",
        dtype=getattr(torch, dtype),
        requires_grad=True,
        training=training,
    )


def converted(x):
    """In our types; tensors are copies, leaves that get gradients where torch's do."""
    if isinstance(x, torch.Tensor):
        made = wg.from_numpy(np.array(x.detach().numpy()))
        return made.requires_grad_(x.requires_grad)
    if isinstance(x, torch.dtype):
        return getattr(wg, str(x).removeprefix("torch."))
    if dataclasses.is_dataclass(x):  # options
        return getattr(wg.nn, type(x).__name__)(**dataclasses.asdict(x))
    if isinstance(x, torch.nn.TransformerEncoderLayer):
        sizes = x.self_attn.embed_dim, x.self_attn.num_heads, x.linear1.out_features
        made = wg.nn.TransformerEncoderLayer(
            *sizes,
            x.dropout.p,
            converted(x.activation),
            x.norm1.eps,
            x.self_attn.batch_first,
            x.norm_first,
            x.linear1.bias is not None,
        )
        made.load_state_dict({k: converted(t) for k, t in x.state_dict().items()})
        return made
    if isinstance(x, torch.nn.Module):
        return getattr(wg.nn, type(x).__name__)()
    if callable(x) and hasattr(torch.nn.functional, getattr(x, "__name__", "")):
        return getattr(wg.nn.functional, x.__name__)
    if isinstance(x, dict):
        return {k: converted(v) for k, v in x.items()}
    if isinstance(x, (tuple, list)):
        return type(x)(map(converted, x))
    return x


def fresh(x):
    """Torch's tensors as leaves, which a call may have changed."""
    if isinstance(x, torch.Tensor):
        return x.detach().clone().requires_grad_(x.requires_grad)
    if isinstance(x, (tuple, list)):
        return type(x)(map(fresh, x))
    return {k: fresh(v) for k, v in x.items()} if isinstance(x, dict) else x


def made(name, given, dtype, training, library):
    library.manual_seed(SEED)
    cls = getattr(library.nn, name.removeprefix("nn."))
    args, kwargs = given.args, given.kwargs
    if library is wg:
        args, kwargs = converted(args), converted(kwargs)
    return cls(*args, **kwargs).to(getattr(library, dtype)).train(training)


def leaves(x, library):
    if isinstance(x, library.Tensor):
        return [x]
    if isinstance(x, dict):
        x = x.values()
    return [t for v in x for t in leaves(v, library)] if isinstance(x, (tuple, list)) else []


def strided(x):
    """The same values, every other element of something larger."""
    if isinstance(x, wg.Tensor):
        if x.dim() == 0:
            return x
        wide = wg.stack([x.detach(), wg.zeros_like(x.detach())], -1)
        return wide[..., 0].requires_grad_(x.requires_grad)
    if isinstance(x, (tuple, list)):
        return type(x)(map(strided, x))
    return {k: strided(v) for k, v in x.items()} if isinstance(x, dict) else x


def outcome(module, args, kwargs, library):
    """Outputs, and the gradients of the inputs and parameters that get one."""
    library.manual_seed(SEED)
    result = module(*args, **kwargs)
    outputs = leaves(result, library) if not isinstance(result, library.Tensor) else [result]
    places = [t for t in (*leaves(args, library), *leaves(list(kwargs.values()), library))]
    places = [t for t in (*places, *module.parameters()) if t.requires_grad]
    found = [t.detach() for t in outputs]
    used = [t for t in outputs if t.requires_grad]
    if used and places:
        weights = [
            library.from_numpy(
                np.cos(np.arange(t.numel()))
                .reshape(tuple(t.shape))
                .astype(t.detach().numpy().dtype)
            )
            for t in used
        ]
        grads = library.autograd.grad(used, places, weights, allow_unused=True)
        found += [
            library.zeros_like(p) if g is None else g for g, p in zip(grads, places, strict=True)
        ]
    return found + [t.detach() for t in module.buffers()]


def unlike(ours, theirs, dtype):
    if len(ours) != len(theirs):
        return f"{len(ours)} tensors instead of {len(theirs)}"
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        a, b = a.numpy(), b.numpy()
        if a.shape != b.shape or a.dtype != b.dtype:
            return f"{i}: {a.dtype}{a.shape} instead of {b.dtype}{b.shape}"
        scale = float(np.abs(b[np.isfinite(b)]).max(initial=1)) if b.dtype.kind == "f" else 1
        near = np.isclose(a, b, rtol=ROUNDING[dtype], atol=ROUNDING[dtype] * scale, equal_nan=True)
        if not near.all():
            return f"{i}: off by {np.abs(a - b)[~near].max()}"
    return None


class Notes:
    """What differs, but for what is expected to."""

    def __init__(self, name):
        self.name, self.found, self.seen = name, [], set()

    def note(self, aspect, sample, difference):
        if difference is None or difference is False:
            return
        if (self.name, aspect) in EXCEPTIONS:
            self.seen.add(aspect)
        else:
            given = sample.constructor_input
            self.found.append(f"{aspect}: {given.args} {given.kwargs} {sample.desc}: {difference}")

    def check(self, *aspects):
        assert not self.found, "\n".join(line[:500] for line in self.found[:8])
        expected = {a for n, a in EXCEPTIONS if n == self.name and a in aspects}
        assert self.seen == expected, "exceptions that nothing shows"


def text(module):
    return repr(module).replace("wengert.", "torch.")


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("dtype", ROUNDING)
@every_module
def test_calls(name, dtype, training):
    notes = Notes(name)
    for sample in samples(name, dtype, training):
        given, call = sample.constructor_input, sample.forward_input
        theirs = made(name, given, dtype, training, torch)
        ours = made(name, given, dtype, training, wg)
        notes.note("text", sample, text(ours) != text(theirs) and text(ours))
        args, kwargs = converted(call.args), converted(call.kwargs)
        if name.startswith("nn.Lazy"):
            outcome(theirs, fresh(call.args), fresh(call.kwargs), torch)
            outcome(ours, converted(call.args), converted(call.kwargs), wg)
        a, b = ours.state_dict(), theirs.state_dict()
        notes.note("state", sample, list(a) != list(b) and list(a))
        if dtype == "float32":
            same = [t.numpy().tobytes() for t in a.values()] == [
                t.numpy().tobytes() for t in b.values()
            ]
            notes.note("initial values", sample, not same and "other bits")
        ours.load_state_dict({k: converted(t) for k, t in b.items()})
        copy = pickle.loads(pickle.dumps(ours))
        before = pickle.loads(pickle.dumps(ours))
        found = outcome(ours, args, kwargs, wg)
        expected = outcome(theirs, fresh(call.args), fresh(call.kwargs), torch)
        notes.note("values", sample, unlike(found, expected, dtype))
        again = outcome(copy, converted(call.args), converted(call.kwargs), wg)
        notes.note("pickle", sample, bits(again) != bits(found) and "other bits")
        others = strided(converted(call.args)), strided(converted(call.kwargs))
        again = outcome(before, *others, wg)
        notes.note("strided", sample, bits(again) != bits(found) and "other bits")
    notes.check("text", "state", "initial values", "values", "pickle", "strided")


@pytest.mark.parametrize("dtype", ROUNDING)
@every_module
def test_errors(name, dtype):
    info, notes = INFOS[name], Notes(name)
    if info.module_error_inputs_func is None:
        return
    for case in info.module_error_inputs_func(
        info, device="cpu", dtype=getattr(torch, dtype), requires_grad=True, training=True
    ):
        sample = case.module_error_input
        given, call = sample.constructor_input, sample.forward_input
        where, error = "constructor", None
        try:
            module = made(name, given, dtype, True, wg)
            where = "call"
            module(*converted(call.args), **converted(call.kwargs))
        except Exception as raised:
            error = raised
        wanted = "constructor" if case.error_on == ModuleErrorEnum.CONSTRUCTION_ERROR else "call"
        right = isinstance(error, case.error_type) and where == wanted and str(error)
        notes.note("errors", sample, not right and f"{where}: {error!r}, not {case.error_type}")
    notes.check("errors")


def test_exceptions_are_of_modules_that_there_are():
    assert {name for name, _ in EXCEPTIONS} <= set(INFOS)
