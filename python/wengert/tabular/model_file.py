"""A trained network with all that is needed to use it, as one safetensors file.

The weights are the state dict; the rest is JSON under the metadata key "wengert": the
architecture, the columns with their statistics or categories, and the target.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

import wengert as wg

from .. import nn
from .._native import Tensor
from ..serialization import load_safetensors, save_safetensors
from .errors import TabularError, file_error
from .features import Feature, Json, Notes, encode_inputs
from .images import convolutions
from .networks import Parts, TabularNetwork, input_shapes
from .presets import Recipe
from .reader import read_table
from .table import Table, table_of
from .targets import Target
from .training import predict_all

FORMAT = 2  # 1 knows neither missing values nor what they become
FORMAT_OF_IMAGES = 3  # networks with convolutions, which 2 does not know
FORMAT_OF_PARTS = 4  # networks of `Parts`, and columns that are clipped
FORMAT_OF_SEVERAL = 5  # several targets
_FORMATS = (1, FORMAT, FORMAT_OF_IMAGES, FORMAT_OF_PARTS, FORMAT_OF_SEVERAL)
KEY = "wengert"


@dataclass
class Model:
    """A network and the meaning of its inputs and outputs.

    `model.network` is the module, `model.features` says how each column becomes inputs, and
    `model.target` what is predicted: a number, several of them (`model.target.several`), or one of
    `model.target.classes`.
    """

    network: nn.Module
    features: list[Feature]
    target: Target
    hidden: list[int]
    dropout: float
    kind: str = "mlp"  # as `Recipe.model`
    parts: Parts | None = None  # as `Recipe.parts`

    def encode(self, data: object, notes: Notes | None = None) -> Tensor:
        """The inputs, float32 (rows, inputs), of a `Table`, a path, or columns by name.

        Columns are a dict of sequences or a frame of pandas or polars. TabularError for what does
        not fit.
        """
        table = self._table(data)
        return wg.from_numpy(encode_inputs(table, self.features, notes or Notes()))

    def outputs(self, data: object, notes: Notes | None = None) -> Tensor:
        """What the network says, (rows, outputs): logits of classes, or a standardised number."""
        return predict_all(self.network, self.encode(data, notes))

    def predict(self, data: object) -> np.ndarray:
        """The predictions for each row: float64 numbers, or labels (texts).

        Of several targets (rows, targets), in the order of `model.target.names`.
        """
        return self.decode(self.outputs(data))

    def probabilities(self, data: object) -> np.ndarray:
        """float32 (rows, classes). TabularError for a model that predicts a number."""
        if self.target.classes is None:
            raise TabularError("the model predicts a number, which has no probabilities")
        return wg.softmax(self.outputs(data), 1).numpy()

    def decode(self, outputs: Tensor) -> np.ndarray:
        """Predictions from what the network says."""
        if self.target.classes is None:
            values = outputs.numpy().astype(np.float64)
            values = values * self.target.scales() + self.target.centres()
            return values if self.target.several else values[:, 0]
        return np.array(self.target.classes, object)[outputs.argmax(1).numpy()]

    def columns_of_texts(self) -> list[str]:
        """The columns whose cells are used as they are written."""
        return [f.name for f in self.features if f.categories is not None] + self.target.names

    def _table(self, data: object) -> Table:
        if isinstance(data, Table):
            return data
        if isinstance(data, (str, os.PathLike)):
            return read_table(os.fspath(data), self.columns_of_texts())
        return table_of(data)


def build_network(
    inputs: int, hidden: list[int], outputs: int, dropout: float, model: str = "mlp"
) -> nn.Sequential:
    """inputs -> hidden (ReLU, dropout) -> ... -> outputs.

    Before that, if `model` is "cnn", convolutions, for which the inputs are the pixels of a square
    image, row by row. TabularError if they cannot be.
    """
    layers, width = convolutions(inputs, dropout) if model == "cnn" else ([], inputs)
    for size in hidden:
        layers += [nn.Linear(width, size), nn.ReLU()]
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
        width = size
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def build_from_recipe(features: list[Feature], target: Target, recipe: Recipe) -> nn.Module:
    """The network of `recipe` for these columns: a `TabularNetwork`, or `build_network`'s."""
    inputs = sum(feature.width for feature in features)
    if recipe.parts is None:
        return build_network(inputs, recipe.hidden, target.width, recipe.dropout, recipe.model)
    return TabularNetwork(
        input_shapes(features), recipe.hidden, target.width, recipe.dropout, recipe.parts,
        target.classes is None,
    )  # fmt: skip


def save_model(model: Model, path: str) -> None:
    """Writes `model` to `path`, whole or not at all. TabularError if the file cannot be written."""
    number = FORMAT_OF_IMAGES if model.kind == "cnn" else FORMAT
    if model.parts is not None or any(feature.clip for feature in model.features):
        number = FORMAT_OF_PARTS
    if model.target.several:
        number = FORMAT_OF_SEVERAL
    about = {
        "format": number,
        "model": model.kind,
        "version": wg.__version__,
        "task": model.target.task,
        "hidden": model.hidden,
        "dropout": model.dropout,
        "activation": "relu",
        "parts": None if model.parts is None else model.parts.to_json(),
        "columns": [feature.to_json() for feature in model.features],
        "target": model.target.to_json(),
    }
    try:
        metadata = {"format": "pt", KEY: json.dumps(about)}
        save_safetensors(model.network.state_dict(), path, metadata)
    except OSError as error:
        raise file_error(path, error) from None


def load_model(path: str | os.PathLike[str]) -> Model:
    """The model that `wengert train --save` wrote, in evaluation mode, with its encodings.

    TabularError for any other file. Files of earlier versions are read.
    """
    path = os.fspath(path)
    try:
        state, metadata = load_safetensors(path)
    except OSError as error:
        raise file_error(path, error) from None
    except ValueError as error:
        reason = str(error).rpartition(": ")[2]
        raise TabularError(f"{path}: not a safetensors file that can be read ({reason})") from None
    if KEY not in metadata:
        raise TabularError(f"{path}: not a model saved by `wengert train`")
    try:
        about = json.loads(metadata[KEY])
        if about["format"] not in _FORMATS or about["activation"] != "relu":
            raise TabularError(f"{path}: saved by a later version ({about.get('version')})")
        return _model_of(about, state)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TabularError(f"{path}: damaged model description: {reason:.200}") from None


def _model_of(about: Json, state: dict[str, Tensor]) -> Model:
    features = [Feature.from_json(column) for column in about["columns"]]
    target = Target.from_json(about["target"], about["task"])
    hidden = [int(size) for size in about["hidden"]]
    dropout = float(about["dropout"])
    inputs = sum(f.width for f in features)
    if about.get("parts") is not None:
        return _of_parts(about, state, features, target, hidden, dropout)
    kind = str(about.get("model", "mlp"))
    if kind not in ("mlp", "cnn"):
        raise ValueError(f"no such model: {kind!r}")
    try:
        before, width = convolutions(inputs, dropout) if kind == "cnn" else ([], inputs)
    except TabularError as error:
        raise ValueError(str(error)) from None
    _check_shapes(state, len(before), width, hidden, target.width, dropout)
    network = build_network(inputs, hidden, target.width, dropout, kind)
    network.load_state_dict(state)
    network.eval()
    return Model(network, features, target, hidden, dropout, kind)


def _of_parts(
    about: Json,
    state: dict[str, Tensor],
    features: list[Feature],
    target: Target,
    hidden: list[int],
    dropout: float,
) -> Model:
    parts = Parts.from_json(about["parts"])
    step = 3 if dropout > 0 else 2
    for layer, size in enumerate(hidden):  # before a network of any size is built
        weight = state.get(f"layers.{layer * step}.weight")
        if weight is None or weight.shape[0] != size:
            raise ValueError(f"layer {layer} has no weights of {size} units")
    shapes, regression = input_shapes(features), target.classes is None
    network = TabularNetwork(shapes, hidden, target.width, dropout, parts, regression)
    network.load_state_dict(state)
    network.eval()
    return Model(network, features, target, hidden, dropout, "mlp", parts)


def _check_shapes(
    state: Mapping[str, Tensor],
    first: int,
    inputs: int,
    hidden: list[int],
    outputs: int,
    dropout: float,
) -> None:
    """Of the linear layers, the first of which is layer `first` of the network.

    Before a network is built, as a damaged description could ask for any size.
    """
    widths = [inputs, *hidden, outputs]
    step = 3 if dropout > 0 else 2
    for layer, (width, size) in enumerate(pairwise(widths)):
        weight = state.get(f"{first + layer * step}.weight")
        if weight is None or tuple(weight.shape) != (size, width):
            found = None if weight is None else tuple(weight.shape)
            raise ValueError(f"layer {layer} has weights {found}, needed {(size, width)}")
