"""Adafactor."""

from __future__ import annotations

from .. import _native
from .._native import Tensor
from .._types import finfo
from .._typing import Params, Rate
from ._composed import ComposedOptimizer, Rates
from ._fused import check_lr
from ._planned import number_tensor

__all__ = ["Adafactor"]


def _rms(x: Tensor) -> Tensor:
    """The root of the mean of squares."""
    return x.norm() / max(1, x.numel()) ** 0.5


class Adafactor(ComposedOptimizer, states=("step", "row_var", "col_var", "variance")):
    """Adafactor (Shazeer & Stern 2018), whose second moments of a matrix are a row and a column.

    p *= 1 - lr * weight_decay;  w = t^beta2_decay, t the number of the step;
    r += w * (mean of grad^2 over columns - r), c the same over rows, v = r c / mean(r), or for a
    vector v += w * (grad^2 - v);  u = grad / sqrt(max(v, eps1^2));
    p -= max(eps2, rms(p)) * min(lr, 1 / sqrt(t)) * u / max(1, rms(u) / d), with eps1, eps2 = `eps`,
    eps1 by default that of the dtype, and rms the root of the mean of squares. The last two
    dimensions of a larger tensor are the matrix. `maximize` negates the gradient. `lr` may be a
    one-element tensor; `foreach` is accepted. Raises ValueError for arguments out of range.
    """

    def __init__(
        self,
        params: Params,
        lr: Rate = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_lr(lr)
        if not lr >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _make_state(self, param: Tensor) -> dict[str, Tensor]:
        step = number_tensor(0.0)
        if param.dim() < 2:
            return {"step": step, "variance": _native.zeros_like(param).detach()}
        *rest, rows, columns = param.shape
        row, column = param.new_zeros((*rest, rows, 1)), param.new_zeros((*rest, 1, columns))
        return {"step": step, "row_var": row, "col_var": column}

    def _update_param(self, rates: Rates, param: Tensor, state: dict[str, Tensor]) -> None:
        group, grad = rates.group, param.grad
        assert grad is not None
        if group["maximize"]:
            grad = -grad
        eps1, eps2 = group["eps"]
        eps1 = finfo(param.dtype).eps if eps1 is None else eps1
        t = state["step"].add_(1).double()
        size = _rms(param).double().clamp(min=eps2) * _native.minimum(rates.lr, t.rsqrt())
        if group["weight_decay"] != 0:
            param.mul_(1 - rates.lr * rates.decay)
        variance = self._variance(grad, state, (t ** group["beta2_decay"]).to(param.dtype), eps1)
        update = variance.clamp(min=eps1 * eps1).rsqrt_().mul_(grad)
        denominator = (_rms(update).double() / group["d"]).clamp(min=1.0)
        param.sub_(update * (size / denominator))

    def _variance(
        self, grad: Tensor, state: dict[str, Tensor], weight: Tensor, eps: float
    ) -> Tensor:
        square = grad.square()
        if grad.dim() < 2:
            return state["variance"].lerp_(square, weight)
        row = state["row_var"].lerp_(square.mean(-1, keepdim=True), weight)
        column = state["col_var"].lerp_(square.mean(-2, keepdim=True), weight)
        return row * column / row.mean(-2, keepdim=True).clamp(min=eps)
