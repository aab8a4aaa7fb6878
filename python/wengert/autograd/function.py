"""Custom differentiable functions written in Python.

Note [Python functions on the tape]
`Function.apply` runs `forward` unrecorded and hands the tensors to
`_native.record_function(ctx, inputs, outputs, non_differentiable)`, which makes one tape entry.
`inputs` are all tensor arguments in order, `outputs` all tensor results; an output that is also an
input was modified in place. The entry's backward calls `ctx._backward(*grads)`, one gradient or
None per recorded output (zeros instead of None unless `ctx._materialize_grads` is false), and
expects one gradient or None per recorded input. When the graph is freed it calls `ctx._free()`.

The entry owns ctx, so ctx must not own the outputs. A saved output is therefore kept as a
detached alias (same storage and version). It only has to be differentiable itself when the
backward is recorded (`create_graph=True`); then `forward` is applied again to the arguments.

In a product J v (`func.jvp`, `forward_ad`) a function that defines `jvp` gives it in place of its
backward. As jvp is linear in the tangents, u^T J is the gradient of u . jvp(v) by v.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeAlias

from .. import _native
from .._capture.uses import captures
from .._typing import Args, Hook, Kwargs
from .grad_mode import enable_grad, no_grad
from .pushing import forward, here, of_batched

Tensor = _native.Tensor
_Grads: TypeAlias = tuple[Tensor | None, ...]
# A tensor, its version, its place in the outputs or -1; where hooks packed it, None for a version.
_Saved: TypeAlias = tuple["Tensor | _native._PackedTensor", "int | None", int]


class FunctionCtx:
    """What a forward leaves for its backward."""

    _to_save: tuple[Tensor | None, ...] = ()
    _for_forward: tuple[Tensor | None, ...] | None = None  # while jvp has none of its own, to_save
    _saved: tuple[_Saved | None, ...] | None = None
    _saved_forward: tuple[_Saved | None, ...] | None = None
    _dirty: tuple[Tensor | bool, ...] = ()
    _non_differentiable: tuple[Tensor, ...] = ()
    _materialize_grads = True
    _freed = False
    _in_jvp = False
    _args: Args = ()
    needs_input_grad: tuple[bool, ...] = ()
    __capture_conditions__ = None  # one is made for every call

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors (or None) for `saved_tensors`; modifying them later is an error there.

        Call it at most once; a second call replaces the first.
        """
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument "
                    f"{tensors.index(tensor)} is of type {type(tensor).__name__}"
                )
        self._to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors (or None) that are `saved_tensors` in `jvp`."""
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, Tensor):
                raise TypeError(
                    f"save_for_forward can only save tensors, got {type(tensor).__name__}"
                )
        self._for_forward = tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Declares inputs that `forward` modified in place; each must also be returned."""
        self._dirty = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Declares outputs without a gradient (integer outputs never have one)."""
        self._non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` gets zeros (the default) or None for outputs nobody used."""
        self._materialize_grads = bool(value)

    @property
    def saved_tensors(self) -> Args:
        """The tensors of `save_for_backward`, checked to be unmodified since."""
        if self._freed:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved "
                "tensors after they have already been freed). Saved intermediate values of the "
                "graph are freed when you call .backward() or autograd.grad(). Specify "
                "retain_graph=True if you need to backward through the graph a second time or if "
                "you need to access saved tensors after calling backward."
            )
        if self._saved is None:
            return self._to_save  # still in forward, or nothing was recorded
        saved = self._saved
        if self._in_jvp and self._saved_forward is not None:
            saved = self._saved_forward
        return tuple(None if entry is None else self._unpack(entry) for entry in saved)

    def _free(self) -> None:
        self._saved, self._saved_forward, self._args, self._freed = (), None, (), True

    def _unpack(self, entry: _Saved) -> Tensor:
        kept, version, output = entry
        if isinstance(kept, Tensor):
            tensor = kept
            if tensor._version != version:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an "
                    f"inplace operation: {type(self).__name__}: a saved tensor of shape "
                    f"{tuple(tensor.shape)} is at version {tensor._version}; expected version "
                    f"{version} instead."
                )
        else:
            tensor = kept.unpack()
        if output < 0 or not _native.is_grad_enabled():
            return tensor
        if self._dirty:
            raise RuntimeError(
                f"{type(self).__name__}: a saved output of an in-place function cannot be "
                "differentiated again; save a clone of the input instead"
            )
        # See Note [Python functions on the tape].
        result = self._forward_cls.apply(*self._args)  # type: ignore[attr-defined]
        return result[output] if isinstance(result, tuple) else result


class BackwardCFunction(FunctionCtx):
    """The ctx of a recorded call; the class is named after its function, e.g. `ExpBackward`."""

    _forward_cls: type[Function]
    _tensor_args: tuple[int, ...] = ()
    _arg_shapes: tuple[_native.Size, ...] = ()
    _arg_dtypes: tuple[_native.dtype, ...] = ()
    _positions: tuple[int, ...] = ()  # of the tensors among the outputs
    _output_count = 0

    def name(self) -> str:
        return type(self).__name__

    def apply(self, *args: Tensor | None) -> Any:
        """Runs the backward by hand."""
        return self._forward_cls.backward(self, *args)

    def _backward(self, *grads: Tensor | None) -> _Grads:
        cls = self._forward_cls
        by_position: list[Tensor | None] = [None] * self._output_count
        for position, grad in zip(self._positions, grads, strict=True):
            by_position[position] = grad
        if here.pushing is not None and cls.jvp is not Function.jvp:
            return self._transposed(by_position)
        backward = cls.backward if cls.vjp is Function.vjp else cls.vjp
        result = backward(self, *by_position)
        if not isinstance(result, tuple):
            result = tuple(result) if isinstance(result, list) else (result,)
        return self._checked(result)

    def _transposed(self, us: list[Tensor | None]) -> _Grads:
        """u^T J from `jvp`; see Note [Python functions on the tape]."""
        wanted = [self.needs_input_grad[i] for i in self._tensor_args]
        with enable_grad():
            vs = [
                _native.zeros(shape, dtype=dtype, requires_grad=want)
                if want or (self._materialize_grads and dtype.is_floating_point)
                else None
                for shape, dtype, want in zip(
                    self._arg_shapes, self._arg_dtypes, wanted, strict=True
                )
            ]
            tangents: list[Tensor | None] = [None] * len(self.needs_input_grad)
            for i, v, want in zip(self._tensor_args, vs, wanted, strict=True):
                tangents[i] = v.clone() if v is not None and want else v
            self._in_jvp = True
            try:
                given = self._forward_cls.jvp(self, *tangents)
            finally:
                self._in_jvp = False
        ys = tuple(given) if isinstance(given, (tuple, list)) else (given,)
        if len(ys) != self._output_count:
            raise RuntimeError(
                f"{self._forward_cls.__name__}.jvp: returned {len(ys)} tangents, forward "
                f"{self._output_count} outputs"
            )
        pairs = [(y, u) for y, u in zip(ys, us, strict=True)
                 if y is not None and u is not None and y.requires_grad]  # fmt: skip
        for y, u in pairs:
            if tuple(y.shape) != tuple(u.shape):
                raise RuntimeError(
                    f"{self._forward_cls.__name__}.jvp: a tangent of shape {tuple(y.shape)} for an "
                    f"output of shape {tuple(u.shape)}"
                )
        leaves = tuple(v for v, want in zip(vs, wanted, strict=True) if v is not None and want)
        if not pairs or not leaves:
            return (None,) * len(wanted)
        record = _native.is_grad_enabled()
        with forward(None):
            found = iter(
                _native.run_backward(
                    tuple(y for y, _ in pairs),
                    tuple(u for _, u in pairs),
                    record,
                    record,
                    leaves,
                    True,
                    False,
                )
            )
        return tuple(next(found) if want else None for want in wanted)

    def _checked(self, result: _Grads) -> _Grads:
        count = len(self.needs_input_grad)
        if len(result) > count and all(grad is None for grad in result[count:]):
            result = result[:count]
        if len(result) != count:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients "
                f"(expected {count}, got {len(result)})"
            )
        for i, grad in enumerate(result):
            if grad is None:
                continue
            if i not in self._tensor_args:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different from None at position "
                    f"{i + 1}, but the corresponding forward input was not a Variable"
                )
            if not isinstance(grad, Tensor):
                raise TypeError(
                    f"{self.name()}: expected a Tensor or None as gradient {i}, "
                    f"got {type(grad).__name__}"
                )
        return tuple(
            self._fitted(result[i], shape, i)
            for i, shape in zip(self._tensor_args, self._arg_shapes, strict=True)
        )

    def _fitted(self, grad: Tensor | None, shape: _native.Size, i: int) -> Tensor | None:
        """A gradient broadcast over its input is summed back to the input's shape."""
        if grad is None or not self.needs_input_grad[i]:
            return None
        if grad.shape == shape:
            return grad
        extra = len(grad.shape) - len(shape)
        if extra < 0 or any(
            w not in (1, g) for w, g in zip(shape, grad.shape[extra:], strict=True)
        ):
            raise RuntimeError(
                f"Function {self.name()} returned an invalid gradient at index {i} - got "
                f"{list(grad.shape)} but expected shape compatible with {list(shape)}"
            )
        dims = [d for d, n in enumerate(grad.shape) if d < extra or shape[d - extra] != n]
        return grad.sum(dims, keepdim=True).reshape(shape)


class Function:
    """Base of custom functions: static `forward(ctx, ...)` and `backward(ctx, *grads)`.

    Or `forward(...)` without ctx together with `setup_context(ctx, inputs, output)`.
    `Function.apply(...)` calls it; `backward` returns one gradient or None per argument.
    """

    _backward_cls: type[BackwardCFunction]
    #: Whether `func.vmap` may call the methods with batched tensors; else it calls them per slice.
    generate_vmap_rule = False

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls._backward_cls = type(
            cls.__name__ + "Backward", (BackwardCFunction,), {"_forward_cls": cls}
        )

    def __init__(self, *args: object, **kwargs: object) -> None:
        raise RuntimeError(f"{type(self)} should not be instantiated. Use `{type(self)}.apply`.")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The computation; override it."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: Args, output: Any) -> None:
        """Saves what backward needs, for a `forward` without ctx."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The vector-Jacobian product; override it (or its alias `vjp`)."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The Jacobian-vector product; an override is used where J v is asked for.

        It gets a tangent per argument, None for what is no tensor, and returns one per output.
        Without it J v is found by differentiating `backward`.
        """
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            "forward mode AD."
        )

    @staticmethod
    def vmap(*args: Any) -> Any:
        """`vmap(info, in_dims, *args)`, the function of all slices for `func.vmap`; override it.

        `info` has `batch_size` and `randomness`; `in_dims` are the dimensions along which the
        arguments are sliced, None for those that are the same for all. It returns (output,
        out_dims).
        """
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or "
            "set generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args: object, **kwargs: object) -> Any:
        """Calls the function on its arguments and records it if a gradient is needed.

        Arguments by keyword are those that follow in order: `backward` returns a gradient, or
        None, for each of them too. TypeError for a tensor that requires a gradient and can only be
        given by keyword.
        """
        if cls is Function:
            raise RuntimeError("Function.apply: call apply of a subclass")
        if of_batched and (found := of_batched[0](cls, args, kwargs)) is not None:
            return found[0]
        if captures:
            for name in ("forward", "backward", "setup_context"):
                _native._note_read(cls, name)
        with_ctx = cls.setup_context is Function.setup_context
        if kwargs or (not with_ctx and getattr(cls.forward, "__defaults__", None)):
            args, kwargs = _positional(cls, args, kwargs, with_ctx)
        ctx = cls._backward_cls()
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        record = _native.is_grad_enabled() and True in ctx.needs_input_grad
        with no_grad():
            if with_ctx:
                result = cls.forward(ctx, *args, **kwargs)
            else:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, result)
        if not record:
            _check_dirty(ctx, args, result)
            return result
        return _record(ctx, args, result)


def _positional(
    cls: type[Function], args: Args, kwargs: Kwargs, with_ctx: bool
) -> tuple[Args, Kwargs]:
    """The arguments of `forward` in order, and those that it takes by keyword only.

    Defaults are among them up to the last that is given, or all if `setup_context` sees them.
    """
    import inspect  # here, as importing the package should not pay for it

    bound = inspect.signature(cls.forward).bind(*([None] if with_ctx else []), *args, **kwargs)
    given = len(args) + with_ctx
    for i, name in enumerate(bound.signature.parameters):
        given = max(given, i + 1) if name in bound.arguments else given
    bound.apply_defaults()
    for name, value in bound.kwargs.items():
        if isinstance(value, Tensor) and value.requires_grad:
            raise TypeError(
                f"{cls.__name__}.apply: '{name}' requires a gradient, so that forward must take it "
                "by position"
            )
    return bound.args[1:given] if with_ctx else bound.args, bound.kwargs


def _check_dirty(ctx: FunctionCtx, args: tuple[object, ...], result: object) -> None:
    outputs = result if isinstance(result, tuple) else (result,)
    for tensor in ctx._dirty:
        if not any(tensor is output for output in outputs):
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as "
                "output. The inputs that are modified inplace must all be outputs of the Function."
            )
        if not any(tensor is arg for arg in args):
            _native._warn(
                "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors "
                "should be passed to ctx.mark_dirty()."
            )


def _record(ctx: BackwardCFunction, args: Args, result: Any) -> Any:
    """Puts the finished call on the tape; see Note [Python functions on the tape]."""
    _check_dirty(ctx, args, result)
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    ctx._tensor_args = tuple(i for i, arg in enumerate(args) if isinstance(arg, Tensor))
    ctx._arg_shapes = tuple(args[i].shape for i in ctx._tensor_args)
    ctx._arg_dtypes = tuple(args[i].dtype for i in ctx._tensor_args)
    positions = [i for i, output in enumerate(outputs) if isinstance(output, Tensor)]
    if not positions:
        raise TypeError(f"{type(ctx).__name__}: forward must return a Tensor or a tuple of them")
    raw = [outputs[i] for i in positions]
    fixed = [
        k
        for k, tensor in enumerate(raw)
        if not tensor.is_floating_point() or any(tensor is t for t in ctx._non_differentiable)
    ]
    recorded = []
    for tensor in raw:
        is_input = any(tensor is arg for arg in args)
        if is_input and not any(tensor is t for t in ctx._dirty):
            with no_grad():
                tensor = tensor.view_as(tensor)  # an input returned as it is becomes an alias
        recorded.append(tensor)
    ctx._output_count = len(outputs)
    ctx._positions = tuple(positions)
    _save(ctx, args, raw, positions)
    inputs = tuple(args[i] for i in ctx._tensor_args)
    results = _native.record_function(ctx, inputs, tuple(recorded), tuple(fixed))
    for i, tensor in zip(positions, results, strict=True):
        outputs[i] = tensor
    return tuple(outputs) if isinstance(result, (tuple, list)) else outputs[0]


def _save(
    ctx: FunctionCtx, args: tuple[object, ...], raw: list[Tensor], positions: list[int]
) -> None:
    """Turns `save_for_backward`'s tensors into (tensor, version, output position or -1)."""
    ctx._saved = _versions(ctx, ctx._to_save, args, raw, positions)
    if ctx._for_forward is not None and ctx._forward_cls.jvp is not Function.jvp:  # type: ignore[attr-defined]
        ctx._saved_forward = _versions(ctx, ctx._for_forward, args, raw, positions)
    ctx._to_save, ctx._for_forward = (), None
    ctx._non_differentiable = ()
    # The tensors themselves would close the cycle ctx -> output -> entry -> ctx.
    ctx._dirty = (True,) if ctx._dirty else ()


def _versions(
    ctx: FunctionCtx,
    tensors: tuple[Tensor | None, ...],
    args: tuple[object, ...],
    raw: list[Tensor],
    positions: list[int],
) -> tuple[_Saved | None, ...]:
    saved: list[_Saved | None] = []
    for tensor in tensors:
        if tensor is None:
            saved.append(None)
            continue
        k = next((k for k, output in enumerate(raw) if output is tensor), -1)
        made = not any(tensor is a for a in args) or any(tensor is d for d in ctx._dirty)
        output = positions[k] if k >= 0 and made else -1
        if output >= 0:
            ctx._args = args
        packed = _native._pack_saved(tensor, output < 0)
        if packed is not None:
            saved.append((packed, None, output))
        else:
            saved.append((tensor if output < 0 else tensor.detach(), tensor._version, output))
    return tuple(saved)


class _Undifferentiable(Function):
    """Identity whose backward says why there is none."""

    @staticmethod
    def forward(ctx: FunctionCtx, *tensors: Tensor) -> tuple[Tensor, ...]:
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor | None) -> NoReturn:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


def once_differentiable(fn: Hook) -> Hook:
    """Decorates a `backward` that is not differentiable itself; a second order is an error."""

    def wrapper(ctx: FunctionCtx, *args: object) -> Any:
        with no_grad():
            result = fn(ctx, *args)
        depends = any(isinstance(a, Tensor) and a.requires_grad for a in args)
        if not (_native.is_grad_enabled() and depends):
            return result
        outputs = result if isinstance(result, tuple) else (result,)
        places = [i for i, output in enumerate(outputs) if output is not None]
        marked = _Undifferentiable.apply(*[outputs[i].detach().requires_grad_() for i in places])
        final = list(outputs)
        for i, tensor in zip(places, marked, strict=True):
            final[i] = tensor
        return tuple(final) if isinstance(result, tuple) else final[0]

    return wrapper


class InplaceFunction(Function):
    """The old base class of in-place functions; `mark_dirty` is what counts."""
