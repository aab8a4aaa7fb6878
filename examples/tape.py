"""The tape in 100 lines of Python: what csrc/wengert/tape does, with its names, on NumPy arrays."""
# ruff: noqa: E731

import heapq
import itertools

import numpy as np

numbers, grad_enabled = itertools.count(1), True


class Op:  # op.h: one row says all there is to say of an operation
    def __init__(self, name, run, vjp):
        self.name, self.run, self.vjp = name, run, vjp


class Tensor:  # tensor.h: an array that knows the entry that made it; a leaf has none
    def __init__(self, data, requires_grad=False, entry=None):
        self.data, self.shape = np.asarray(data, np.float64), np.shape(data)
        self.requires_grad, self.entry, self.grad = requires_grad, entry, None

    __add__ = __radd__ = lambda self, other: apply(add_op, self, other)
    __mul__ = __rmul__ = lambda self, other: apply(mul_op, self, other)
    __sub__ = lambda self, other: self + -1.0 * other
    __matmul__ = lambda self, other: apply(matmul_op, self, other)
    __pow__ = lambda self, n: apply(pow_op, self, n=n)
    exp, log = lambda self: apply(exp_op, self), lambda self: apply(log_op, self)
    tanh, relu = lambda self: apply(tanh_op, self), lambda self: apply(relu_op, self)
    t, sum = lambda self: apply(t_op, self), lambda self: self.sum_to(())
    sum_to = lambda self, shape: apply(sum_to_op, self, shape=shape)


class Entry:  # entry.h: what the tape keeps of one call
    def __init__(self, op, inputs, attrs, output):
        self.number = next(numbers)  # whoever uses its output has a larger one
        self.op, self.inputs, self.attrs, self.output = op, inputs, attrs, output
        self.grad = None  # that of the output, while backward runs


class Vjp:  # entry.h: how a derivative rule sees an entry
    def __init__(self, entry):
        self.e, self.g, self.n, self.grads = entry, entry.grad, entry.attrs.get("n"), {}

    def x(self, i=0):
        return self.e.inputs[i]

    def y(self):  # made anew: an entry that held its own output would be a cycle
        return Tensor(self.e.output, True, self.e)

    def set(self, i, grad):  # undoes broadcasting, so that no rule has to
        if self.x(i).requires_grad:
            self.grads[i] = grad if grad.shape == self.x(i).shape else grad.sum_to(self.x(i).shape)


def apply(op, *inputs, **attrs):  # apply.cpp: run, and record if a gradient is needed
    inputs = [x if isinstance(x, Tensor) else Tensor(x) for x in inputs]
    y = Tensor(op.run(*(x.data for x in inputs), **attrs))
    if grad_enabled and any(x.requires_grad for x in inputs):
        y.requires_grad, y.entry = True, Entry(op, inputs, attrs, y.data)
    return y


def backward(root, create_graph=False):  # tape.cpp: entries in descending number
    global grad_enabled
    heap, before, grad_enabled = [], grad_enabled, create_graph

    def give(t, g):
        to = t.entry or t  # the entry that made it, or a leaf
        if t.entry and to.grad is None:
            heapq.heappush(heap, (-to.number, to))
        to.grad = g if to.grad is None else to.grad + g  # fan-out adds

    give(root, Tensor(np.ones(root.shape)))
    while heap:
        e = heapq.heappop(heap)[1]  # the youngest: all who used it have been here
        v = Vjp(e)
        e.grad = None
        e.op.vjp(v)
        for i, g in v.grads.items():
            give(e.inputs[i], g)
    grad_enabled = before


def sum_to(x, shape):  # sums the axes along which `shape` was broadcast to x
    ahead = x.ndim - len(shape)
    axes = [i for i in range(x.ndim) if i < ahead or shape[i - ahead] != x.shape[i]]
    return x.sum(tuple(axes)).reshape(shape)


# ops/: the rows. Their rules are written in ops, so derivatives have derivatives.
add_op = Op("add", np.add, lambda v: [v.set(0, v.g), v.set(1, v.g)])
mul_op = Op("mul", np.multiply, lambda v: [v.set(0, v.g * v.x(1)), v.set(1, v.g * v.x(0))])
matmul_op = Op("mm", np.matmul, lambda v: [v.set(0, v.g @ v.x(1).t()), v.set(1, v.x(0).t() @ v.g)])
t_op = Op("t", np.transpose, lambda v: v.set(0, v.g.t()))
exp_op = Op("exp", np.exp, lambda v: v.set(0, v.g * v.y()))
log_op = Op("log", np.log, lambda v: v.set(0, v.g * v.x() ** -1))
tanh_op = Op("tanh", np.tanh, lambda v: v.set(0, v.g * (1.0 + -1.0 * (v.y() * v.y()))))
relu_op = Op("relu", lambda x: x * (x > 0), lambda v: v.set(0, v.g * (v.e.output > 0)))
pow_op = Op("pow", lambda x, n: x**n, lambda v: v.set(0, v.g * v.n * v.x() ** (v.n - 1)))
sum_to_op = Op("sum", sum_to, lambda v: v.set(0, v.g * np.ones(v.x().shape)))
