"""A trained network with all that is needed to use it, as one safetensors file.

The weights are the state dict; the rest is JSON under the metadata key "wengert": the
architecture, the columns with their statistics or categories, and the target.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import wengert as wg

from .. import nn
from .._native import Tensor
from ..serialization import load_safetensors, save_safetensors
from .encode import Feature, Target
from .errors import EXTRA, TabularError, file_error

FORMAT = 1
KEY = "wengert"


@dataclass
class Model:
    """A network and the meaning of its inputs and outputs."""

    network: nn.Module
    features: list[Feature]
    target: Target
    hidden: list[int]
    dropout: float


def build_network(inputs: int, hidden: list[int], outputs: int, dropout: float) -> nn.Sequential:
    """inputs -> hidden (ReLU, dropout) -> ... -> outputs."""
    layers: list[nn.Module] = []
    width = inputs
    for size in hidden:
        layers += [nn.Linear(width, size), nn.ReLU()]
        if dropout > 0:
            layers.append(nn.Dropout(dropout))
        width = size
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def require_safetensors() -> None:
    """TabularError if model files cannot be written or read, for want of safetensors."""
    try:
        import safetensors.numpy  # noqa: F401
    except ImportError:
        raise TabularError(f"model files need the package safetensors: {EXTRA}") from None


def save_model(model: Model, path: str) -> None:
    """Writes `model` to `path`, whole or not at all. TabularError if the file cannot be written."""
    about = {
        "format": FORMAT,
        "version": wg.__version__,
        "task": model.target.task,
        "hidden": model.hidden,
        "dropout": model.dropout,
        "activation": "relu",
        "columns": [feature.to_json() for feature in model.features],
        "target": model.target.to_json(),
    }
    try:
        metadata = {"format": "pt", KEY: json.dumps(about)}
        save_safetensors(model.network.state_dict(), path, metadata)
    except OSError as error:
        raise file_error(path, error) from None


def load_model(path: str) -> Model:
    """The model that `save_model` wrote, in evaluation mode. TabularError for any other file."""
    require_safetensors()
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
        if about["format"] != FORMAT or about["activation"] != "relu":
            raise TabularError(f"{path}: saved by a later version ({about.get('version')})")
        features = [Feature.from_json(column) for column in about["columns"]]
        target = Target.from_json(about["target"], about["task"])
        hidden = [int(size) for size in about["hidden"]]
        dropout = float(about["dropout"])
        _check_shapes(state, sum(f.width for f in features), hidden, target.width, dropout)
        network = build_network(sum(f.width for f in features), hidden, target.width, dropout)
        network.load_state_dict(state)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TabularError(f"{path}: damaged model description: {reason:.200}") from None
    network.eval()
    return Model(network, features, target, hidden, dropout)


def _check_shapes(
    state: Mapping[str, Tensor], inputs: int, hidden: list[int], outputs: int, dropout: float
) -> None:
    """Before a network is built, as a damaged description could ask for any size."""
    widths = [inputs, *hidden, outputs]
    step = 3 if dropout > 0 else 2
    for layer, (width, size) in enumerate(pairwise(widths)):
        weight = state.get(f"{layer * step}.weight")
        if weight is None or tuple(weight.shape) != (size, width):
            found = None if weight is None else tuple(weight.shape)
            raise ValueError(f"layer {layer} has weights {found}, needed {(size, width)}")
