"""The settings of a training, and defaults that suit the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .networks import Parts

PRESETS = ("simple", "strong", "ensemble", "plain")
SCHEDULES = ("cosine", "one-cycle", "coslog4", "constant")


@dataclass
class Recipe:
    """The settings of one training run.

    `model` is "mlp", a network of `hidden` layers, or "cnn", convolutions before them. `schedule`
    is what the learning rate follows: "cosine" falls from epoch to epoch, "one-cycle" rises to `lr`
    and falls to nothing from step to step, "coslog4" rises and falls four times, each longer than
    the one before, "constant" stays. The optimizer is AdamW. `parts` is what the network is made
    of; None is a plain one. `scaling` ("standard" or "robust") and `clip` say how numbers become
    inputs. A training ends when `patience` epochs brought nothing better; None: after `epochs`.
    """

    epochs: int
    hidden: list[int]
    lr: float
    batch_size: int
    dropout: float
    weight_decay: float
    label_smoothing: float = 0.0
    model: str = "mlp"
    schedule: str = "cosine"
    name: str = "plain"
    parts: Parts | None = None
    scaling: str = "standard"
    clip: bool = False
    beta2: float = 0.999
    patience: int | None = None

    @property
    def members(self) -> int:
        """How many networks are trained as one."""
        return 1 if self.parts is None else self.parts.members


_STEPS = 2400  # what a small table needs, however few batches it has
# RealMLP's 256 epochs of width 256 gave nothing more on small tables, and took four times as long;
# nor did 128 epochs instead of 96 for "simple", nor width 256 below 50,000 rows.
_EPOCHS = {"simple": 96, "strong": 128, "ensemble": 128}
_MOST_STEPS, _SMALL, _LARGE = 8000, 2000, 50_000


def preset(
    rows: int,
    digits: bool = False,
    linear: bool = False,
    batch_size: int | None = None,
    model: str = "mlp",
    name: str = "plain",
    regression: bool = False,
) -> Recipe:
    """Settings for a table of so many training rows, or for the digits.

    A small table is gone through more often, so that its few batches make enough steps; `linear` is
    for a network without hidden layers, which takes larger ones and needs no dropout. `model` "cnn"
    is for images. `name` is one of `PRESETS`; those but "plain" know what `regression` is, and are
    for tables only. ValueError for another name.
    """
    if name not in PRESETS:
        raise ValueError(f"preset {name!r}, needed one of {', '.join(PRESETS)}")
    if model == "cnn":
        return Recipe(30, [], 4e-3, batch_size or 64, 0.3, 1e-2, 0.1, "cnn", "one-cycle")
    if name != "plain":
        return _of_table(name, rows, batch_size, regression, linear)
    batch = batch_size or (64 if digits or rows > 2000 else 32)
    if batch_size is None and rows > 50_000:
        batch = 256
    steps_per_epoch = -(-rows // batch)
    return Recipe(
        epochs=40 if digits else max(60, -(-_STEPS // steps_per_epoch)),
        hidden=[] if linear else [256, 128] if digits else [64, 64],
        lr=2e-2 if linear and not digits else 2e-3,
        batch_size=batch,
        dropout=0.3 if digits else 0.0 if linear else 0.1,
        weight_decay=1e-2,
        label_smoothing=0.1 if digits else 0.0,
    )


def _of_table(
    name: str, rows: int, batch_size: int | None, regression: bool, linear: bool
) -> Recipe:
    """RealMLP with tuned defaults (Holzmueller et al., 2024), simple or whole; or TabM."""
    batch = batch_size or (64 if name == "ensemble" and rows <= _SMALL else 256)
    steps_per_epoch = max(1, -(-rows // batch))
    if name == "simple" and batch_size is None:  # of equal sizes, and so one program for all
        batch = max(1, -(-rows // steps_per_epoch))
    epochs = max(24, min(_EPOCHS[name], _MOST_STEPS // steps_per_epoch))
    width = 128 if rows <= (_LARGE if name == "simple" else _SMALL) else 256
    smoothing = 0.0 if regression else 0.1
    activation = "mish" if regression else "selu"
    parts = Parts(
        ntk=True, front_scale=True, activation=activation, zero_head=True, clamp=regression
    )
    recipe = Recipe(
        epochs, [] if linear else [width] * 3, 0.07 if regression else 0.04, batch, 0.0, 0.0,
        smoothing, "mlp", "coslog4", name, parts, "robust", True, 0.95,
    )  # fmt: skip
    if name == "strong":  # at the published rate of 0.2 for regression the small sets came worse
        recipe.dropout, recipe.weight_decay = 0.15, 0.02
        recipe.parts = replace(
            parts, learned_activation=True, periodic=0.1, category_embedding=8, zero_head=False
        )
    if name == "ensemble":
        # With 32 members of width 512, as published, a step takes 16 times as long and more.
        recipe.hidden, recipe.lr, recipe.schedule = [] if linear else [width] * 2, 2e-3, "constant"
        recipe.dropout, recipe.weight_decay, recipe.label_smoothing = 0.1, 3e-4, 0.0
        recipe.parts, recipe.patience, recipe.beta2 = Parts(members=8, clamp=regression), 16, 0.999
    return recipe
