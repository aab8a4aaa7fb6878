"""Estimators for scikit-learn (1.6 and later): `pip install 'wengert[sklearn]'`.

`MLPClassifier` and `MLPRegressor` have the parameters of scikit-learn's, and `dropout` and, for
classes, `class_weight`. `TabularClassifier` and `TabularRegressor` are the presets of `wengert
train`: they take frames with texts, categories and missing values as they are.

    from wengert.sklearn import TabularClassifier

    model = TabularClassifier(random_state=0).fit(frame, labels)
    model.predict_proba(more)

A network of a few thousand weights is trained on one thread, as a second costs more than it gives;
jobs of joblib get their share of the cores by OMP_NUM_THREADS, and threadpoolctl's limits are kept.
"""

from __future__ import annotations

try:
    from sklearn.utils.validation import validate_data as _validate_data  # noqa: F401
except ImportError as error:
    raise ImportError(
        "wengert.sklearn needs scikit-learn 1.6 or later: pip install 'wengert[sklearn]'"
    ) from error

from ._mlp import MLPClassifier, MLPRegressor
from ._table import TabularClassifier, TabularRegressor
from ._threads import register_controller as _register_controller

_register_controller()

__all__ = ["MLPClassifier", "MLPRegressor", "TabularClassifier", "TabularRegressor"]
