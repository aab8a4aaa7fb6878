"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .. import _native
from .._native import Tensor
from .._typing import Params, Rate, StateDict
from ..autograd.grad_mode import no_grad
from ._fused import check_lr
from .optimizer import Optimizer, evaluate

__all__ = ["LBFGS"]

# Of the conditions of Wolfe: sufficient decrease, and curvature.
_C1, _C2 = 1e-4, 0.9
_TOLERANCE = 1e-9


@dataclass
class _Point:
    """A place on the line x + t d, with the loss, its gradient and its slope along d there."""

    t: Rate
    loss: float
    grad: Tensor
    slope: Tensor


def _ordered(a: Rate, b: Rate) -> tuple[Rate, Rate]:
    return (a, b) if a <= b else (b, a)


def _distance(a: Rate, b: Rate) -> Rate:
    return a - b if a >= b else b - a


def _minimum(a: _Point, b: _Point, bounds: tuple[Rate, Rate] | None = None) -> Rate:
    """Of the cubic through two points and slopes (Nocedal & Wright 2006, equation 3.59)."""
    low, high = bounds or _ordered(a.t, b.t)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = square.sqrt()
    first, last = (a, b) if a.t <= b.t else (b, a)
    part = (last.slope + d2 - d1) / (last.slope - first.slope + 2 * d2)
    return min(max(last.t - (last.t - first.t) * part, low), high)


def _lower_first(bracket: list[_Point]) -> tuple[int, int]:
    return (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)


class _LineSearch:
    """Looks for a step that meets the strong conditions of Wolfe (Nocedal & Wright 2006, algorithms
    3.5 and 3.6, with the safeguards of Schmidt's minFunc)."""

    def __init__(self, at: Callable[[Rate], _Point], start: _Point, width: Tensor, limit: int):
        self.at, self.start, self.width, self.limit = at, start, width, limit
        self.evaluations = 0
        self.rounds = 0

    def run(self, t: Rate) -> _Point:
        bracket = self._bracket(t)
        return bracket[0] if len(bracket) == 1 else self._zoom(bracket)

    def _evaluate(self, t: Rate) -> _Point:
        self.evaluations += 1
        return self.at(t)

    def _too_high(self, point: _Point) -> bool:
        return bool(point.loss > self.start.loss + _C1 * point.t * self.start.slope)

    def _is_flat(self, point: _Point) -> bool:
        return bool(abs(point.slope) <= -_C2 * self.start.slope)

    def _bracket(self, t: Rate) -> list[_Point]:
        """Two points with a good one between them, or a good one."""
        before, point = self.start, self._evaluate(t)
        while self.rounds < self.limit:
            if self._too_high(point) or (self.rounds > 1 and point.loss >= before.loss):
                return [before, point]
            if self._is_flat(point):
                return [point]
            if point.slope >= 0:
                return [before, point]
            bounds = point.t + 0.01 * (point.t - before.t), point.t * 10
            t = _minimum(before, point, bounds)
            before, point = point, self._evaluate(t)
            self.rounds += 1
        return [self.start, point]

    def _zoom(self, bracket: list[_Point]) -> _Point:
        low, high = _lower_first(bracket)
        stuck = False
        while self.rounds < self.limit:
            if _distance(bracket[1].t, bracket[0].t) * self.width < _TOLERANCE:
                break
            t, stuck = self._trial(bracket, stuck)
            point = self._evaluate(t)
            self.rounds += 1
            if self._too_high(point) or point.loss >= bracket[low].loss:
                bracket[high] = point
                low, high = _lower_first(bracket)
                continue
            if self._is_flat(point):
                return point
            if point.slope * (bracket[high].t - bracket[low].t) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = point
        return bracket[low]

    def _trial(self, bracket: list[_Point], stuck: bool) -> tuple[Rate, bool]:
        """The next place to look at. One near an end is moved away from it if the last was too."""
        t = _minimum(bracket[0], bracket[1])
        least, most = _ordered(bracket[0].t, bracket[1].t)
        margin = 0.1 * (most - least)
        if not min(most - t, t - least) < margin:
            return t, False
        if not (stuck or t >= most or t <= least):
            return t, True
        return (
            most - margin if _distance(t, most) < _distance(t, least) else least + margin
        ), False


class LBFGS(Optimizer):
    """Limited-memory BFGS (Nocedal 1980; Nocedal & Wright 2006, algorithm 7.4).

    `step(closure)` makes up to `max_iter` iterations, each along the gradient times an estimate of
    the inverse Hessian from the last `history_size` differences of gradients: by `lr`, or with
    `line_search_fn="strong_wolfe"` to a point that meets the strong conditions of Wolfe. It ends
    early after `max_eval` calls of `closure` (by default 5/4 `max_iter`), where no gradient is
    above `tolerance_grad`, or where neither the loss nor a parameter changes by more than
    `tolerance_change`. One group of parameters, of one dtype; `lr` may be a one-element tensor.
    Raises ValueError for an `lr` below 0 or several groups, RuntimeError for another search. How
    many calls a step takes depends on the values: it cannot be captured.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @property
    def _params(self) -> list[Tensor]:
        return list(self.param_groups[0]["params"])

    def _flat_grad(self) -> Tensor:
        """The gradients of all parameters, one after the other, in memory of their own."""
        return _native.cat(
            [
                param.new_zeros(param.numel()) if param.grad is None else param.grad.reshape(-1)
                for param in self._params
            ]
        )

    def _move(self, t: Rate, d: Tensor) -> None:
        place = 0
        for param in self._params:
            part = d[place : place + param.numel()]
            param.add_(part.view(param.shape), alpha=float(t))
            place += param.numel()

    @no_grad()
    def step(self, closure: Callable[[], Tensor]) -> Tensor:  # type: ignore[override]
        """Up to `max_iter` iterations. `closure` computes the loss and its gradients anew; what it
        gave first is returned."""
        group = self.param_groups[0]
        # There is one state, which stands with the first parameter, so that loading casts it.
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = evaluate(closure)
        state["func_evals"] += 1
        grad = self._flat_grad()
        if grad.abs().max() <= group["tolerance_grad"]:
            return first
        loss, calls, iteration = float(first), 1, 0
        while iteration < group["max_iter"]:
            iteration += 1
            state["n_iter"] += 1
            d = self._direction(state, grad)
            state["prev_flat_grad"], state["prev_loss"] = grad, loss
            t: Rate = float(group["lr"])
            if state["n_iter"] == 1:
                scale = 1.0 / grad.abs().sum()
                t = scale * t if scale < 1 else t
            state["t"] = t
            slope = grad.dot(d)
            if slope > -group["tolerance_change"]:
                break
            last = iteration == group["max_iter"]
            if group["line_search_fn"] is not None:
                start = _Point(0, loss, grad, slope)
                found, used = self._search(closure, start, t, d, group["max_eval"] - calls)
                loss, grad, state["t"] = found.loss, found.grad, found.t
            else:
                used = 0 if last else 1
                self._move(t, d)
                if not last:
                    loss, grad = float(evaluate(closure)), self._flat_grad()
            calls += used
            state["func_evals"] += used
            if last or calls >= group["max_eval"] or self._is_done(state, loss, grad):
                break
        return first

    def _is_done(self, state: StateDict, loss: float, grad: Tensor) -> bool:
        group = self.param_groups[0]
        return bool(
            grad.abs().max() <= group["tolerance_grad"]
            or (state["d"] * state["t"]).abs().max() <= group["tolerance_change"]
            or abs(loss - state["prev_loss"]) < group["tolerance_change"]
        )

    def _search(
        self, closure: Callable[[], Tensor], start: _Point, t: Rate, d: Tensor, limit: int
    ) -> tuple[_Point, int]:
        """Moves to the end of a line search, and says how many calls it took."""
        if self.param_groups[0]["line_search_fn"] != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        before = [param.clone() for param in self._params]

        def at(t: Rate) -> _Point:
            self._move(t, d)
            loss, grad = float(evaluate(closure)), self._flat_grad()
            for param, value in zip(self._params, before, strict=True):
                param.copy_(value)
            return _Point(t, loss, grad, grad.dot(d))

        search = _LineSearch(at, start, d.abs().max(), limit)
        found = search.run(t)
        self._move(found.t, d)
        return found, search.evaluations

    def _direction(self, state: StateDict, grad: Tensor) -> Tensor:
        """Minus the gradient times the estimate of the inverse Hessian (the two loops)."""
        if state["n_iter"] == 1:
            state.update(d=grad.neg(), old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return state["d"]
        history = self.param_groups[0]["history_size"]
        ys, steps, ro = state["old_dirs"], state["old_stps"], state["ro"]
        y, s = grad - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = y.dot(s)
        if curvature > 1e-10:
            if len(ys) == history:
                for kept in (ys, steps, ro):
                    kept.pop(0)
            ys.append(y)
            steps.append(s)
            ro.append(1.0 / curvature)
            state["H_diag"] = curvature / y.dot(y)
        al = state.setdefault("al", [None] * history)
        q = grad.neg()
        for i in reversed(range(len(ys))):
            al[i] = steps[i].dot(q) * ro[i]
            q.add_(ys[i], alpha=-float(al[i]))
        d = q * state["H_diag"]
        for i in range(len(ys)):
            d.add_(steps[i], alpha=float(al[i] - ys[i].dot(d) * ro[i]))
        state["d"] = d
        return d
