"""x[index] and x[index] = value of tensors, indices and values of one vmap and of two, against the
same function called for each slice."""

import warnings

import pytest

import wengert as wg

pytestmark = pytest.mark.filterwarnings("ignore:vmap. no rule")

B, K = wg.tensor([2, 0]), wg.tensor([1, 2, 0])
M = wg.arange(24.0).reshape(2, 3, 4)
INDICES = """
m[b, k]  m[b]  m[b][k]  m[:, k]  m[..., k]  m[b, :, None]  m[None, b, k]  m[b, None, k]  m[1, k]
m[b, 2]  m[[0, 1], k]  m[b, [0, 1]]  m[-1, k]  m[1:3, k]  m[k, ::2]  m[bs]  m[bs, ks]  m[:, ks]
m[bs, :]  m[b, ks]  m[bs, None, ks]  m[True, b]  m[mask, k]  m[:, k, None]  m[t, k]  m[[1, 0]]
m[m > 3]  m[False, k]  m[b, mask4]  m[..., None, k]  m[None]  m[t, None, ks]
""".replace("\n", "  ")
VALUES = ("9.0", "b.float()", "k.float()", "m[0, 0] * k", "x[INDEX].clone() * k + b")


def places(m, b, k):
    """What an index may name: of three tensors of a slice, m (3, 4), b and k (); t is a number,
    bs and ks are two of each."""
    mask = wg.tensor([True, False, True])
    return {"m": m, "b": b, "k": k, "bs": wg.stack([b, 2 - b]), "ks": wg.stack([k, k + 1]),
            "t": wg.tensor(1), "mask": mask, "mask4": wg.tensor([True, False, True, True]),
            "wg": wg}  # fmt: skip


def read(code):
    return lambda m, b, k: eval(code, places(m, b, k)) + 0 * (b + k)


def written(code, value):
    index = code[1:]

    def function(m, b, k):
        x = m + 0 * (b + k)
        scope = {**places(m, b, k), "x": x}
        exec(f"x{index} = {value.replace('[INDEX]', index)}", scope)
        return x

    return function


# How the tensors are mapped over, and the same by loops.
ARRANGED = {
    "one": (lambda f: wg.vmap(f)(M, B, K[:2]), lambda f: [f(M[i], B[i], K[i]) for i in (0, 1)]),
    "indices": (
        lambda f: wg.vmap(lambda b, k: f(M[0], b, k))(B, K[:2]),
        lambda f: [f(M[0], B[i], K[i]) for i in (0, 1)],
    ),
    "nested": (
        lambda f: wg.vmap(lambda b: wg.vmap(lambda k: f(M[0], b, k))(K))(B),
        lambda f: [wg.stack([f(M[0], b, k) for k in K]) for b in B],
    ),
    "the other way": (
        lambda f: wg.vmap(lambda k: wg.vmap(lambda b: f(M[0], b, k))(B))(K),
        lambda f: [wg.stack([f(M[0], b, k) for b in B]) for k in K],
    ),
    "of the outer": (
        lambda f: wg.vmap(lambda m, b: wg.vmap(lambda k: f(m, b, k))(K))(M, B),
        lambda f: [wg.stack([f(M[i], B[i], k) for k in K]) for i in (0, 1)],
    ),
    "of the inner": (
        lambda f: wg.vmap(lambda b: wg.vmap(lambda m, k: f(m, b, k))(M, K[:2]))(B),
        lambda f: [wg.stack([f(M[i], b, K[i]) for i in (0, 1)]) for b in B],
    ),
}


def outcome(arranged, function):
    """The values, or None if they are refused."""
    try:
        result = arranged(function)
        return (wg.stack(result) if isinstance(result, list) else result).tolist()
    except (RuntimeError, IndexError):
        return None


def same(function, name):
    vectorized, by_loops = ARRANGED[name]
    return outcome(vectorized, function) == outcome(by_loops, function)


@pytest.mark.parametrize("name", ARRANGED)
def test_reading(name):
    codes = INDICES.split("  ")
    wrong = [c for c in codes if c.strip() and not same(read(c), name)]
    assert not wrong


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ARRANGED)
def test_writing(name, value):
    codes = [c for c in INDICES.split("  ") if c.strip() and "][" not in c]
    if "INDEX" in value:  # as many as the values say
        codes.remove("m[m > 3]")
    wrong = [c for c in codes if not same(written(c, value), name)]
    assert not wrong


def test_gradients_of_what_is_written():
    def function(x, b, k):
        x = x * 2
        x[b, k] = x[0, 0] * k
        x[1:, k] += 1
        return (x**2).sum()

    for name in ("one", "nested", "of the inner"):
        both = [ARRANGED[name][i](lambda m, b, k: wg.func.grad(function)(m, b, k)) for i in (0, 1)]
        assert wg.equal(both[0], wg.stack(both[1]))


def test_indices_have_rules():
    """What is common is done for all slices at once."""
    codes = "m[b, k]  m[:, k]  m[..., k]  m[1, k]  m[b, None, k]  m[bs, ks]  m[mask, k]  m[[1, 0]]"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for code in codes.split("  "):
            for name in ARRANGED:
                ARRANGED[name][0](read(code))
                ARRANGED[name][0](written(code, "k.float()"))


def test_refusals():
    m = wg.zeros(3)
    with pytest.raises(RuntimeError, match="would write a value for each slice"):
        wg.vmap(lambda i: m.__setitem__(i, 1.0))(wg.tensor([0, 1]))
    with pytest.raises(IndexError, match="too many"):
        wg.vmap(lambda x, i: x[i, i])(wg.ones(2, 3), wg.tensor([0, 1]))
    with pytest.raises(RuntimeError, match="shape"):
        wg.vmap(lambda x, i: x.__setitem__(i, wg.ones(3)))(wg.ones(2, 3), wg.tensor([0, 1]))
