"""Small value types of the API: device, finfo, iinfo, layouts; and their place in ``_native``."""

from __future__ import annotations

import numpy as np

from . import _native


def _name(obj: object) -> str:
    return type(obj).__name__


#: The kinds of devices that PyTorch names.
_KINDS = frozenset(
    ("cpu", "cuda", "fpga", "hip", "hpu", "ideep", "ipu", "lazy", "maia", "meta", "mkldnn", "mps",
     "mtia", "opencl", "opengl", "privateuseone", "ve", "vulkan", "xla", "xpu")
)  # fmt: skip


class device:
    """Where a tensor lives, which is `device('cpu')`.

    `device('cpu')`, `device('cpu', 0)` and `device('cpu:0')` are that device. Others, such as
    `device('cuda')`, can be named and compared, and whatever would use one is a RuntimeError.
    Instances compare equal by type and index, and are hashable.
    """

    __slots__ = ("_before", "index", "type")
    index: int | None
    type: str

    def __init__(self, type: object = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            index = type.index
            type = type.type
        if not isinstance(type, str):
            raise TypeError(f"device(): argument 'type' must be str, not {_name(type)}")
        kind, _, number = type.partition(":")
        if kind not in _KINDS:
            raise RuntimeError(
                f"Expected one of {', '.join(sorted(_KINDS))} device type at start of device "
                f"string: {kind}"
            )
        if number:
            if not number.isdecimal():
                raise RuntimeError(f"Invalid device string: '{type}'")
            index = int(number)
        if index is not None and index < 0:
            raise RuntimeError(f"Device index must not be negative, got {index}")
        self.type = kind
        self.index = index

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (
            ")" if self.index is None else f", index={self.index})"
        )

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> tuple[object, ...]:
        return device, (self.type, self.index)

    def __enter__(self) -> device:
        """A block whose tensors are made on this device, where all are; see Note [meta]."""
        if self.type == "meta":
            generator = _native.default_generator
            self._before = vars(_native.Tensor)["device"], generator.get_state()
            _set_device(_Meta("meta"))
        else:
            on_cpu(self)
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing was changed."""
        if self.type == "meta":
            _set_device(self._before[0])
            _native.default_generator.set_state(self._before[1])


class _Meta(device):
    """What tensors call their device in a block of the device 'meta'.

    Note [meta]
    ~~~~~~~~~~~
    In PyTorch tensors of the device 'meta' have no memory. Libraries build a network in a block of
    that device, with little time and no random numbers drawn, to fill it with what a file has. Here
    its tensors are ordinary ones, and the generator is left as it was. In the block all tensors
    call their device 'meta', as libraries ask for it to skip what concerns values; whatever takes a
    device takes this one, which prints as what it is.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return "cpu"


def _set_device(value: device) -> None:
    setattr(_native.Tensor, "device", value)  # noqa: B010  to a type checker it is a property


def on_cpu(where: object) -> None:
    """RuntimeError if a device, or the name of one, is not the CPU."""
    if device(where).type != "cpu" and not isinstance(where, _Meta):
        raise RuntimeError(
            f"wengert computes on the CPU only: expected device 'cpu', got '{where}'"
        )


class _Named:
    """A constant that prints as its name: layouts and memory formats."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"wengert.{self._name}"

    def __reduce__(self) -> str:
        return self._name


class layout(_Named):
    """How elements are arranged; only ``strided`` exists."""


class memory_format(_Named):
    """How the dimensions of a tensor lie in memory: in order, or an image's channels last."""


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")


def dtype_name(dtype: _native.dtype) -> str:
    """`float32` and the like."""
    return repr(dtype).rpartition(".")[2]


def numpy_dtype(dtype: _native.dtype) -> np.dtype:
    """The NumPy dtype of a wengert dtype; of bfloat16, which NumPy lacks, that of its bits."""
    return np.dtype("int16" if dtype is _native.bfloat16 else dtype_name(dtype))


def bits(tensor: _native.Tensor) -> np.ndarray:
    """A tensor's memory as an array of `numpy_dtype`."""
    return (tensor.view(_native.int16) if tensor.dtype is _native.bfloat16 else tensor).numpy()


def numbers(tensor: _native.Tensor) -> np.ndarray:
    """A tensor's elements as an array; of bfloat16 as float32."""
    return (tensor.float() if tensor.dtype is _native.bfloat16 else tensor).numpy()


def from_bits(array: np.ndarray, name: str) -> _native.Tensor:
    """The tensor of that dtype on the memory of such an array."""
    tensor = _native.from_numpy(array)
    return tensor.view(_native.bfloat16).detach() if name == "bfloat16" else tensor


#: eps, max and tiny of dtypes that are named only.
_EIGHT_BITS = {
    "float8_e4m3fn": (2.0**-3, 448.0, 2.0**-6),
    "float8_e4m3fnuz": (2.0**-3, 240.0, 2.0**-7),
    "float8_e5m2": (2.0**-2, 57344.0, 2.0**-14),
    "float8_e5m2fnuz": (2.0**-3, 57344.0, 2.0**-15),
    "float8_e8m0fnu": (1.0, 2.0**127, 2.0**-127),
}


class finfo:
    """The limits of a floating dtype: bits, eps, max, min, tiny, resolution.

    Defaults to the default dtype. TypeError for a dtype that is not floating.
    """

    def __init__(self, dtype: _native.dtype | None = None) -> None:
        dtype = dtype or _native.get_default_dtype()
        if not isinstance(dtype, _native.dtype):
            raise TypeError(f"finfo(): argument 'type' must be dtype, not {_name(dtype)}")
        if not dtype.is_floating_point:
            raise TypeError(
                f"finfo() requires a floating point input type, got {dtype}. Use iinfo to handle "
                "integer types"
            )
        self.dtype = dtype_name(dtype)
        self.bits = 8 * dtype.itemsize
        if self.dtype in _EIGHT_BITS:
            self.eps, self.max, self.tiny = _EIGHT_BITS[self.dtype]
            self.min, self.resolution = -self.max if dtype.is_signed else self.tiny, 1.0
        elif dtype is _native.bfloat16:  # as many bits of exponent as float32 has, 7 of fraction
            self.eps, self.resolution = 2.0**-7, 0.01
            self.max = (2 - self.eps) * 2.0**127
            self.min, self.tiny = -self.max, 2.0**-126
        else:
            info = np.finfo(numpy_dtype(dtype))
            self.eps, self.resolution = float(info.eps), 10.0**-info.precision
            self.max, self.min, self.tiny = float(info.max), float(info.min), float(info.tiny)
        self.smallest_normal = self.tiny

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, smallest_normal={self.tiny:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )


class iinfo:
    """The limits of an integral dtype: bits, max, min. TypeError for any other."""

    def __init__(self, dtype: _native.dtype) -> None:
        if not isinstance(dtype, _native.dtype):
            raise TypeError(f"iinfo(): argument 'type' must be dtype, not {_name(dtype)}")
        if dtype.is_floating_point or dtype is _native.bool:
            raise TypeError(
                f"iinfo() requires an integer input type, got {dtype}. Use finfo to handle "
                "floating point types"
            )
        info = np.iinfo(numpy_dtype(dtype))
        self.dtype = str(info.dtype)
        self.bits, self.max, self.min = int(info.bits), int(info.max), int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


cpu = device("cpu")

_native.device = device  # type: ignore[misc]
