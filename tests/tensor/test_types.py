"""FloatTensor, LongTensor and so on: types of tensors by their dtype."""

import pickle

import pytest

import wengert as wg

TYPES = {
    "FloatTensor": wg.float32, "DoubleTensor": wg.float64, "HalfTensor": wg.float16,
    "BFloat16Tensor": wg.bfloat16, "ByteTensor": wg.uint8, "CharTensor": wg.int8,
    "ShortTensor": wg.int16, "IntTensor": wg.int32, "LongTensor": wg.int64, "BoolTensor": wg.bool,
}  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_types_are_those_of_their_dtype(name):
    kind, dtype = getattr(wg, name), TYPES[name]
    x = wg.tensor([0.0, 1.0], dtype=wg.float64).type(kind)
    assert x.dtype == kind.dtype == dtype and x.tolist() == [0, 1]
    assert x.type() == f"wengert.{name}" and x.type(f"torch.{name}") is x.type(kind) is x
    assert isinstance(x, kind) and not isinstance([0, 1], kind)
    assert [other for other in TYPES if isinstance(x, getattr(wg, other))] == [name]
    assert isinstance(kind([1, 0]), kind) and kind(2, 3).shape == (2, 3) and kind().shape == (0,)
    assert pickle.loads(pickle.dumps(kind)) is kind and repr(kind) == f"<class 'wengert.{name}'>"
    assert isinstance(None, kind | None) and not kind.is_cuda


def test_tensor_is_the_default_type():
    assert wg.ones(2, dtype=wg.int64).type(wg.Tensor).dtype == wg.float32
    wg.set_default_tensor_type(wg.DoubleTensor)
    assert wg.ones(2).type(wg.Tensor).dtype == wg.ones(1).dtype == wg.float64
    with pytest.raises(TypeError, match="dtype expected"):
        wg.ones(2).type(3)
    with pytest.raises(TypeError, match="dtype"):
        wg.ones(2, dtype=wg.FloatTensor)
