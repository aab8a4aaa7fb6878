"""Writes what torch gives for the tables: python -m tests.distributions.store"""

from __future__ import annotations

import json
import warnings
from typing import Any

import torch

from tests.distributions import table, transforms
from tests.distributions.stored import PATH


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, list):
        return [rounded(v) for v in value]
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return value


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    found = {}
    for c in table.CASES:
        d = table.make(torch, c)
        found[c.key] = table.answers(torch, d)
        found[c.key]["gradients"] = table.gradients(torch, c)
        found[c.key]["repr"] = repr(table.make(torch, c)).replace("torch.", "")
    for name, d in table.composed(torch).items():
        found[name] = table.answers(torch, d)
    found["divergences"] = table.divergences(torch)
    found["refusals"] = table.refusals(torch)
    found["transforms"] = {name: transforms.answers(torch, name) for name in transforms.TRANSFORMS}
    found["constraints"] = transforms.checks(torch)
    lines = [json.dumps(k) + ": " + json.dumps(rounded(v)) for k, v in found.items()]
    PATH.write_text("{" + ",\n".join(lines) + "}\n")
    print(f"{PATH.name}: {len(found)} entries, {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
