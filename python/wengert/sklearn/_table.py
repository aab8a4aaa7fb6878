"""`TabularClassifier` and `TabularRegressor`: the presets of `wengert train` as estimators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)  # fmt: skip

import wengert as wg

from .. import nn
from .._native import Tensor
from ..tabular import (
    Feature,
    Notes,
    Recipe,
    Table,
    TabularError,
    Target,
    Treatment,
    build_from_recipe,
    encode_inputs,
    fit,
    fit_features,
    predict_all,
    preset,
    table_of,
)  # fmt: skip
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

_FEWEST_TO_HOLD_OUT = 10  # rows; of fewer all are trained on


@contextmanager
def _value_errors() -> Iterator[None]:
    try:
        yield
    except TabularError as error:
        raise ValueError(str(error)) from None


class _Tabular(BaseEstimator):
    """What both estimators do."""

    module_: nn.Module
    features_: list[Feature]
    classes_: np.ndarray

    # ---- tables

    def _table(self, X: object, reset: bool) -> Table:
        """X as a table; the columns of an array are called x0, x1, ..."""
        if hasattr(X, "columns") and hasattr(X, "dtypes"):
            validate_data(self, X, skip_check_array=True, reset=reset)
            frame = cast("Mapping[object, Sequence[object]]", X)
            names = [str(name) for name in X.columns]
            if len(set(names)) != len(names):
                raise ValueError("two columns of X have the same name")
            if not names:
                raise ValueError("0 feature(s) in X while a minimum of 1 is required.")
            if not len(next(iter(frame[name] for name in X.columns))):
                raise ValueError("0 sample(s) in X while a minimum of 1 is required.")
            columns: dict[object, object] = {name: frame[name] for name in X.columns}
        else:
            array = check_array(
                X, dtype=None, ensure_all_finite=False, estimator=self, input_name="X"
            )
            validate_data(self, X, skip_check_array=True, reset=reset)
            if array.dtype.kind == "O":
                _refuse_objects(array)
            columns = {f"x{i}": array[:, i] for i in range(array.shape[1])}
        with _value_errors():
            return replace(table_of(columns), path="X")

    def _inputs(self, table: Table, rows: np.ndarray | None = None) -> np.ndarray:
        with _value_errors():
            return encode_inputs(table, self.features_, Notes(), rows)

    def _fit_features(self, table: Table, rows: np.ndarray) -> list[Feature]:
        recipe = preset(len(rows), name=self.preset)
        categorical = [
            name if isinstance(name, str) else list(table.columns)[name]
            for name in (() if self.categorical_features is None else self.categorical_features)
        ]
        treatment = Treatment("fill", False, categorical, recipe.scaling, recipe.clip)
        with _value_errors():
            return fit_features(table, "", [], rows, treatment=treatment)

    # ---- fitting

    def _recipe(self, rows: int) -> Recipe:
        """The preset with what is given in place of its own."""
        found = preset(rows, name=self.preset, regression=isinstance(self, RegressorMixin))
        given = {
            "epochs": self.max_iter, "lr": self.learning_rate_init, "batch_size": self.batch_size,
            "dropout": self.dropout, "weight_decay": self.alpha,
        }  # fmt: skip
        for name, value in given.items():
            if value is not None:
                setattr(found, name, value)
        if self.hidden_layer_sizes is not None:
            sizes = self.hidden_layer_sizes
            found.hidden = [int(s) for s in sizes] if isinstance(sizes, Sequence) else [int(sizes)]
        return found

    def fit(self, X: object, y: object, sample_weight: object = None) -> _Tabular:
        """Fits to X, a frame or array (n_samples, n_features), and y; returns self."""
        return self._fit(X, y, sample_weight, False)

    def _fit(self, X: object, y: object, sample_weight: object, incremental: bool) -> _Tabular:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is"
                " None."
            )
        goes_on = hasattr(self, "module_") and (incremental or self.warm_start)
        table = self._table(X, reset=not goes_on)
        wanted, labels = self._wanted(y, table, goes_on)
        weights = row_weights(
            sample_weight, getattr(self, "class_weight", None), np.empty((len(table), 1)), labels
        )
        weights, (rows, wanted) = without_zeros(weights, np.arange(len(table)), wanted)
        seed = seed_of(self.random_state)
        train, valid = np.arange(len(rows)), None
        if self.early_stopping and not incremental and len(rows) >= _FEWEST_TO_HOLD_OUT:
            strata = wanted if wanted.dtype.kind == "i" else None
            train, valid = held_out(len(rows), self.validation_fraction, seed, strata)
        if not goes_on:
            self.features_ = self._fit_features(table, rows[train])
            self._scale(wanted[train], None if weights is None else weights[train])
        parts = [None if p is None else self._part(table, rows, wanted, weights, p)
                 for p in (train, valid)]  # fmt: skip
        assert parts[0] is not None
        self._train(parts[0], parts[1], seed, goes_on, incremental)
        return self

    def _part(
        self,
        table: Table,
        rows: np.ndarray,
        wanted: np.ndarray,
        weights: np.ndarray | None,
        part: np.ndarray,
    ) -> tuple[Tensor, ...]:
        inputs = wg.from_numpy(self._inputs(table, rows[part]))
        found = (inputs, self._encoded(wanted[part]))
        return found if weights is None else (*found, tensor(weights[part]))

    def _train(
        self,
        train: tuple[Tensor, ...],
        valid: tuple[Tensor, ...] | None,
        seed: int,
        goes_on: bool,
        incremental: bool,
    ) -> None:
        recipe = self._recipe(len(train[0]))
        if incremental:  # without an end there is no schedule towards it
            recipe.epochs, recipe.schedule, recipe.lr = 1, "constant", recipe.lr / 4
        with wg.random.fork_rng():
            wg.manual_seed(seed)
            if not goes_on:
                self.module_ = build_from_recipe(self.features_, self._target(), recipe)
                self.n_iter_ = 0
            with _value_errors():
                history = fit(self.module_, train, valid, recipe, isinstance(self, RegressorMixin))
        self.module_.eval()
        if history.interrupted:
            raise KeyboardInterrupt
        self.n_iter_ += len(history.train_loss)
        self.best_iter_ = history.best_epoch
        self.loss_curve_ = history.train_loss
        self.validation_scores_ = [scores.score for scores in history.valid]

    def _outputs(self, X: object) -> Tensor:
        check_is_fitted(self)
        inputs = wg.from_numpy(self._inputs(self._table(X, reset=False)))
        return predict_all(self.module_, inputs)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    # ---- what the two differ in

    def _wanted(self, y: object, table: Table, goes_on: bool) -> tuple[np.ndarray, np.ndarray]:
        """What a loss compares, and y as it was given."""
        raise NotImplementedError

    def _scale(self, wanted: np.ndarray, weights: np.ndarray | None) -> None:
        """Takes the centre and the spread of numbers."""

    def _encoded(self, wanted: np.ndarray) -> Tensor:
        raise NotImplementedError

    def _target(self) -> Target:
        raise NotImplementedError


def _refuse_objects(array: np.ndarray) -> None:
    for value in array.ravel().tolist():
        if isinstance(value, (dict, list, tuple, set)):
            raise TypeError(
                f"X: argument must be a string or a real number, got {type(value).__name__!r}"
            )


class TabularClassifier(ClassifierMixin, _Tabular):
    """Classes from a table: numbers, texts, categories, missing values, as `wengert train` does it.

    Args:
      preset: "simple" (default), "strong", "ensemble" or "plain": see `wengert train --help`.
      hidden_layer_sizes, learning_rate_init, batch_size, max_iter (epochs), alpha (weight decay),
        dropout: in place of the preset's, which suit the number of rows (default None).
      categorical_features: names or numbers of columns whose numbers are categories; texts are.
      early_stopping: hold out `validation_fraction` (default 0.15) of the rows and keep the weights
        of the best epoch on them (default True; of fewer than 10 rows none are).
      class_weight: a dict, "balanced" or None.
      warm_start: go on with the network of the last `fit` (default False).
      random_state: of the rows held out, the weights, and the order of rows.

    `module_` is the network, `features_` says how columns become its inputs.
    """

    def __init__(
        self, preset="simple", *, hidden_layer_sizes=None, learning_rate_init=None,
        batch_size=None, max_iter=None, alpha=None, dropout=None, categorical_features=None,
        early_stopping=True, validation_fraction=0.15, class_weight=None, warm_start=False,
        random_state=None,
    ):  # fmt: skip
        keep_parameters(self, locals())

    def partial_fit(
        self, X: object, y: object, classes: object = None, sample_weight: object = None
    ) -> TabularClassifier:
        """One pass at a steady rate. Columns are encoded as the first call found them."""
        if not hasattr(self, "module_"):
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self._later_classes = unique_labels(classes)
        try:
            self._fit(X, y, sample_weight, True)
        finally:
            self.__dict__.pop("_later_classes", None)
        return self

    def predict(self, X: object) -> np.ndarray:
        """The class of each row."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(1).numpy()]

    def predict_proba(self, X: object) -> np.ndarray:
        """float64 (n_samples, n_classes)"""
        return self._outputs(X).double().softmax(1).numpy()

    def predict_log_proba(self, X: object) -> np.ndarray:
        return self._outputs(X).double().log_softmax(1).numpy()

    def _wanted(self, y: object, table: Table, goes_on: bool) -> tuple[np.ndarray, np.ndarray]:
        labels: np.ndarray = column_or_1d(y, warn=True)
        check_consistent_length(next(iter(table.columns.values())).numbers, labels)
        if labels.dtype.kind == "f":
            check_array(labels, ensure_2d=False, input_name="y")
        check_classification_targets(labels)
        known = getattr(self, "_later_classes", None) if not goes_on else self.classes_
        if known is None:
            known = unique_labels(labels)
        numbers = class_numbers(labels, known)
        self.classes_ = known
        return numbers, labels

    def _encoded(self, wanted: np.ndarray) -> Tensor:
        return wg.from_numpy(np.ascontiguousarray(wanted))

    def _target(self) -> Target:
        return Target("y", [str(label) for label in self.classes_])


class TabularRegressor(MultiOutputRegressor, _Tabular):
    """One number a row, or several, from a table, as `wengert train` does it.

    The parameters are those of `TabularClassifier`, without `class_weight`. Each output is learnt
    in units of its deviation.
    """

    def __init__(
        self, preset="simple", *, hidden_layer_sizes=None, learning_rate_init=None,
        batch_size=None, max_iter=None, alpha=None, dropout=None, categorical_features=None,
        early_stopping=True, validation_fraction=0.15, warm_start=False, random_state=None,
    ):  # fmt: skip
        keep_parameters(self, locals())

    def partial_fit(self, X: object, y: object, sample_weight: object = None) -> TabularRegressor:
        """One pass at a steady rate. Columns and target are scaled as the first call found them."""
        self._fit(X, y, sample_weight, True)
        return self

    def predict(self, X: object) -> np.ndarray:
        """float64 (n_samples,) or (n_samples, n_outputs)."""
        values = self._outputs(X).numpy().astype(np.float64)
        values = values * self._spread + self._centre
        return values.ravel() if self._flat else values

    def _wanted(self, y: object, table: Table, goes_on: bool) -> tuple[np.ndarray, np.ndarray]:
        given: np.ndarray = check_array(
            y, ensure_2d=False, dtype=None, input_name="y", estimator=self
        )
        if given.dtype.kind not in "fiub":
            given = given.astype(np.float64)
        check_consistent_length(next(iter(table.columns.values())).numbers, given)
        values, given = output_numbers(given, len(self._centre) if goes_on else None)
        self._flat = given.ndim == 1
        return values, given

    def _scale(self, wanted: np.ndarray, weights: np.ndarray | None) -> None:
        self._centre = np.average(wanted, axis=0, weights=weights)
        spread = np.sqrt(np.average((wanted - self._centre) ** 2, axis=0, weights=weights))
        self._spread = np.where(spread <= 1e-12 * np.abs(self._centre), 1.0, spread)

    def _encoded(self, wanted: np.ndarray) -> Tensor:
        return tensor((wanted - self._centre) / self._spread)

    def _target(self) -> Target:
        return Target("y", outputs=len(self._centre))
