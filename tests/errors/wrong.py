"""Wrong arguments of every kind, as text that makes them anew for each call."""

from __future__ import annotations

import decimal
import fractions
import itertools
import pathlib
from typing import Any

import numpy as np

import wengert as wg

DTYPES = ("float32", "float64", "int64", "int32", "uint8", "bool")


def t(dtype: str, *shape: int, grad: bool = False) -> wg.Tensor:
    """1, 2, 3, ... of that shape; bools alternate."""
    count = int(np.prod(shape))
    values = np.arange(1, count + 1).reshape(shape)
    made = wg.from_numpy((values % 2).astype("bool") if dtype == "bool" else values.astype(dtype))
    return made.requires_grad_() if grad else made


def all_of(value: float, dtype: str = "float32") -> wg.Tensor:
    return wg.full((2, 3), value, dtype=getattr(wg, dtype))


# ---- objects that break their promises


class Raises:
    """Every protocol that a conversion may ask raises."""

    def _raise(self, *args: object) -> Any:
        raise KeyError("asked")

    __index__ = __int__ = __float__ = __bool__ = __len__ = __iter__ = __getitem__ = _raise
    __array__ = __eq__ = __str__ = __repr__ = __hash__ = __call__ = _raise  # type: ignore
    dtype = type = shape = property(_raise)


class Lies:
    """Conversions give something else, and the length is not that of the items."""

    dtype = shape = "no"

    def __index__(self) -> Any:
        return "1"

    def __float__(self) -> Any:
        return "1"

    def __len__(self) -> int:
        return 5

    def __getitem__(self, i: int) -> int:
        if i > 1:
            raise IndexError(i)
        return i


class Longer(Lies):
    def __len__(self) -> int:
        return 2**62


class NegativeLength(Lies):
    def __len__(self) -> int:
        return -1


class Empties:
    """A number that empties the list it stands in when it is asked for its value."""

    def __init__(self, holder: list) -> None:
        self.holder = holder

    def __index__(self) -> int:
        self.holder.clear()
        return 1

    def __float__(self) -> float:
        return float(self.__index__())


class Listed(list):
    """A list whose iteration raises."""

    def __iter__(self) -> Any:
        raise KeyError("asked")


class MyTensor(wg.Tensor):
    pass


def emptied(*before: Any) -> list:
    made: list = [*before]
    made += [Empties(made), 1, 2, 3]
    return made


def within_itself() -> list:
    made: list = []
    made.append(made)
    return made


def deep(levels: int) -> Any:
    made: Any = 1
    for _ in range(levels):
        made = [made]
    return made


def recorded() -> wg.Tensor:
    return t("float32", 2, 3, grad=True) * 2


def used() -> wg.Tensor:
    """Its graph has been freed."""
    loss = (t("float32", 2, 3, grad=True) ** 2).sum()
    loss.backward()
    return loss


def inference() -> wg.Tensor:
    with wg.inference_mode():
        return t("float32", 2, 3) + 1


# ---- the values

TENSORS = [f"t({dtype!r}, 2, 3)" for dtype in DTYPES] + [
    "t('float32')",
    "t('float64')",
    "t('int64')",
    "t('bool')",
    "t('float32', 1)",
    "t('float32', 3)",
    "t('int64', 3)",
    "t('uint8', 3)",
    "t('float32', 3, 2)",
    "t('float32', 2, 3, 4)",
    "t('float64', 2, 2, 3, 4)",
    "t('float32', 0)",
    "t('int64', 0)",
    "t('float32', 0, 3)",
    "t('float32', 2, 0)",
    "t('float32', *[1] * 16)",
    "t('float32', 2, 3, grad=True)",
    "t('float32', grad=True)",
    "t('float32', 3, 2).t()",
    "t('float32', 3).expand(2, 3)",
    "t('int64', 1).expand(2, 3)",
    "t('float32', 4, 6)[1::2, ::2]",
    "recorded()",
    "used()",
    "inference()",
    "all_of(np.nan)",
    "all_of(np.inf)",
    "all_of(-1.0)",
    "all_of(-1, 'int64')",
    "all_of(2**63 - 1, 'int64')",
    "all_of(-(2**63), 'int64')",
    "all_of(-(2**31), 'int32')",
    "MyTensor([1.0, 2.0])",
    "wg.nn.Parameter(t('float32', 2, 3))",
]

NUMBERS = [
    "True",
    "0",
    "1",
    "-1",
    "2",
    "7",
    "-17",
    "-(2**31)",
    "2**31",
    "10**8",
    "2**63 - 1",
    "-(2**63)",
    "2**63",
    "10**30",
    "0.5",
    "-1.5",
    "np.nan",
    "np.inf",
    "-np.inf",
    "1e300",
    "1j",
    "decimal.Decimal(1)",
    "fractions.Fraction(1, 2)",
    "np.float64(0.5)",
    "np.int64(-1)",
    "np.uint64(2**64 - 1)",
    "np.bool_(True)",
    "np.complex64(1j)",
    "np.datetime64('2020-01-01')",
]

TEXTS = [
    "''",
    "'mean'",
    "'cpu'",
    "'no such'",
    "'\\0'",
    "'\\ud800'",
    "b''",
    "b'abc'",
    "bytearray(8)",
]

LISTS = [
    "[]",
    "()",
    "[1]",
    "(2, 3)",
    "[-1]",
    "[0, 0]",
    "[2, -1, -1]",
    "[1.5]",
    "[1, None]",
    "[None]",
    "[2**63]",
    "[2**40, 2**40]",
    "[-(2**63), 2**63 - 1]",
    "[1] * 17",
    "[True]",
    "['a']",
    "[[1, 2], [3]]",
    "[[1, 2], 3]",
    "[[], [1]]",
    "[t('float32', 2, 3), None]",
    "[None, t('float32', 2, 3)]",
    "(t('float32', 2, 3), 1)",
    "[t('float32', 2, 3), 'a']",
    "[t('float32', 2, 3), t('int64', 3)]",
    "[t('float32', 2, 3)] * 2",
    "[t('int64', 2), t('int64', 2)]",
    "[t('float32', 2, 3, grad=True), None]",
    "[[t('float32', 2, 3)], [None]]",
    "[t('float32', 2, 3)] * 40",
    "{'a': t('float32', 2), 'b': None}",
    "emptied()",
    "emptied(1)",
    "emptied(t('float32', 1))",
    "[emptied()]",
    "within_itself()",
    "deep(40)",
    "Listed([1, 2])",
    "range(3)",
    "{1, 2}",
    "{}",
    "{'a': 1}",
    "iter([1])",
    "(i for i in [t('float32', 1), None])",
    "itertools.repeat(None, 2)",
    "np.array([1, 2])",
    "np.array([[1.0], [2.0]], 'float16')",
    "np.array([1j])",
    "np.array([None, 1])",
    "np.array(['a'])",
    "np.zeros((0, 3), 'float32')",
    "np.zeros(3, '>f4')",
    "np.arange(6.0)[::-1]",
    "np.zeros((2, 3), 'float32').T",
    "np.frombuffer(bytes(9), 'uint8')[1:].view('float32')",
    "np.zeros(2, 'i4,f8')['f1']",
    "np.zeros([1] * 20)",
    "memoryview(b'abc')",
]

OBJECTS = [
    "None",
    "...",
    "object()",
    "Raises()",
    "Lies()",
    "Longer()",
    "NegativeLength()",
    "[Raises()]",
    "[Lies()]",
    "[Longer()]",
    "int",
    "float",
    "wg.Tensor",
    "wg.float32",
    "wg.int64",
    "wg.bool",
    "np.float32",
    "np.dtype('float32')",
    "slice(None)",
    "slice(None, None, -1)",
    "slice(None, None, 0)",
    "slice('a', 2**70)",
    "(slice(None), None, ..., 0)",
    "(..., ...)",
    "(t('int64', 2), t('bool', 3))",
    "wg.Generator()",
    "wg.device('cpu')",
    "wg.Size([2, 3])",
    "wg.add",
    "wg.relu",
    "wg.Tensor.add_",
    "wg.nn.functional.relu",
    "wg.nn.Linear(3, 2)",
    "wg.nn.Linear(3, 2).parameters()",
    "wg.optim.SGD([t('float32', 2, grad=True)], lr=0.1)",
    "lambda *args: None",
    "lambda *args: args",
    "lambda x: x * 2",
    "len",
    "pathlib.Path('nowhere')",
    "wg",
    "NotImplemented",
]

ALL = [*TENSORS, *NUMBERS, *TEXTS, *LISTS, *OBJECTS]

_NAMES = dict(globals(), decimal=decimal, fractions=fractions, itertools=itertools, pathlib=pathlib)
_MAKERS = {text: eval(f"lambda: {text}", _NAMES) for text in ALL}


def make(text: str) -> Any:
    """The value that one of these texts stands for."""
    return _MAKERS[text]()
