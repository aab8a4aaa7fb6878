"""What the standard asks of arrays, and how memory passes to other libraries: DLPack, buffers."""

import ctypes

import numpy as np
import pytest

import wengert as wg
from tests.array_api import standard
from tests.conftest import torch
from wengert.utils import dlpack

DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
versioned = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="NumPy knows no versions"
)


def test_attributes():
    x = wg.arange(6.0).reshape(2, 3)
    assert not [name for name in standard.ARRAY if not hasattr(x, name)]
    assert (x.ndim, tuple(x.shape), x.dtype, x.device) == (2, (2, 3), wg.float32, wg.device("cpu"))
    assert x.to_device("cpu") is x and x.to_device(x.device) is x
    assert x.mT.shape == (3, 2) == x.T.shape
    assert complex(wg.tensor(2.5)) == 2.5 + 0j and [10, 20][wg.tensor(1)] == 20
    with pytest.raises(TypeError):
        [10, 20][wg.tensor(1.0)]


OPERATIONS = """
2 + x; x - 2; 2 - x; 2.5 * x; 2 / x; x / 2; 7 // x; x // 2; 7 % x; x % 2; 2 ** x; x ** 2;
-x; +x; abs(x); x < 2; 2 <= x; x == 4; x != 4; x > 1; 1 >= x; n & 3; 3 & n; n | 8; 8 | n;
n ^ 1; 1 ^ n; n << 2; 1 << n; n >> 1; 64 >> n; ~n; x @ x; 3 - n; n * 2
"""


def test_operators_take_numbers_on_both_sides():
    x = wg.tensor([1.0, -2.5, 4.0], dtype=wg.float64)
    n = wg.tensor([1, 2, 5])
    a, m = x.numpy(), n.numpy()
    for text in OPERATIONS.split(";"):
        found = eval(text.strip(), {"x": x, "n": n})
        expected = eval(text.strip(), {"x": a, "n": m})
        assert str(found.dtype) == f"wengert.{expected.dtype}", text
        np.testing.assert_allclose(found.numpy(), expected, err_msg=text)


# ---- DLPack ------------------------------------------------------------------------------------


def kind_of(capsule):
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return name(capsule).decode()


def flags_of(capsule):
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = pointer(capsule, b"dltensor_versioned")
    return ctypes.c_uint64.from_address(address + 24).value


class Wrapped:
    """The protocol, without methods of an array."""

    def __init__(self, array, device=(1, 0)):
        self.array, self.device, self.asked = array, device, []

    def __dlpack__(self, **options):
        self.asked.append(options)
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device


class Old(Wrapped):
    def __dlpack__(self):
        return self.array.__dlpack__()


@pytest.mark.parametrize("name", DTYPES)
def test_shares_memory_both_ways(name):
    x = wg.ones(3, dtype=getattr(wg, name))
    array = np.from_dlpack(x)
    assert array.dtype == name and array.ctypes.data == x.data_ptr()
    back = wg.from_dlpack(array.copy())
    assert back.dtype is x.dtype and back.tolist() == x.tolist()
    y = wg.from_dlpack(Wrapped(x))
    assert y.data_ptr() == x.data_ptr() and y.dtype is x.dtype


@versioned
def test_kinds_of_capsules():
    x = wg.ones(3)
    assert kind_of(x.__dlpack__()) == "dltensor"
    assert kind_of(x.__dlpack__(max_version=(0, 8))) == "dltensor"
    capsule = x.__dlpack__(max_version=(1, 1))
    assert kind_of(capsule) == "dltensor_versioned" and flags_of(capsule) & 1 == 0
    assert dlpack.from_dlpack(capsule).data_ptr() == x.data_ptr()
    assert kind_of(capsule) == "used_dltensor_versioned"
    with pytest.raises(TypeError, match="used up"):
        dlpack.from_dlpack(capsule)


def test_strides_and_empty():
    x = wg.arange(12.0).reshape(3, 4)
    for view in (x.T, x[:, 1], x[1:1], x[0, 0], x[::2, ::3]):
        y = wg.from_dlpack(Wrapped(view))
        assert y.shape == view.shape and y.tolist() == view.tolist()
        assert not view.numel() or y.data_ptr() == view.data_ptr()


def test_copies():
    x = wg.ones(3)
    capsule = x.__dlpack__(copy=True)
    assert dlpack.from_dlpack(capsule).data_ptr() != x.data_ptr()
    assert dlpack.from_dlpack(x.__dlpack__(copy=False)).data_ptr() == x.data_ptr()
    array = np.ones(3)
    assert wg.from_dlpack(array, copy=True).data_ptr() != array.ctypes.data
    assert wg.from_dlpack(array, device="cpu", copy=False).data_ptr() == array.ctypes.data
    assert wg.from_dlpack(x, copy=True).data_ptr() != x.data_ptr() == wg.from_dlpack(x).data_ptr()


@versioned
def test_read_only_memory_is_copied():
    array = np.ones(3)
    array.flags.writeable = False
    x = wg.from_dlpack(array)
    x[0] = 5
    assert array[0] == 1
    with pytest.raises(BufferError, match="read-only"):
        wg.from_dlpack(array, copy=False)


def test_memory_against_the_order_is_copied():
    array = np.arange(3.0)[::-1]
    assert wg.from_dlpack(array).tolist() == [2.0, 1.0, 0.0]


def test_what_is_refused():
    x = wg.ones(3, requires_grad=True)
    with pytest.raises(BufferError, match="require gradient"):
        x.__dlpack__()
    x = x.detach()
    with pytest.raises(BufferError, match="CPU"):
        x.__dlpack__(dl_device=(2, 0))
    with pytest.raises(ValueError, match="stream"):
        x.__dlpack__(stream=1)
    for wrong in (3, "capsule", None, [1.0]):
        with pytest.raises(TypeError, match="from_dlpack"):
            wg.from_dlpack(wrong)
    with pytest.raises(BufferError, match="device of kind 2"):
        wg.from_dlpack(Old(x, device=(2, 0)))
    with pytest.raises(TypeError, match="uint16"):
        wg.from_dlpack(np.ones(2, "uint16"))
    with pytest.raises(RuntimeError, match="CPU only"):
        wg.from_dlpack(x, device="cuda")


def test_other_devices_are_asked_for_a_copy():
    source = Wrapped(wg.ones(3), device=(2, 0))
    assert wg.from_dlpack(source).tolist() == [1.0] * 3
    assert source.asked == [{"dl_device": (1, 0), "max_version": (1, 0), "copy": None}]


def test_an_older_library():
    x = wg.ones(3)
    assert wg.from_dlpack(Old(x)).data_ptr() == x.data_ptr()


def test_bfloat16():
    x = wg.tensor([1.5, -2.0], dtype=wg.bfloat16)
    y = wg.from_dlpack(Wrapped(x))
    assert y.dtype is wg.bfloat16 and y.data_ptr() == x.data_ptr() and y.tolist() == [1.5, -2.0]
    with pytest.raises((BufferError, RuntimeError)):
        np.from_dlpack(x)


@pytest.mark.skipif(torch is None, reason="torch is not installed")
@pytest.mark.parametrize("name", [*DTYPES, "bfloat16"])
def test_torch(name):
    x = wg.ones(2, 3, dtype=getattr(wg, name))
    theirs = torch.from_dlpack(x)
    assert theirs.data_ptr() == x.data_ptr() and str(theirs.dtype) == f"torch.{name}"
    ours = wg.from_dlpack(theirs)
    assert ours.data_ptr() == x.data_ptr() and ours.dtype is x.dtype
    assert wg.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(theirs)).dtype is x.dtype


# ---- NumPy -------------------------------------------------------------------------------------


def test_array():
    x = wg.ones(3)
    assert x.__array__().ctypes.data == x.__array__(copy=False).ctypes.data == x.data_ptr()
    assert x.__array__(copy=True).ctypes.data != x.data_ptr()
    assert x.__array__("float64").dtype == x.__array__(np.float64, copy=True).dtype == "float64"
    assert x.__array__("float32").ctypes.data == x.data_ptr()
    with pytest.raises(ValueError, match="copy=False"):
        x.__array__("float64", copy=False)
    with pytest.raises(RuntimeError, match="grad"):
        np.asarray(x.clone().requires_grad_())
    with pytest.raises(TypeError, match="BFloat16"):
        np.asarray(x.bfloat16())


def test_arrays_on_the_left():
    x = wg.arange(3.0)
    product = np.full(3, 2.0) * x
    assert isinstance(product, wg.Tensor) and product.tolist() == [0.0, 2.0, 4.0]
    assert x.__array_priority__ > np.ones(1).__array_priority__


@pytest.mark.parametrize("name", DTYPES)
def test_buffer(name):
    x = wg.ones(2, 3, dtype=getattr(wg, name))
    view = memoryview(x)
    assert view.shape == (2, 3) and not view.readonly and view.nbytes == x.numel() * x.itemsize
    assert np.asarray(view).dtype == name
    assert np.asarray(view).ctypes.data == x.data_ptr()
    assert memoryview(x.T).strides == (view.strides[1], view.strides[0])
