"""State in arrays, numbers and the environment."""

import array
import os
from decimal import Decimal
from fractions import Fraction

import numpy as np

import wengert as wg
from tests.capture.state.programs import replayed


@replayed
def array_array(cap):
    a = array.array("d", [1.0, 2.0])
    yield cap(lambda x: x * a[0] + sum(a))
    a[0] = 5.0
    yield
    a.append(3.0)
    yield


@replayed
def bytes_in_a_bytearray(cap):
    b = bytearray(b"\x02\x03")
    view = memoryview(b)
    yield cap(lambda x: x * b[0] + view[1])
    b[0] = 5
    yield
    view[1] = 9
    yield


@replayed
def numpy_array_item(cap):
    a = np.array([1.0, 2.0])
    yield cap(lambda x: x * float(a[1]))
    a[1] = 5.0
    yield


@replayed
def numpy_array_reduced(cap):
    a = np.arange(6.0).reshape(2, 3)
    yield cap(lambda x: x * float(a.mean()) + float(np.max(a)))
    a[0, 1] = 50.0
    yield
    a *= 2
    yield


@replayed
def numpy_array_becomes_a_tensor(cap):
    a = np.array([1.0, 2.0], dtype=np.float32)
    yield cap(lambda x: x * wg.tensor(a) + wg.from_numpy(a))
    a[0] = 5.0
    yield
    a = a * 2
    yield


@replayed
def numpy_view(cap):
    base = np.zeros(8)
    view = base[::2]
    yield cap(lambda x: x * float(view.sum() + 1))
    base[2] = 5.0
    yield


@replayed
def numpy_array_of_no_dimensions(cap):
    k = np.array(2.0)
    yield cap(lambda x: x * float(k) + k.item())
    k[...] = 5.0
    yield
    k += 1
    yield


@replayed
def numpy_scalar(cap):
    k = np.float64(2.0)
    yield cap(lambda x: x * float(k))
    k = np.float64(5.0)
    yield
    k = np.float32(5.0)
    yield


@replayed
def structured_array(cap):
    a = np.zeros(2, dtype=[("rate", "f8"), ("n", "i4")])
    a["rate"] = [1.0, 2.0]
    yield cap(lambda x: x * float(a["rate"][1]) + int(a[0]["n"]))
    a["rate"][1] = 5.0
    yield
    a[0] = (1.0, 3)
    yield


@replayed
def array_of_objects(cap):
    a = np.array([1.0, 2.0], dtype=object)
    yield cap(lambda x: x * a[1])
    a[1] = 5.0
    yield


@replayed
def array_of_text(cap):
    names = np.array(["relu", "tanh"])
    yield cap(lambda x: getattr(x, str(names[0]))())
    names[0] = "tanh"
    yield


@replayed
def array_of_truths(cap):
    mask = np.array([True, False])
    yield cap(lambda x: x if mask.all() else x * int(mask.sum()))
    mask[1] = True
    yield


@replayed
def array_iterated(cap):
    a = np.array([1.0, 2.0])
    yield cap(lambda x: sum(x * float(v) for v in a))
    a[0] = 5.0
    yield


@replayed
def shape_of_an_array(cap):
    a = np.zeros((2, 3))
    yield cap(lambda x: x * a.shape[0] + len(a) + a.size)
    a.resize((3, 3), refcheck=False)
    yield


@replayed
def array_in_a_config(cap):
    cfg = {"scale": {"mean": np.array([1.0, 2.0], dtype=np.float32)}}
    yield cap(lambda x: (x - wg.tensor(cfg["scale"]["mean"])) * float(cfg["scale"]["mean"].std()))
    cfg["scale"]["mean"][0] = 5.0
    yield


@replayed
def environment(cap):
    os.environ["STATE_OF_MINE"] = "2"
    try:
        yield cap(lambda x: x * float(os.environ["STATE_OF_MINE"]))
        os.environ["STATE_OF_MINE"] = "5"
        yield
    finally:
        del os.environ["STATE_OF_MINE"]


@replayed
def environment_by_default(cap):
    os.environ.pop("STATE_OF_MINE", None)
    try:
        yield cap(lambda x: x * float(os.getenv("STATE_OF_MINE", "2")))
        os.environ["STATE_OF_MINE"] = "5"
        yield
    finally:
        os.environ.pop("STATE_OF_MINE", None)


@replayed
def environment_contains(cap):
    try:
        yield cap(lambda x: x * 2 if "STATE_OF_MINE" in os.environ else x)
        os.environ["STATE_OF_MINE"] = ""
        yield
    finally:
        os.environ.pop("STATE_OF_MINE", None)


@replayed
def big_integers(cap):
    n = 10**30
    yield cap(lambda x: x * (n % 7))
    n = 10**30 + 1
    yield


@replayed
def equal_numbers_of_other_types(cap):
    k = 2
    yield cap(lambda x: (x.long() * k).to(wg.float64) + isinstance(k, bool))
    k = 2.0
    yield
    k = True
    yield
    k = 1
    yield


@replayed
def signed_zeros_and_nans(cap):
    cfg = {"k": 0.0}
    yield cap(lambda x: x / cfg["k"])
    cfg["k"] = -0.0
    yield
    cfg["k"] = 3.0
    yield
    cfg["k"] = float("nan")
    yield


@replayed
def decimals_and_fractions(cap):
    d, q = Decimal("2.5"), Fraction(1, 2)
    yield cap(lambda x: x * float(d) + float(q))
    d = Decimal("5.5")
    yield
    q = Fraction(3, 2)
    yield


@replayed
def complex_number(cap):
    c = 2 + 1j
    yield cap(lambda x: x * c.real + c.imag)
    c = 2 - 1j
    yield


@replayed
def ranges_and_slices(cap):
    r, s = range(3), slice(0, 1)
    yield cap(lambda x: x[s].sum() * x * len(r) + sum(r))
    r = range(5)
    yield
    s = slice(0, 2)
    yield


@replayed
def tuple_with_a_list_inside(cap):
    t = ((1.0, [2.0]), {"k": [3.0]})
    yield cap(lambda x: x * t[0][1][0] + sum(t[1]["k"]))
    t[0][1][0] = 5.0
    yield
    t[1]["k"].append(1.0)
    yield


@replayed
def text_and_bytes(cap):
    act, code = "relu", b"ab"
    yield cap(lambda x: getattr(wg, act)(x) * code[0])
    act = "tanh"
    yield
    code = b"bb"
    yield
