"""Containers of arguments and results of the transforms, against torch where it is installed."""

import importlib
from collections import OrderedDict, defaultdict, deque, namedtuple

import pytest

import wengert as wg
from tests.conftest import torch

Point = namedtuple("Point", "a b")


class Own:
    """A container that is registered with both libraries."""

    def __init__(self, a, b, name):
        self.a, self.b, self.name = a, b, name


def registered(lib):
    trees = importlib.import_module(f"{lib.__name__}.utils._pytree")
    if Own not in trees.SUPPORTED_NODES:
        trees.register_pytree_node(Own, lambda c: ([c.a, c.b], c.name), lambda v, n: Own(*v, n))
    return trees


def plain(tree):
    """A tree with lists of numbers for tensors, its containers in view."""
    if isinstance(tree, Own):
        return ("Own", plain(tree.a), plain(tree.b), tree.name)
    if isinstance(tree, dict):
        return (type(tree).__name__, [(key, plain(x)) for key, x in tree.items()])
    if isinstance(tree, (tuple, list, deque)):
        return (type(tree).__name__, [plain(x) for x in tree])
    return tree.tolist() if hasattr(tree, "tolist") else tree


def values(lib):
    return lib.arange(6.0).reshape(2, 3)


# By name: of a library and x, (2, 3).
CASES = {
    "own in and out": lambda t, x: t.func.vmap(lambda c: Own(c.a + c.b, c.a, 3))(Own(x, x, 1)),
    "own dims out": lambda t, x: t.func.vmap(lambda c: c, out_dims=Own(0, 1, 1))(Own(x, x, 1)),
    "own dims of another": lambda t, x: t.func.vmap(lambda c: c, out_dims=Own(0, 1, 2))(
        Own(x, x, 1)
    ),
    "own in a tuple out": lambda t, x: t.func.vmap(lambda c: c, out_dims=(Own(0, 1, 1),))(
        Own(x, x, 1)
    ),
    "deque": lambda t, x: t.func.vmap(lambda d: d[0] + d[1])(deque([x, x])),
    "None beside": lambda t, x: t.func.vmap(lambda c, n: c * 2, (0, None))(x, None),
    "None within": lambda t, x: t.func.vmap(lambda d: d["b"], ({"a": None, "b": 0},))(
        {"a": None, "b": x}
    ),
    "None mapped": lambda t, x: t.func.vmap(lambda c, n: c * 2)(x, None),
    "None out": lambda t, x: t.func.vmap(lambda c: (c, None), out_dims=(0, None))(x),
    "None out, mapped": lambda t, x: t.func.vmap(lambda c: None)(x),
    "no dims": lambda t, x: t.func.vmap(lambda c: c, (None,))(x),
    "another order": lambda t, x: t.func.vmap(
        lambda d: d["a"] + d["b"], ({"b": 0, "a": None},)
    )({"a": x, "b": x}),
    "an ordered dict": lambda t, x: t.func.vmap(lambda d: d["a"], (OrderedDict(a=0),))({"a": x}),
    "a dict too small": lambda t, x: t.func.vmap(lambda d: d["a"], ({"a": 0},))({"a": x, "b": x}),
    "default dict out": lambda t, x: t.func.vmap(
        lambda c: defaultdict(list, a=c), out_dims={"a": 1}
    )(x),
    "list for tuple": lambda t, x: t.func.vmap(lambda d: d[0], ([0, 1],))((x, x)),
    "named out": lambda t, x: t.func.vmap(lambda c: Point(c, c * 2), out_dims=Point(0, 1))(x),
    "tuple for named": lambda t, x: t.func.vmap(lambda c: Point(c, c), out_dims=(0, 1))(x),
    "results with names": lambda t, x: t.func.vmap(lambda c: t.max(c.reshape(3, 1), 0))(x),
    "of results with names": lambda t, x: t.func.vmap(lambda r: r.values * 2)(t.max(x, 0)),
    "grad": lambda t, x: t.func.grad(lambda c: (c.a * c.b).sum())(Own(x, x + 1, 2)),
    "grad of None": lambda t, x: t.func.grad(lambda c: c.a.sum())(Own(x, None, 2)),
    "vjp": lambda t, x: t.func.vjp(lambda a: Own(a, a * 2, 1), x)[1](Own(x, x, 1)),
    "vjp of another": lambda t, x: t.func.vjp(lambda a: Own(a, a * 2, 1), x)[1](Own(x, x, 2)),
    "vjp of a list": lambda t, x: t.func.vjp(lambda a: (a, a), x)[1]([x, x]),
    "vjp deeper": lambda t, x: t.func.vjp(lambda a: (a, a), x)[1]((x, (x,))),
    "jvp": lambda t, x: t.func.jvp(
        lambda d: Own(d.a, d.b, 2), (Own(x, x, 1),), (Own(x, x + 1, 1),)
    ),
    "linearize": lambda t, x: t.func.linearize(lambda d: Own(d.a, d.b * 2, 2), Own(x, x, 1))[1](
        Own(x, x + 1, 1)
    ),
    "jacrev": lambda t, x: t.func.jacrev(lambda d: Own(d.a.sum(), d.b.sum(), 2))(
        Own(x[0], x[1], 1)
    ),
}  # fmt: skip


def outcome(lib, case):
    registered(lib)
    try:
        return plain(case(lib, values(lib)))
    except Exception as error:
        return type(error)


@pytest.mark.skipif(torch is None, reason="torch is the oracle")
@pytest.mark.parametrize("name", CASES)
def test_as_torch(name):
    importlib.import_module("torch.func")
    assert outcome(wg, CASES[name]) == outcome(torch, CASES[name])


def test_a_dict_of_vectors_may_have_its_keys_in_any_order():
    x = values(wg)
    back = wg.func.vjp(lambda a: {"a": a, "b": a * 2}, x)[1]
    assert wg.equal(back({"b": x, "a": x + 1})[0], 3 * x + 1)


def test_registered_containers():
    assert outcome(wg, CASES["own in and out"]) == plain(Own(2 * values(wg), values(wg), 3))
    trees = registered(wg)
    found = wg.max(values(wg), 0)
    assert [trees.keystr(path) for path, _ in trees.tree_leaves_with_path(found)] == ["[0]", "[1]"]
    assert type(trees.tree_map(lambda x: x, found)) is type(found)
    assert trees.is_structseq(found) and trees.is_structseq_class(type(found))
    assert not trees.is_structseq_instance((1,)) and not trees.is_namedtuple(found)
    assert trees.is_namedtuple(Point) and trees.is_namedtuple_instance(Point(1, 2))
    assert not trees.is_namedtuple_instance(Point) and not trees.is_namedtuple((1, 2))
