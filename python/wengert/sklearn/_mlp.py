"""`MLPClassifier` and `MLPRegressor`: scikit-learn's parameters on the library's networks."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

import wengert as wg

from .. import nn
from .._native import Tensor
from ..nn import functional as F
from ..optim import Optimizer
from ..tabular.threads import multiplications, threads_for
from ._common import (
    MultiOutputRegressor,
    class_numbers,
    held_out,
    keep_parameters,
    output_numbers,
    row_weights,
    seed_of,
    tensor,
    without_zeros,
)  # fmt: skip

_ACTIVATIONS = {
    "identity": nn.Identity, "logistic": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU,
    "selu": nn.SELU, "gelu": nn.GELU, "silu": nn.SiLU, "mish": nn.Mish,
}  # fmt: skip
_SOLVERS = ("adam", "adamw", "sgd", "lbfgs")
_RATES = ("constant", "invscaling", "adaptive")


class _Fit:
    """The rows of one `fit`, and how its network is trained on them."""

    def __init__(
        self,
        estimator: _MLP,
        inputs: Tensor,
        wanted: Tensor,
        weights: Tensor | None,
        optimizer: Optimizer,
    ) -> None:
        self.estimator, self.optimizer = estimator, optimizer
        self.module = estimator.module_
        rows = (inputs, wanted) if weights is None else (inputs, wanted, weights)
        self.rows = rows
        size = estimator.batch_size
        self.batch = min(200, len(inputs)) if size == "auto" else min(int(size), len(inputs))
        self.captured = wg.capture(self._step)

    def loss(self, inputs: Tensor, wanted: Tensor, *weights: Tensor) -> Tensor:
        """The mean loss of the rows, and scikit-learn's penalty."""
        losses = self.estimator._losses(self.module(inputs), wanted)
        loss = (losses * weights[0]).mean() if weights else losses.mean()
        if self.estimator.alpha and self.estimator.solver != "adamw":
            count = inputs.shape[0] if not weights else 1
            squares = [(p * p).sum() for n, p in self.module.named_parameters() if p.dim() > 1]
            penalty = 0.5 * self.estimator.alpha * sum(squares[1:], squares[0])
            loss = loss + penalty / (weights[0].sum() if weights else count)
        return loss

    def _step(self, inputs: Tensor, wanted: Tensor, *weights: Tensor) -> Tensor:
        loss = self.loss(inputs, wanted, *weights)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def epoch(self) -> float:
        """One pass; the mean loss."""
        self.module.train()
        losses = self.captured.run(self.rows, self.batch, shuffle=self.estimator.shuffle).tolist()
        count = len(self.rows[0])
        sizes = [min(self.batch, count - at) for at in range(0, count, self.batch)]
        return sum(a * b for a, b in zip(losses, sizes, strict=True)) / count


class _MLP(BaseEstimator):
    """What both estimators do."""

    module_: nn.Sequential
    classes_: np.ndarray

    # ---- parameters

    def _check_parameters(self) -> None:
        for name, known in (
            ("activation", tuple(_ACTIVATIONS)), ("solver", _SOLVERS), ("learning_rate", _RATES),
        ):  # fmt: skip
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}"
                )
        if any(size < 1 for size in self._hidden()):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {self.hidden_layer_sizes}")
        for name, least in (("max_iter", 1), ("alpha", 0), ("n_iter_no_change", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)!r}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, got {self.dropout!r}")
        if self.batch_size != "auto" and int(self.batch_size) < 1:
            raise ValueError(f"batch_size must be at least 1, got {self.batch_size!r}")

    def _hidden(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        return [int(s) for s in sizes] if isinstance(sizes, Sequence | np.ndarray) else [int(sizes)]

    # ---- the network

    def _build(self, inputs: int, outputs: int) -> nn.Sequential:
        """Glorot's uniform initialisation, as scikit-learn's."""
        layers: list[nn.Module] = []
        widths = [inputs, *self._hidden(), outputs]
        factor = 2.0 if self.activation == "logistic" else 6.0
        for index in range(len(widths) - 1):
            layer = nn.Linear(widths[index], widths[index + 1], dtype=self._dtype())
            bound = math.sqrt(factor / (widths[index] + widths[index + 1]))
            nn.init.uniform_(layer.weight, -bound, bound)
            assert layer.bias is not None
            nn.init.uniform_(layer.bias, -bound, bound)
            layers.append(layer)
            if index < len(widths) - 2:
                layers.append(_ACTIVATIONS[self.activation]())
                if self.dropout:
                    layers.append(nn.Dropout(self.dropout))
        return nn.Sequential(*layers)

    def _dtype(self) -> wg.dtype:
        return wg.float64 if self.solver == "lbfgs" else wg.float32

    def _numpy_dtype(self) -> type:
        return np.float64 if self.solver == "lbfgs" else np.float32

    def _make_optimizer(self) -> Optimizer:
        values = self.module_.parameters()
        if self.solver == "sgd":
            return wg.optim.SGD(
                values, self.learning_rate_init, self.momentum,
                nesterov=self.nesterovs_momentum and self.momentum > 0,
            )  # fmt: skip
        if self.solver == "lbfgs":
            return wg.optim.LBFGS(
                values, lr=1.0, max_iter=self.max_iter, max_eval=self.max_fun,
                tolerance_grad=self.tol * 1e-3, tolerance_change=1e-12,
                line_search_fn="strong_wolfe", history_size=10,
            )  # fmt: skip
        betas = (self.beta_1, self.beta_2)
        if self.solver == "adamw":
            return wg.optim.AdamW(
                values, self.learning_rate_init, betas, self.epsilon, weight_decay=self.alpha
            )
        return wg.optim.Adam(values, self.learning_rate_init, betas, self.epsilon)

    # ---- fitting

    def fit(self, X: object, y: object, sample_weight: object = None) -> _MLP:
        """Fits the network to X (n_samples, n_features) and y; returns self."""
        return self._fit(X, y, sample_weight, incremental=False)

    def _fit(self, X: object, y: object, sample_weight: object, incremental: bool) -> _MLP:
        self._check_parameters()
        goes_on = hasattr(self, "module_") and (incremental or self.warm_start)
        inputs, wanted, labels = self._validate(X, y, reset=not goes_on, goes_on=goes_on)
        weights = row_weights(sample_weight, getattr(self, "class_weight", None), inputs, labels)
        weights, (inputs, wanted) = without_zeros(weights, inputs, wanted)
        seed = seed_of(self.random_state)
        with wg.random.fork_rng():
            wg.manual_seed(seed)
            if not goes_on:
                self.module_ = self._build(inputs.shape[1], self._width(wanted))
                self.n_outputs_ = self._width(wanted)
                self.n_layers_ = len(self._hidden()) + 2
                self.out_activation_ = self._output_activation()
                self.loss_curve_: list[float] = []
                self.n_iter_, self.t_ = 0, 0
                self._state: dict[str, object] | None = None
            optimizer = self._make_optimizer()
            if goes_on and self._state is not None and self.solver != "lbfgs":
                optimizer.load_state_dict(self._state)
            self._train(optimizer, inputs, wanted, weights, seed, incremental)
            if incremental or self.warm_start:
                self._state = optimizer.state_dict()
        return self

    def _train(
        self,
        optimizer: Optimizer,
        X: np.ndarray,
        wanted: np.ndarray,
        weights: np.ndarray | None,
        seed: int,
        incremental: bool,
    ) -> None:
        stops = self.early_stopping and not incremental and self.solver != "lbfgs"
        rows, valid = np.arange(len(X)), None
        if stops:
            rows, valid = held_out(len(X), self.validation_fraction, seed, self._strata(wanted))
        of = self._numpy_dtype()
        pick = None if weights is None else tensor(weights[rows], of)
        kind = of if wanted.dtype.kind == "f" else np.int64
        run = _Fit(self, tensor(X[rows], of), tensor(wanted[rows], kind), pick, optimizer)
        with threads_for(multiplications(self.module_, run.batch)):
            if self.solver == "lbfgs":
                self._minimise(run)
            else:
                held = None if valid is None else (X[valid], wanted[valid], weights, valid)
                self._epochs(run, held, 1 if incremental else self.max_iter)
        self.module_.eval()

    def _minimise(self, run: _Fit) -> None:
        run.module.train()

        def closure() -> Tensor:
            run.optimizer.zero_grad()
            loss = run.loss(*run.rows)
            loss.backward()
            return loss

        run.optimizer.step(closure)
        self.loss_ = float(run.loss(*run.rows).item())
        state = next(iter(run.optimizer.state.values()), {})
        self.n_iter_ = max(1, int(state.get("n_iter", 1)))
        self.loss_curve_.append(self.loss_)
        if self.n_iter_ >= self.max_iter:
            self._warn_of_iterations()

    def _warn_of_iterations(self) -> None:
        warnings.warn(
            f"{type(self).__name__}: max_iter={self.max_iter} was reached and the loss still "
            "improved; raise max_iter",
            ConvergenceWarning,
            stacklevel=6,
        )

    def _epochs(self, run: _Fit, held: tuple | None, most: int) -> None:
        best, waited, kept = math.inf, 0, None
        self.validation_scores_: list[float] | None = [] if held else None
        for number in range(most):
            self._set_rate(run.optimizer)
            self.loss_ = run.epoch()
            if not math.isfinite(self.loss_):
                raise ValueError(
                    f"the loss became {self.loss_} in epoch {number + 1}: X holds huge numbers, or "
                    f"learning_rate_init={self.learning_rate_init} is too large"
                )
            self.n_iter_ += 1
            self.t_ += len(run.rows[0])
            self.loss_curve_.append(self.loss_)
            found = self.loss_
            if held is not None and self.validation_scores_ is not None:
                self.validation_scores_.append(self._score_of(held))
                found = -self.validation_scores_[-1]
            if self.verbose:
                print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")
            waited = waited + 1 if found > best - self.tol else 0
            if found < best:
                best = found
                if held is not None:
                    kept = {n: v.clone() for n, v in run.module.state_dict().items()}
            if waited > self.n_iter_no_change and not self._lowered(run.optimizer):
                break
            waited = 0 if waited > self.n_iter_no_change else waited
        else:
            if most > 1 or self.max_iter == 1:
                self._warn_of_iterations()
        self.best_loss_ = None if held else best
        self.best_validation_score_ = -best if held else None
        if kept is not None:
            run.module.load_state_dict(kept)

    def _set_rate(self, optimizer: Optimizer) -> None:
        if self.solver == "sgd" and self.learning_rate == "invscaling":
            rate = self.learning_rate_init / (self.t_ + 1) ** self.power_t
            for group in optimizer.param_groups:
                group["lr"] = rate

    def _lowered(self, optimizer: Optimizer) -> bool:
        """Whether an adaptive rate could be made smaller, so that training goes on."""
        if self.solver != "sgd" or self.learning_rate != "adaptive":
            return False
        if optimizer.param_groups[0]["lr"] <= 1e-6:
            return False
        for group in optimizer.param_groups:
            group["lr"] /= 5
        return True

    def _outputs(self, X: np.ndarray) -> Tensor:
        with threads_for(multiplications(self.module_, len(X))), wg.no_grad():
            self.module_.eval()
            dtype = np.float64 if self._is_double() else np.float32
            return self.module_(tensor(X, dtype))

    def _is_double(self) -> bool:
        return next(self.module_.parameters()).dtype == wg.float64

    def _checked(self, X: object) -> np.ndarray:
        check_is_fitted(self)
        return validate_data(self, X, dtype=(np.float64, np.float32), reset=False)

    # ---- what scikit-learn shows of a network

    @property
    def coefs_(self) -> list[np.ndarray]:
        """The weights (inputs, outputs) of each layer."""
        return [p.detach().numpy().T for p in self._values() if p.dim() > 1]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        return [p.detach().numpy() for p in self._values() if p.dim() == 1]

    def _values(self) -> list[nn.Parameter]:
        module = self.__dict__.get("module_")
        if module is None:
            raise AttributeError("not fitted yet")
        return list(module.parameters())

    # ---- what the two differ in

    def _validate(
        self, X: object, y: object, reset: bool, goes_on: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(X, what a loss compares, y as it was given)."""
        raise NotImplementedError

    def _width(self, wanted: np.ndarray) -> int:
        raise NotImplementedError

    def _losses(self, outputs: Tensor, wanted: Tensor) -> Tensor:
        """(rows,)"""
        raise NotImplementedError

    def _output_activation(self) -> str:
        raise NotImplementedError

    def _strata(self, wanted: np.ndarray) -> np.ndarray | None:
        raise NotImplementedError

    def _score_of(self, held: tuple) -> float:
        """On (X, wanted, weights of all rows, rows)."""
        raise NotImplementedError


class MLPClassifier(ClassifierMixin, _MLP):
    """A network of fully connected layers for classes, or for several labels a row.

    The parameters are those of `sklearn.neural_network.MLPClassifier`, with their defaults, and:
    `dropout` after each hidden layer (default 0); `class_weight`, a dict or "balanced"; further
    activations ("selu", "gelu", "silu", "mish"); the solver "adamw", whose weight decay is `alpha`.
    Computes in float32, with solver "lbfgs" (all rows at once) in float64.

    `module_` is the network, `classes_` the classes; `coefs_`, `intercepts_`, `loss_curve_`,
    `validation_scores_`, `n_iter_` are as in scikit-learn.
    """

    def __init__(
        self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001,
        batch_size="auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5,
        max_iter=200, shuffle=True, random_state=None, tol=1e-4, verbose=False, warm_start=False,
        momentum=0.9, nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1,
        beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, max_fun=15000, dropout=0.0,
        class_weight=None,
    ):  # fmt: skip
        keep_parameters(self, locals())

    def partial_fit(
        self, X: object, y: object, classes: object = None, sample_weight: object = None
    ) -> MLPClassifier:
        """One pass over the rows. The first call needs `classes`, all that there will be."""
        if self.solver == "lbfgs":
            raise AttributeError("partial_fit is not for the solver 'lbfgs'")
        if not hasattr(self, "module_"):
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = unique_labels(classes)
            self._multilabel = type_of_target(y) == "multilabel-indicator"
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise ValueError(f"classes {classes} are not those of the first call {self.classes_}")
        self._keep_classes = True
        try:
            self._fit(X, y, sample_weight, incremental=True)
        finally:
            del self._keep_classes
        return self

    def predict(self, X: object) -> np.ndarray:
        """The classes, (n_samples,), or labels, (n_samples, n_labels)."""
        outputs = self._outputs(self._checked(X))
        if self._multilabel:
            return (outputs.numpy() > 0).astype(int)
        return self.classes_[outputs.argmax(1).numpy()]

    def predict_proba(self, X: object) -> np.ndarray:
        """float64 (n_samples, n_classes): classes sum up to 1, of labels each is its own."""
        outputs = self._outputs(self._checked(X)).double()
        return (outputs.sigmoid() if self._multilabel else outputs.softmax(1)).numpy()

    def predict_log_proba(self, X: object) -> np.ndarray:
        outputs = self._outputs(self._checked(X)).double()
        return (F.logsigmoid(outputs) if self._multilabel else outputs.log_softmax(1)).numpy()

    def _validate(
        self, X: object, y: object, reset: bool, goes_on: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inputs: np.ndarray
        labels: np.ndarray
        inputs, labels = validate_data(
            self, X, y, dtype=(np.float64, np.float32), multi_output=True, reset=reset
        )
        check_classification_targets(labels)
        kind = type_of_target(labels, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError("multiclass-multioutput is not supported; labels of 0 and 1 are")
        multilabel = kind == "multilabel-indicator"
        if not multilabel and labels.ndim == 2 and labels.shape[1] == 1:
            labels = column_or_1d(labels, warn=True)
        found = unique_labels(labels)
        if not (goes_on or hasattr(self, "_keep_classes")):
            self._multilabel, self.classes_ = multilabel, found
        elif self._multilabel != multilabel or not np.isin(found, self.classes_).all():
            raise ValueError(f"y has classes {found}, the network knows {self.classes_}")
        if multilabel:
            if getattr(self, "class_weight", None) is not None:
                raise ValueError("class_weight is for classes, y has several labels a row")
            return inputs, np.asarray(labels, np.float64), labels
        return inputs, class_numbers(labels, self.classes_), labels

    def _width(self, wanted: np.ndarray) -> int:
        return wanted.shape[1] if self._multilabel else len(self.classes_)

    def _output_activation(self) -> str:
        return "logistic" if self._multilabel else "softmax"

    def _losses(self, outputs: Tensor, wanted: Tensor) -> Tensor:
        if self._multilabel:
            return F.binary_cross_entropy_with_logits(outputs, wanted, reduction="none").sum(1)
        return F.cross_entropy(outputs, wanted, reduction="none")

    def _strata(self, wanted: np.ndarray) -> np.ndarray | None:
        return None if self._multilabel else wanted

    def _score_of(self, held: tuple) -> float:
        X, wanted, weights, rows = held
        outputs = self._outputs(X)
        hits = (
            ((outputs.numpy() > 0) == (wanted > 0)).all(1)
            if self._multilabel
            else outputs.argmax(1).numpy() == wanted
        )
        return float(np.average(hits, weights=None if weights is None else weights[rows]))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(MultiOutputRegressor, _MLP):
    """A network of fully connected layers for one number a row, or several.

    The parameters are those of `sklearn.neural_network.MLPRegressor`, with their defaults, and
    `dropout` after each hidden layer (default 0), further activations and the solver "adamw", as in
    `MLPClassifier`. `loss` is "squared_error"; as there, half of the square. The target is learnt
    as it is: scale it, or use `TabularRegressor`.
    """

    def __init__(
        self, loss="squared_error", hidden_layer_sizes=(100,), activation="relu", *, solver="adam",
        alpha=0.0001, batch_size="auto", learning_rate="constant", learning_rate_init=0.001,
        power_t=0.5, max_iter=200, shuffle=True, random_state=None, tol=1e-4, verbose=False,
        warm_start=False, momentum=0.9, nesterovs_momentum=True, early_stopping=False,
        validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10,
        max_fun=15000, dropout=0.0,
    ):  # fmt: skip
        keep_parameters(self, locals())

    def partial_fit(self, X: object, y: object, sample_weight: object = None) -> MLPRegressor:
        """One pass over the rows."""
        if self.solver == "lbfgs":
            raise AttributeError("partial_fit is not for the solver 'lbfgs'")
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: object) -> np.ndarray:
        """float64 (n_samples,) or (n_samples, n_outputs)."""
        values = self._outputs(self._checked(X)).numpy().astype(np.float64)
        return values.ravel() if values.shape[1] == 1 else values

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.loss != "squared_error":
            raise ValueError(f"loss must be 'squared_error', got {self.loss!r}")

    def _validate(
        self, X: object, y: object, reset: bool, goes_on: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        inputs: np.ndarray
        given: np.ndarray
        inputs, given = validate_data(
            self, X, y, dtype=(np.float64, np.float32), multi_output=True, y_numeric=True,
            reset=reset,
        )  # fmt: skip
        return inputs, *output_numbers(given, self.n_outputs_ if goes_on else None)

    def _width(self, wanted: np.ndarray) -> int:
        return wanted.shape[1]

    def _output_activation(self) -> str:
        return "identity"

    def _losses(self, outputs: Tensor, wanted: Tensor) -> Tensor:
        return 0.5 * ((outputs - wanted) ** 2).mean(1)

    def _strata(self, wanted: np.ndarray) -> np.ndarray | None:
        return None

    def _score_of(self, held: tuple) -> float:
        X, wanted, weights, rows = held
        weights = None if weights is None else weights[rows]
        error = np.average(((self._outputs(X).numpy() - wanted) ** 2).mean(1), weights=weights)
        centre = np.average(wanted, axis=0, weights=weights)
        spread = np.average(((wanted - centre) ** 2).mean(1), weights=weights)
        return float(1 - error / spread) if spread > 0 else 0.0
