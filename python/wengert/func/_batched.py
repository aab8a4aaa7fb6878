"""Tensors with a dimension that the function of a `vmap` does not see, and calls of functions.

Note [batched tensors]
~~~~~~~~~~~~~~~~~~~~~~
`vmap` calls the function once, with a `Batched` in place of each tensor it maps over: all slices in
one tensor, its `value`, along dimension 0, and the `Vmap` whose dimension that is. A nested `vmap`
has `Batched` values in its own. A `Batched` says that it is a tensor and is none, so that native
code that is no function of ours and is given one raises a TypeError; it can never take the
hidden dimension for one of the function's.

A native function or method that finds a `Batched` among its arguments comes here instead, and so
does one that draws random numbers where a `vmap` runs (bind/call/ask.h): `call` finds the
innermost `Vmap` among the arguments, and that function's rule (`_rules.py` and others), which says
the same of whole values. A function without one is called for each slice and its results are
stacked, with a warning once. So is one whose rule does not cover the arguments and raises
`Unruled`.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias, cast

from .. import _native, _pytree
from .._typing import Args, Kwargs, UserFunction
from ..autograd import pushing

Tensor = _native.Tensor
Rule: TypeAlias = Callable[..., object]

#: By the name of a function: what it is of whole values.
RULES: dict[str, Rule] = {}
#: Functions that draw random numbers, which ask the vmap how.
DRAWS: dict[str, Rule] = {}


class Unruled(Exception):
    """A rule does not cover these arguments: the loop does."""


def drawn() -> Tensor | None:
    """The state of the generator, to tell whether a function draws by a way that asks nobody.

    None where that cannot be told: while a function is captured, which may ask for no value, and
    where other threads run, which may draw as well.
    """
    if _native._is_capturing() or threading.active_count() > 1:
        return None
    return _native._thread_generator().get_state()


class Vmap:
    """One dimension that is mapped over."""

    def __init__(self, size: int, randomness: str) -> None:
        self.size, self.randomness, self.alive = size, randomness, True
        #: The state of the generator as far as draws were asked about.
        self.drawn = drawn()

    def check(self) -> None:
        if not self.alive:
            raise RuntimeError(
                "vmap: a tensor of its function is used after it has returned; let the function "
                "return what is needed of it"
            )


_state = threading.local()


def active() -> list[Vmap]:
    """What runs in this thread, the innermost last."""
    found = getattr(_state, "levels", None)
    if found is None:
        found = _state.levels = []
    return cast("list[Vmap]", found)


@contextmanager
def standing_in(levels: list[Vmap]) -> Iterator[None]:
    """A block in which these run and no others."""
    before = active()
    _state.levels = levels
    _native._set_in_vmap(bool(levels))
    try:
        yield
    finally:
        _state.levels = before
        _native._set_in_vmap(bool(before))


def top_of(args: Sequence[object], kwargs: Kwargs) -> Vmap | None:
    """The innermost of the arguments' vmaps."""
    found: list[Vmap] = []
    for arg in (*args, *kwargs.values()) if kwargs else args:
        if type(arg) is Batched:
            found.append(arg.level)
        elif type(arg) is tuple or type(arg) is list:
            found += [x.level for x in arg if type(x) is Batched]
    if not found:
        return None
    for level in found:
        level.check()
    if len(found) == 1:
        return found[0]
    order = {id(level): i for i, level in enumerate(active())}
    return max(found, key=lambda level: order.get(id(level), -1))


class Batched:
    """A tensor as the function of a `vmap` sees it. See Note [batched tensors]."""

    __slots__ = ("level", "value")
    __array_ufunc__ = None

    def __init__(self, value: Tensor, level: Vmap) -> None:
        self.value, self.level = value, level

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return Tensor

    @property
    def shape(self) -> _native.Size:
        return _native.Size(tuple(self.value.shape)[1:])

    @property
    def ndim(self) -> int:
        return self.value.dim() - 1

    def dim(self) -> int:
        return self.value.dim() - 1

    ndimension = dim

    def size(self, dim: int | None = None) -> object:
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        return self.shape.numel()

    nelement = numel

    def stride(self, dim: int | None = None) -> object:
        strides = tuple(self.value.stride())[1:]
        return strides if dim is None else strides[dim]

    def __len__(self) -> int:
        if self.dim() == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator[object]:
        if self.dim() == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(cast("tuple[object, ...]", method("unbind", self)))

    def __repr__(self) -> str:
        return f"Batched(shape={tuple(self.shape)}, of {self.level.size}, {self.value.dtype})"

    __str__ = __repr__
    __hash__ = object.__hash__

    def detach(self) -> object:
        return Batched(self.value.detach(), self.level)

    def requires_grad_(self, requires_grad: bool = True) -> object:
        self.value.requires_grad_(requires_grad)
        return self

    def is_contiguous(self, *args: object, **kwargs: object) -> bool:
        return self.value.is_contiguous()

    def __format__(self, spec: str) -> str:
        return repr(self)


class Call:
    """A call of a function, of tensors of one vmap, as its rule sees it."""

    __slots__ = ("function", "level")

    def __init__(self, level: Vmap, function: UserFunction) -> None:
        self.level, self.function = level, function

    def is_mine(self, x: object) -> bool:
        """Whether it has the dimension of this vmap."""
        return type(x) is Batched and x.level is self.level

    def value(self, x: object) -> Tensor:
        """With the dimension in front; Unruled if it has none."""
        if not self.is_mine(x):
            raise Unruled
        return cast("Batched", x).value

    def full(self, x: object) -> Tensor:
        """With the dimension in front, repeated without memory of its own if it had none."""
        if self.is_mine(x):
            return cast("Batched", x).value
        if not isinstance(x, Tensor):
            raise Unruled
        return method("expand", x.unsqueeze(0), self.level.size, *x.shape)

    def rank(self, x: object) -> int:
        """How many dimensions the function sees."""
        return cast("Tensor", x).dim()

    def again(self, *args: object, **kwargs: object) -> Tensor:
        """The function of values."""
        return cast("Tensor", call(self.function, args, kwargs))

    def batched(self, value: object) -> object:
        """Results, whose first dimension is the vmap's, as the function sees them."""
        if isinstance(value, Tensor):
            return Batched(value, self.level)
        if isinstance(value, (tuple, list)):
            return rebuilt(value, [self.batched(x) for x in value])
        return value


def rebuilt(like: object, items: list[object]) -> object:
    """A tuple, named tuple or list as `like` with these items."""
    kind: UserFunction = type(like)
    return kind(*items) if hasattr(like, "_fields") else kind(items)


def call(function: UserFunction, args: Args, kwargs: Kwargs) -> object:
    """The function of arguments that may be batched."""
    name: str = function.__name__
    if name in DRAWS and active():
        return DRAWS[name](function, args, kwargs)
    level = top_of(args, kwargs)
    if level is None:
        return function(*args, **kwargs)
    if kwargs.get("out") is not None:
        raise RuntimeError(f"vmap: {name} with out= is not supported")
    made = Call(level, function)
    rule = RULES.get(name)
    if rule is None and name.endswith("_") and not name.endswith("__"):
        return changed(made, args, kwargs)
    if rule is not None:
        try:
            return rule(made, *args, **kwargs)
        except Unruled:
            pass
        except TypeError as error:  # of arguments that the rule does not have
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise
        if name.endswith("_") and not name.endswith("__"):
            return changed(made, args, kwargs)
    return loop(made, args, kwargs)


def by_name(name: str, *args: object, **kwargs: object) -> Tensor:
    """A function of the package by its name."""
    return cast("Tensor", call(getattr(_native, name), args, kwargs))


def method(name: str, x: object, *args: object, **kwargs: object) -> Tensor:
    """A method of a tensor by its name."""
    if type(x) is Batched:
        return cast("Tensor", getattr(x, name)(*args, **kwargs))
    return cast("Tensor", ORIGINALS[name](x, *args, **kwargs))


#: The methods of tensors.
ORIGINALS: dict[str, UserFunction] = {
    name: value for name, value in vars(Tensor).items() if callable(value)
}

# ---- without a rule --------------------------------------------------------------------------

_told: set[str] = set()


def tell(name: str) -> None:
    if name not in _told:
        _told.add(name)
        warnings.warn(
            f"vmap: no rule covers this call of {name}, which is made for each slice (said once)",
            stacklevel=5,
        )


def slice_of(x: object, level: Vmap, b: int) -> object:
    """The argument of slice `b`."""
    if type(x) is Batched and x.level is level:
        return method("select", x.value, 0, b)
    if type(x) in (tuple, list):
        return rebuilt(x, [slice_of(item, level, b) for item in cast("list[object]", x)])
    return x


def loop(made: Call, args: Args, kwargs: Kwargs, quiet: bool = False) -> object:
    """Calls the function for each slice and stacks what it gives."""
    level, name = made.level, made.function.__name__
    if not quiet:
        tell(name)
    if level.size == 0:
        raise RuntimeError(f"vmap: no rule covers this call of {name}, and there are no slices")
    results = []
    for b in range(level.size):
        own = tuple(slice_of(x, level, b) for x in args)
        named = {key: slice_of(x, level, b) for key, x in kwargs.items()}
        results.append(call(made.function, own, named))
    return _joined(results, made)


def by_slices(level: Vmap, function: UserFunction, *args: object) -> object:
    """A function of trees of tensors, called for each slice, its results stacked."""
    ends, spec = _pytree.tree_flatten(args)
    rows, found = [], spec
    for b in range(level.size):
        own = _pytree.tree_unflatten([slice_of(end, level, b) for end in ends], spec)
        results, found = _pytree.tree_flatten(function(*cast("tuple[object, ...]", own)))
        rows.append(results)
    if not rows:
        raise RuntimeError("vmap: no slices to call a recorded function for")
    made = Call(level, function)
    return _pytree.tree_unflatten([_joined(list(c), made) for c in zip(*rows, strict=True)], found)


def _of_vectors(function: UserFunction, vectors: Args) -> object | None:
    level = top_of(vectors, {})
    return None if level is None else by_slices(level, lambda *own: function(own), *vectors)


pushing.of_slices.append(_of_vectors)


def _joined(results: list[object], made: Call) -> object:
    first, name = results[0], made.function.__name__
    if isinstance(first, Tensor):
        shapes = {tuple(cast("Tensor", x).shape) for x in results}
        if len(shapes) > 1:
            raise RuntimeError(
                f"vmap: {name} gives results whose shape depends on the values: {sorted(shapes)}"
            )
        return made.batched(by_name("stack", results))
    if isinstance(first, (tuple, list)) and not isinstance(first, _native.Size):
        if any(len(cast("list[object]", x)) != len(first) for x in results):
            raise RuntimeError(f"vmap: {name} gives more results for some slices than for others")
        columns = zip(*cast("list[list[object]]", results), strict=True)
        return rebuilt(first, [_joined(list(column), made) for column in columns])
    if any(x != first for x in results):
        raise RuntimeError(f"vmap: {name} gives other values for some slices than for others")
    return first


def changed(made: Call, args: Args, kwargs: Kwargs) -> object:
    """An operation in place: the one that is not, copied into its tensor."""
    name, target = made.function.__name__, args[0]
    if not made.is_mine(target):
        raise RuntimeError(
            f"vmap: {name} would write a result for each slice into a tensor that is the same for "
            "all; use the operation that is not in place"
        )
    base = ORIGINALS.get(name[:-1]) or getattr(_native, name[:-1], None)
    if base is None:
        raise RuntimeError(f"vmap: {name} is not supported")
    into = cast("Tensor", target)
    rule = RULES.get(name[:-1])
    if getattr(rule, "__name__", "") == "pointwise":
        tensors = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        if max(x.dim() for x in tensors) == into.dim():
            rule(made, *args, **kwargs)  # type: ignore[misc]
            return target
    result = cast("Tensor", call(base, args, kwargs))
    if not isinstance(result, Tensor) or tuple(result.shape) != tuple(into.shape):
        raise RuntimeError(f"vmap: {name} would change the shape of a tensor in place")
    if _category(result.dtype) > _category(into.dtype):
        raise RuntimeError(
            f"result type {result.dtype} can't be cast to the desired output type {into.dtype}"
        )
    method("copy_", made.value(target), made.full(result))
    return target


def _category(dtype: _native.dtype) -> int:
    if dtype is _native.bool:
        return 0
    return 2 if dtype.is_floating_point else 1


# ---- levels of everything ---------------------------------------------------------------------


def everywhere(x: Tensor, levels: list[Vmap]) -> Tensor:
    """The tensor with the dimensions of all these, in their order; the outermost comes first."""
    if not levels:
        return x
    last = levels[-1]
    if type(x) is Batched and x.level is last:
        return cast("Tensor", Batched(everywhere(x.value, levels[:-1]), last))
    below = everywhere(x, levels[:-1])
    value = method("expand", below.unsqueeze(0), last.size, *below.shape)
    return cast("Tensor", Batched(value, last))


def physical(x: Tensor, levels: list[Vmap]) -> Tensor | None:
    """The plain tensor in one that has the dimensions of all these; None if it lacks one."""
    for level in reversed(levels):
        if type(x) is not Batched or x.level is not level:
            return None
        x = x.value
    return x


def wrapped(x: Tensor, levels: list[Vmap]) -> Tensor:
    """A plain tensor whose first dimensions are those of all these."""
    for level in levels:
        x = cast("Tensor", Batched(x, level))
    return x


def core(x: Tensor) -> tuple[Tensor, list[Vmap]]:
    """The plain tensor in one, and its levels, the outermost first."""
    levels: list[Vmap] = []
    while type(x) is Batched:
        levels.append(x.level)
        x = x.value
    return x, levels[::-1]


# ---- the methods of batched tensors -----------------------------------------------------------

#: What the values say of the slices too.
_SAME = (
    "dtype", "device", "layout", "requires_grad", "itemsize", "is_cpu", "is_cuda", "is_sparse",
    "is_quantized", "is_meta", "is_mps", "is_xpu", "is_nested",
)  # fmt: skip
_SAME_METHODS = ("element_size", "get_device", "is_complex", "is_floating_point", "is_signed")
#: What a function may not ask of tensors that are one for each slice.
_VALUES = {
    "__bool__": "data-dependent control flow: where() takes the place of if",
    "__int__": "a Python number of it", "__float__": "a Python number of it",
    "__index__": "a Python number of it", "__complex__": "a Python number of it", "item": "item()",
    "tolist": "tolist()", "numpy": "numpy()", "__array__": "an array of it",
    "__contains__": "whether it holds a value",
    "backward": "backward(): func.grad gives gradients of each slice",
    "data_ptr": "its memory", "equal": "equal()", "allclose": "allclose()",
    "__deepcopy__": "a deep copy", "__reduce_ex__": "to pickle it", "__dlpack__": "its memory",
    "apply_": "apply_()", "map_": "map_()", "register_hook": "register_hook()",
    "retain_grad": "retain_grad()", "share_memory_": "its memory", "set_": "its memory",
}  # fmt: skip
_OPERATORS = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide",
    "mod": "remainder", "pow": "pow", "matmul": "matmul", "and": "bitwise_and",
    "or": "bitwise_or", "xor": "bitwise_xor", "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
}  # fmt: skip
_COMPARED = ("eq", "ne", "lt", "le", "gt", "ge")


def _refusal(what: str) -> UserFunction:
    def refuse(self: Batched, *args: object, **kwargs: object) -> object:
        raise RuntimeError(f"vmap: a tensor that is another for each slice cannot give {what}")

    return refuse


def _forward(function: UserFunction) -> UserFunction:
    def forward(*args: object, **kwargs: object) -> object:
        return call(function, args, kwargs)

    forward.__name__ = function.__name__
    return forward


def _operator(function: UserFunction, swapped: bool) -> UserFunction:
    def operate(self: object, other: object) -> object:
        return call(function, (other, self) if swapped else (self, other), {})

    return operate


def _attribute(name: str) -> property:
    return property(lambda self: getattr(self.value, name))


def _pass(name: str) -> UserFunction:
    return lambda self, *args, **kwargs: getattr(self.value, name)(*args, **kwargs)


def _fill_in() -> None:
    """Gives Batched the attributes and methods of tensors."""
    made: dict[str, object] = {name: _attribute(name) for name in _SAME}
    made |= {name: _pass(name) for name in _SAME_METHODS}
    made |= {name: _refusal(what) for name, what in _VALUES.items()}
    for name, native in _OPERATORS.items():
        made[f"__{name}__"] = _operator(getattr(_native, native), False)
        made[f"__r{name}__"] = _operator(getattr(_native, native), True)
        in_place = ORIGINALS.get(f"{native}_")
        if in_place is not None:
            made[f"__i{name}__"] = _operator(in_place, False)
    for name in _COMPARED:
        made[f"__{name}__"] = _operator(getattr(_native, name), False)
    for name, native in (("neg", "neg"), ("abs", "abs"), ("invert", "bitwise_not")):
        made[f"__{name}__"] = _forward(ORIGINALS[native])
    made["__pos__"] = lambda self: self
    for name in ("T", "mT", "H", "mH"):
        made[name] = property(_forward(_TRANSPOSED[name]))
    made["data"] = property(lambda self: self.detach())
    made["real"] = property(lambda self: self)
    made["grad"] = property(lambda self: None)
    made["is_leaf"] = property(lambda self: self.value.is_leaf)
    made["grad_fn"] = property(lambda self: self.value.grad_fn)
    made |= {name: _forward(ORIGINALS[name]) for name in ("__getitem__", "__setitem__")}
    for name, value in ORIGINALS.items():
        if not name.startswith("_"):
            made.setdefault(name, _forward(value))
    for name, thing in made.items():
        if name not in vars(Batched):
            setattr(Batched, name, thing)


def _named(name: str) -> UserFunction:
    def transposed(x: Tensor) -> object:
        return getattr(x, name)

    transposed.__name__ = name
    return transposed


_TRANSPOSED = {name: _named(name) for name in ("T", "mT", "H", "mH")}
_fill_in()
