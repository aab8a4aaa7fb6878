"""What the standard asks to be an error, and what cannot be done; gradients through it all."""

import numpy as np
import pytest

import wengert as wg
from wengert import array_api as xp
from wengert.autograd import gradcheck

F = wg.arange(6.0).reshape(2, 3)
B = F > 2

WRONG = [
    (lambda: xp.sin([1.0]), TypeError, "sin: an array"),
    (lambda: xp.sin(np.ones(2)), TypeError, "sin: an array"),
    (lambda: xp.add(1, 2), TypeError, "add: an array"),
    (lambda: xp.add(F, "a"), TypeError, "add"),
    (lambda: xp.add(F, 1j), TypeError, "complex"),
    (lambda: xp.add(F, np.ones(3)), TypeError, "add"),
    (lambda: xp.sum([1.0]), TypeError, "sum"),
    (lambda: xp.sum(F, 0), TypeError, "positional"),
    (lambda: xp.sum(x=F), TypeError, "positional"),
    (lambda: xp.sum(F, axis=2), IndexError, "axis 2"),
    (lambda: xp.sum(F, axis=(0, 0)), IndexError, "twice"),
    (lambda: xp.sum(F, axis="0"), TypeError, "axis"),
    (lambda: xp.max(F[:0]), ValueError, "size 0"),
    (lambda: xp.argmin(F[:0], axis=0), ValueError, "size 0"),
    (lambda: xp.asarray([1j]), TypeError, "complex"),
    (lambda: xp.asarray(1j), TypeError, "complex"),
    (lambda: xp.asarray(np.array([1j])), TypeError, "complex128"),
    (lambda: xp.asarray(np.ones(2, "uint16")), TypeError, "uint16"),
    (lambda: xp.asarray([1, 2], copy=False), ValueError, "copied"),
    (lambda: xp.asarray(F, dtype=xp.int8, copy=False), ValueError, "int8"),
    (lambda: xp.asarray(np.arange(3)[::-1], copy=False), ValueError, "order"),
    (lambda: xp.asarray(np.broadcast_to(1.0, (3,)), copy=False), ValueError, "read-only"),
    (lambda: xp.asarray([1], device="cuda"), RuntimeError, "CPU only"),
    (lambda: xp.zeros("3"), TypeError, "shape"),
    (lambda: xp.zeros((2, 1.5)), TypeError, "shape"),
    (lambda: xp.full(2, 1j), TypeError, "complex"),
    (lambda: xp.arange(1, 2, 0), ValueError, "step"),
    (lambda: xp.linspace(0, 1, -1), ValueError, "num"),
    (lambda: xp.meshgrid(F), ValueError, "one dimension"),
    (lambda: xp.meshgrid(F[0], indexing="yx"), ValueError, "yx"),
    (lambda: xp.tril(F[0]), ValueError, "2 dimensions"),
    (lambda: xp.from_dlpack(3), TypeError, "__dlpack__"),
    (lambda: xp.broadcast_to(F, (2,)), ValueError, "broadcast"),
    (lambda: xp.broadcast_arrays(F, F[:, :2]), ValueError, "."),
    (lambda: xp.concat([]), ValueError, "at least one"),
    (lambda: xp.concat([F, F[0]]), ValueError, "dimensions"),
    (lambda: xp.concat([F, F], axis=2), IndexError, "axis 2"),
    (lambda: xp.stack([F, F[0]]), RuntimeError, "."),
    (lambda: xp.expand_dims(F, axis=4), IndexError, "axis 4"),
    (lambda: xp.squeeze(F, axis=0), ValueError, "size 1"),
    (lambda: xp.squeeze(F, axis=3), IndexError, "axis 3"),
    (lambda: xp.flip(F, axis=2), IndexError, "axis 2"),
    (lambda: xp.matrix_transpose(F[0]), ValueError, "2 dimensions"),
    (lambda: xp.reshape(F.mT, (6,), copy=False), ValueError, "copy=False"),
    (lambda: xp.take(F, xp.asarray([0])), ValueError, "axis"),
    (lambda: xp.take(F, xp.asarray([3]), axis=1), IndexError, "."),
    (lambda: xp.nonzero(xp.asarray(1)), ValueError, "0 dimensions"),
    (lambda: xp.searchsorted(F, F), ValueError, "1 dimension"),
    (lambda: xp.searchsorted(F[0], F, side="up"), ValueError, "up"),
    (lambda: xp.cumulative_sum(F), ValueError, "axis"),
    (lambda: xp.matmul(F, 2), TypeError, "matmul"),
    (lambda: xp.matmul(F, F), RuntimeError, "."),
    (lambda: xp.vecdot(F, F[:, :1]), ValueError, "elements"),
    (lambda: xp.vecdot(F, F[0], axis=-2), IndexError, "axis -2"),
    (lambda: xp.tensordot(F, F.mT), ValueError, "differ"),
    (lambda: xp.linalg.cross(F[:, :2], F[:, :2]), ValueError, "3"),
    (lambda: xp.linalg.outer(F, F[0]), ValueError, "vectors"),
    (lambda: xp.linalg.qr(F, mode="raw"), ValueError, "raw"),
    (lambda: xp.linalg.inv(xp.zeros((2, 2))), wg.linalg.LinAlgError, "."),
    (lambda: F.to_device("cuda"), RuntimeError, "CPU only"),
    (lambda: F.to_device(None), TypeError, "device"),
    (lambda: F.to_device("cpu", stream=1), ValueError, "stream"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_errors(number):
    call, error, words = WRONG[number]
    with pytest.raises(error, match=words):
        call()


def test_copies():
    array = np.arange(3.0)
    assert xp.asarray(array).data_ptr() == array.ctypes.data
    assert xp.asarray(array, copy=False).data_ptr() == array.ctypes.data
    assert xp.asarray(array, copy=True).data_ptr() != array.ctypes.data
    frozen = np.broadcast_to(2.0, (3,))
    assert xp.asarray(frozen).tolist() == [2.0] * 3
    x = wg.ones(3)
    assert xp.asarray(x) is x and xp.asarray(x, copy=True).data_ptr() != x.data_ptr()
    assert xp.astype(x, x.dtype).data_ptr() != x.data_ptr()
    assert xp.reshape(x, (3, 1)).data_ptr() == x.data_ptr()
    assert xp.reshape(x, (3, 1), copy=True).data_ptr() != x.data_ptr()
    for same in (xp.sum(x, axis=()), xp.clip(x), xp.prod(x, axis=()), xp.mean(x, axis=())):
        assert same.data_ptr() != x.data_ptr() and same.tolist() == x.tolist()


def test_default_dtype():
    assert xp.asarray([1.0]).dtype is xp.zeros(1).dtype is xp.linspace(0, 1, 2).dtype is wg.float32
    assert xp.mean(xp.asarray([1, 2])).dtype is wg.float32
    assert xp.divide(xp.asarray([1]), 2).dtype is wg.float32
    assert xp.sum(xp.ones(2, dtype=xp.uint8)).dtype is wg.int64


def test_gradients():
    def of(x, y):
        z = xp.clip(xp.multiply(xp.sign(x) + xp.tanh(x), y), -2, 2)
        z = xp.concat([z, xp.remainder(x, 2.0)], axis=-1)
        z = xp.where(z > 0, z, 0.5 * z) + xp.std(x, axis=-1, keepdims=True, correction=1)
        taken = xp.take(z, xp.asarray([0, -1]), axis=1)
        return xp.vecdot(z, z), xp.linalg.vector_norm(taken, axis=1), xp.sum(xp.sort(z), axis=0)

    x = wg.randn(2, 3, dtype=wg.float64, requires_grad=True)
    y = wg.rand(3, dtype=wg.float64, requires_grad=True)
    assert gradcheck(of, (x, y))
