"""What PyTorch tests its own operations with gives the same here.

Where torch is installed and its database can be imported, each operation of the list is run with
all its samples: values, layouts, gradients of both orders, other forms, and what is refused.
"""

import functools
import re

import numpy as np
import pytest

import wengert as wg
from tests.conftest import torch
from tests.rows import op_database as db
from tests.rows.op_vocabulary import DTYPES, ELSEWHERE, ROUGHER, SKIPPED, VOCABULARY
from tests.rows.table import strided

if torch is None:
    pytest.skip("torch is not installed", allow_module_level=True)
pytest.importorskip("expecttest", reason="torch's database of operations needs expecttest")

# Relative to the largest number that goes into a call or comes out of it: sums cancel.
ROUNDING = {"float16": 2e-3, "float32": 2e-5, "float64": 1e-11}


# ---- comparing


def array(t) -> np.ndarray:
    if not hasattr(t, "detach"):
        return np.asarray(t)
    t = t.detach()
    return (t.float() if dtype_name(t) == "bfloat16" else t).numpy(force=True)


def dtype_name(t) -> str:
    return str(getattr(t, "dtype", type(t))).rpartition(".")[2]


def magnitude(ts) -> float:
    arrays = [np.abs(array(t)) for t in ts if isinstance(t, torch.Tensor) and t.is_floating_point()]
    return max((float(a[np.isfinite(a)].max(initial=0)) for a in arrays), default=0.0)


def unlike(a, b, scale: float, values: bool = True, rounding: float = 0.0) -> str | None:
    """How our tensor differs from torch's, if it does."""
    if not isinstance(b, torch.Tensor):
        return None if a == b else f"{a!r} instead of {b!r}"
    types = dtype_name(a), dtype_name(b)
    a, b = array(a), array(b)
    if a.shape != b.shape or types[0] != types[1]:
        return f"{types[0]}{a.shape} instead of {types[1]}{b.shape}"
    if not values:
        return None
    if a.dtype.kind != "f":
        return None if np.array_equal(a, b) else "other values"
    with np.errstate(all="ignore"):
        rounding = max(ROUNDING[a.dtype.name], rounding if a.dtype == np.float64 else 0)
        near = np.isclose(a, b, rtol=rounding, atol=rounding * scale, equal_nan=True)
        return None if near.all() else f"off by {np.abs(a - b)[~near].max()}"


def other_strides(a, b) -> str | None:
    """Strides say nothing where there is one element, or none at all."""
    found, wanted = (
        [s for s, n in zip(t.stride(), t.shape, strict=True) if n > 1 and t.numel()] for t in (a, b)
    )
    return None if found == wanted else f"strides {found} instead of {wanted}"


def kinds(ours, theirs) -> str | None:
    """Whether only one is an error, or they are errors of two kinds."""
    a, b = (type(r).__name__ if isinstance(r, Exception) else "" for r in (ours, theirs))
    return None if a == b else f"{ours!r} instead of {theirs!r}"


class Differences:
    """Collects what differs, and tells the expected from the others."""

    def __init__(self, name: str, refusals: bool = False) -> None:
        self.name, self.found, self.seen = name, [], set()
        known = {a: o for (n, a), o in db.EXCEPTIONS.items() if n == name}
        self.expected = {a: o for a, o in known.items() if (a == "refused") == refusals}

    def unlike(self, a, b, scale: float, values: bool = True) -> str | None:
        """How ours differs, by more than this operation may in float64."""
        if self.name in db.NAN_THERE and isinstance(b, torch.Tensor) and a.shape == b.shape:
            b = torch.where(b.isnan(), torch.from_numpy(array(a)), b)
        return unlike(a, b, scale, values, ROUGHER.get(self.name, (0.0, ""))[0])

    def note(self, aspect: str, call, difference: str | None) -> bool:
        """Whether there is one."""
        otherwise = self.expected.get(aspect)
        applies = bool(otherwise and otherwise.applies(call))
        if applies and difference is not None:
            self.seen.add(aspect)
        elif difference is not None:
            self.found.append(f"{aspect}: {self.name} {call}: {difference}")
        elif applies:
            self.found.append(f"{aspect}: {self.name} {call} is expected to differ, and does not")
        return difference is not None

    def check(self) -> None:
        shown = "\n".join(line[:600] for line in self.found[:12])
        assert not self.found, f"{len(self.found)} differences\n{shown}"
        assert self.seen == set(self.expected), "exceptions that nothing shows"


# ---- gradients


def zeros_of(t):
    return torch.zeros(tuple(t.shape), dtype=getattr(torch, str(t.dtype).rpartition(".")[2]))


def gradients(library, outputs, inputs, cotangents, again: bool):
    try:
        return library.autograd.grad(
            outputs, inputs, cotangents, create_graph=again, allow_unused=True
        )
    except Exception as error:
        return error


def pairs(ours, theirs) -> list:
    """The outputs that torch has gradients of, with ours."""
    return [
        (a, b)
        for a, b in zip(ours, theirs, strict=True)
        if isinstance(b, torch.Tensor) and b.requires_grad
    ]


def as_ours(t):
    ours = wg.from_numpy(array(t).copy()).to(getattr(wg, dtype_name(t)))
    return ours.requires_grad_(t.requires_grad)


def is_flat(ours, theirs, leaves) -> bool:
    """Whether ours has no gradient, and torch's is 0."""
    if ours is not None and ours.requires_grad:
        return False
    weight = torch.randn_like(theirs)
    found = gradients(torch, [theirs], leaves, [weight], True)
    if isinstance(found, Exception):
        return "is not implemented" in str(found)
    return all(g is None or not g.any() for g in found)


def compare_order(d, aspect, call, outputs, leaves, again) -> tuple | None:
    """Compares the gradients of the outputs, weighted at random; gives them and the weights."""
    outputs = [(a, b) for a, b in outputs if not is_flat(a, b, [leaf for leaf, _ in leaves])]
    if any(a is None or not a.requires_grad for a, _ in outputs):
        d.note(aspect, call, "needs no gradient")
        return None
    if not outputs:
        return None
    shape_only = {"memory_format": torch.contiguous_format}
    weights = [torch.randn_like(b, **shape_only).requires_grad_(again) for _, b in outputs]
    our_weights = [as_ours(w) for w in weights]
    ours = gradients(wg, [a for a, _ in outputs], [b for _, b in leaves], our_weights, again)
    theirs = gradients(torch, [b for _, b in outputs], [a for a, _ in leaves], weights, again)
    if isinstance(theirs, RuntimeError) and "is not implemented" in str(theirs):
        return None  # torch has no such derivative
    if d.note(aspect, call, kinds(ours, theirs)) or isinstance(theirs, Exception):
        return None
    scale = magnitude([*theirs, *weights, *(b for _, b in outputs), *(a for a, _ in leaves)])
    for a, b, (leaf, our_leaf) in zip(ours, theirs, leaves, strict=True):
        a = wg.zeros_like(our_leaf) if a is None else a
        d.note(aspect, call, d.unlike(a, zeros_of(leaf) if b is None else b, scale))
    return ours, theirs, list(zip(weights, our_weights, strict=True))


def compare_gradients(d, call, ours, theirs, leaves, second: bool) -> None:
    outputs = pairs(ours, theirs)
    if not outputs or not leaves:
        return
    first = compare_order(d, "gradient", call, outputs, leaves, second)
    if second and first:
        outputs = [(a, b) for a, b in pairs(first[0], first[1]) if b is not None]
        if outputs:
            compare_order(d, "second", call, outputs, [*leaves, *first[2]], False)


# ---- the other forms


def channels_last(a: np.ndarray):
    """An image (n, c, ...) whose channels are neighbours in memory."""
    if a.ndim < 4:
        return wg.from_numpy(a)
    return wg.from_numpy(np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1))


ARRANGED = {"strided": strided, "channels last": channels_last}


def forms(name: str) -> dict:
    """What else is the operation: of tensors that lie otherwise, a method, in place, with out=."""
    function = db.resolved(wg, name)
    found = {} if name in db.LAYOUTS else dict.fromkeys(ARRANGED, function)
    if callable(getattr(torch.Tensor, name, None)) and name not in db.CALLED:
        found["method"] = getattr(wg.Tensor, name)
    if any(op.inplace_variant for op in db.infos(name)) and name not in db.NO_INPLACE:
        in_place = name.startswith(db.F)
        found["inplace"] = (
            functools.partial(function, inplace=True)
            if in_place
            else getattr(wg.Tensor, name + "_")
        )
    if any(op.supports_out for op in db.infos(name)) and name not in db.NO_OUT:
        found["out"] = function
    return found


def fits(result, into) -> bool:
    """Whether the result can be written over the argument: by its shape, and no fractions."""
    whole = result.dtype.is_floating_point and not into.dtype.is_floating_point
    return tuple(result.shape) == tuple(into.shape) and not whole


def compare_forms(d, call, expected, forms) -> None:
    """What another form gives is what the function gives, to the bit."""
    for aspect, function in forms.items():
        if aspect == "channels last" and getattr(call.args[0], "ndim", 0) < 4:
            continue
        if aspect == "inplace" and not fits(expected[0], call.args[0]):
            continue
        if aspect in ARRANGED and d.name in db.READ_MEMORY:
            continue
        mine = db.Translation(ARRANGED.get(aspect, wg.from_numpy)).call(call)
        if aspect == "out":
            outs = tuple(wg.empty(0, dtype=e.dtype) for e in expected)
            mine.kwargs["out"] = outs[0] if len(outs) == 1 else outs
        with wg.no_grad():
            result = db.run(wg, function, mine)
        if d.note(aspect, call, repr(result) if isinstance(result, Exception) else None):
            continue
        rounds = d.name in db.ADDS_AS_IT_LIES and aspect in ARRANGED
        scale = magnitude([x for x in db.tensors(call.args)]) if rounds else 0.0
        same = all(
            np.array_equal(array(a), array(b), equal_nan=True)
            or (rounds and np.allclose(array(a), array(b), 1e-5, 1e-5 * scale))
            for a, b in zip(db.tensors(result), expected, strict=True)
        )
        d.note(aspect, call, None if same else "other values than the function's")
        written = {"inplace": mine.args[0], "out": mine.kwargs.get("out")}.get(aspect, result)
        same = all(a is b for a, b in zip(db.tensors(result), db.tensors(written), strict=True))
        d.note(aspect, call, None if same else "another tensor than was to be written")


# ---- the tests


@pytest.fixture(scope="module")
def draws_agree():
    """Whether torch draws here as on AMD CPUs."""
    torch.manual_seed(1)
    wg.manual_seed(1)
    return np.array_equal(torch.empty(99).bernoulli_(0.5), wg.empty(99).bernoulli_(0.5))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", db.COVERED)
def test_samples(name, dtype, draws_agree):
    d = Differences(name)
    assert compare_samples(d, name, dtype, draws_agree)
    d.check()


@pytest.mark.parametrize("name", VOCABULARY)
def test_vocabulary(name, draws_agree):
    """In the dtypes that PyTorch has of it."""
    d, dtypes = Differences(name), [t for t in DTYPES if (name, t) not in SKIPPED]
    assert sum(compare_samples(d, name, dtype, draws_agree) for dtype in dtypes)
    d.check()


def test_every_entry_that_is_here_is_named():
    named = {*db.COVERED, *VOCABULARY, *ELSEWHERE}
    here = [name for name in db.database() if is_here(name)]
    assert sorted({name for name in here if not name.startswith("__")} - named) == []
    assert [name for name in named if not is_here(name)] == []


def is_here(name) -> bool:
    try:
        return callable(db.resolved(wg, name))
    except AttributeError:
        return False


def compare_samples(d, name, dtype, draws_agree) -> int:
    """How many there are."""
    ours, theirs = db.resolved(wg, name), db.resolved(torch, name)
    others = forms(name)
    values = name not in db.UNINITIALISED and (draws_agree or name not in db.DRAWING)
    count = 0
    for count, call in enumerate(db.samples(name, dtype), 1):
        translation = db.Translation()
        mine = translation.call(call)
        a, b = db.run(wg, ours, mine), db.run(torch, theirs, call)
        if d.note("raises", call, kinds(a, b)) or isinstance(b, Exception):
            continue
        raw = db.tensors(a)
        a, b = db.tensors(call.of_result(a)), db.tensors(call.of_result(b))
        scale = magnitude([*b, *db.tensors(call.args)])
        for x, y in zip(a, b, strict=True):
            d.note("forward", call, d.unlike(x, y, scale, values))
            if name in db.LAYOUTS:
                d.note("strides", call, other_strides(x, y))
        if values and count % db.STEP.get(name, 1) == 0:
            compare_gradients(d, call, a, b, translation.leaves, dtype == "float64")
            if all(isinstance(x, wg.Tensor) for x in raw):
                compare_forms(d, call, raw, others)
    return count


def test_refused():
    """Errors are of torch's kinds, and say the same: in torch's words, or in those of WORDS."""
    found, used = [], set()
    for name in db.COVERED:
        d = Differences(name, refusals=True)
        for wrong in db.refused(name):
            try:
                mine = db.Translation().call(wrong.call)
            except db.Untranslatable:
                continue
            result = db.run(wg, db.resolved(wg, name), mine)
            other = None
            if type(result) is not wrong.kind:
                other = f"{result!r} instead of {wrong.kind.__name__}: {wrong.message}"
            elif not re.search(wrong.message, str(result)):
                used.add(wrong.message)
                if not re.search(db.WORDS.get(wrong.message, "$^"), str(result)):
                    other = f"{result} instead of {wrong.message!r}"
            d.note("refused", wrong.call, other)
        for call in db.edges(name):
            ours = db.run(wg, db.resolved(wg, name), db.Translation().call(call))
            d.note("refused", call, kinds(ours, db.run(torch, db.resolved(torch, name), call)))
        found += [*d.found, *(f"{name}: {a}" for a in set(d.expected) - d.seen)]
    assert not found, "\n".join(found)
    assert used == set(db.WORDS), "words that nothing shows"
