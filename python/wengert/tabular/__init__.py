"""Tables: reading them, encoding them, training a network on them, and keeping it in a file.

The command line is made of this::

    from wengert import tabular

    data = tabular.prepare_table(tabular.read_table("flowers.csv"), target="species")
    regression = data.target.classes is None
    recipe = tabular.preset(rows=data.train[1].shape[0], name="simple", regression=regression)
    network = tabular.build_from_recipe(data.features, data.target, recipe)
    history = tabular.fit(network, data.train, data.valid, recipe, regression)
    print(tabular.evaluate(network, data.test, regression))

Whatever is wrong with a file or a setting raises `TabularError`, whose message is one line.
"""

from __future__ import annotations

from .errors import DivergedError, TabularError
from .features import Feature, Notes, Treatment, encode_inputs, fit_features
from .model_file import Model, build_from_recipe, build_network, load_model, save_model
from .networks import Parts, TabularNetwork
from .prepare import Prepared, prepare_digits, prepare_table, split_rows
from .presets import Recipe, preset
from .reader import read_table
from .table import Column, Table, digits_table, table_of
from .targets import Target, encode_target, fit_target
from .training import History, Scores, Watcher, evaluate, fit, predict_all

__all__ = [
    "Column", "DivergedError", "Feature", "History", "Model", "Notes", "Parts", "Prepared",
    "Recipe", "Scores", "Table", "TabularError", "TabularNetwork", "Target", "Treatment",
    "Watcher", "build_from_recipe", "build_network", "digits_table", "encode_inputs",
    "encode_target", "evaluate", "fit", "fit_features", "fit_target", "load_model", "predict_all",
    "prepare_digits", "prepare_table", "preset", "read_table", "save_model", "split_rows",
    "table_of",
]  # fmt: skip
