"""Training scripts written for PyTorch, which run on either library with nothing changed.

A script has `setup(images, labels)`, of arrays (n, 1, 8, 8) and (n,), or `setup(text)`, which seeds
the generator and gives (modules, batches, step, between): `step(*batch)` is a step of training and
returns its losses, `between(i)` comes after step i. `evaluate(modules, images)`, or of a text, is
what trained modules say.

Learning rates are small and no two pixels alike, since rounding grows from step to step wherever an
activation changes sides: at rates a few times higher torch does not agree with itself, with oneDNN
and without, to 1e-3 after 100 steps in float32.

    python -m tests.scripts.store

stores what torch gives for the scripts.
"""

import hashlib
import inspect
import json
import re
from pathlib import Path

import numpy as np

from wengert import datasets

HERE = Path(__file__).parent
CONVOLUTIONAL = ("mnist_cnn", "resnet18", "dcgan", "conv_vae")
SEQUENCES = ("char_gpt", "vit", "char_lstm", "packed_gru", "seq2seq")
NAMES = (*CONVOLUTIONAL, *SEQUENCES)
STEPS = 200
#: Digits kept of a loss.
DIGITS = {"float32": 8, "float64": 13}
#: ResNet-18 has 64 channels in its first stage: 200 steps of that would take a minute.
SMALLER = {"resnet18": {"WIDTH": 8}}


def digits():
    """Images (n, 1, 8, 8) of 0..1 and their labels, as arrays."""
    images, labels = datasets.digits("train")
    return images.numpy().reshape(-1, 1, 8, 8), labels.numpy()


def material(function):
    """The data that a script's function asks for."""
    images, labels = digits()
    given = {"images": images, "labels": labels, "text": datasets.sonnets()}
    return {n: given[n] for n in inspect.signature(function).parameters if n in given}


def load(name, library, whole=False):
    """The names that the script defines, its imports of torch being of that library."""
    source = (HERE / f"{name}.py").read_text()
    source = re.sub(r"^import torch$", f"import {library} as torch", source, flags=re.M)
    source = re.sub(r"^(import|from) torch\b", rf"\1 {library}", source, flags=re.M)
    names = {"__name__": name}
    exec(compile(source, f"{name}.py", "exec"), names)
    if not whole:
        names.update(SMALLER.get(name, {}))
    return names


def state(modules):
    """Parameters and buffers, as arrays."""
    return [v.detach().cpu().numpy() for m in modules for v in m.state_dict().values()]


def digest(modules):
    """What changes with any bit of a parameter or buffer."""
    return hashlib.sha256(b"".join(a.tobytes() for a in state(modules))).hexdigest()


def train(script, steps=STEPS, compiled=None, layout=None):
    """(digest of the initial weights, losses of all steps (steps, n), the trained modules).

    `compiled` is what the step is wrapped in, `layout` the memory format of modules and images.
    """
    modules, batches, step, between = script["setup"](**material(script["setup"]))
    begun, losses = digest(modules), []
    if layout is not None:
        modules = [m.to(memory_format=layout) for m in modules]
    step = step if compiled is None else compiled(step)
    for i in range(steps):
        x, *rest = next(batches)
        x = x if layout is None else x.contiguous(memory_format=layout)
        out = step(x, *rest)
        losses.append([loss.item() for loss in (out if isinstance(out, tuple) else (out,))])
        between(i)
    return begun, np.array(losses), modules


def stored(name, dtype):
    """(digest of the initial weights, losses) of torch 2.13 on a CPU."""
    found = json.loads((HERE / f"{name}.json").read_text())[dtype]
    return found["weights"], np.array(found["losses"])
