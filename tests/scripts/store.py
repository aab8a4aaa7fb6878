"""Stores what torch gives for the scripts: `python -m tests.scripts.store [NAME...]`."""

import json
import sys

import torch

from tests.scripts import DIGITS, HERE, NAMES, load, train


def store(name):
    out = []
    for dtype in DIGITS:
        torch.set_default_dtype(getattr(torch, dtype))
        begun, losses, _ = train(load(name, "torch"))
        kept = [[float(f"{loss:.{DIGITS[dtype]}g}") for loss in row] for row in losses.tolist()]
        out.append(f'"{dtype}": {{"weights": "{begun}",\n"losses": {json.dumps(kept)}}}')
    (HERE / f"{name}.json").write_text("{" + ",\n".join(out) + "}\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for script in sys.argv[1:] or NAMES:
        store(script)
