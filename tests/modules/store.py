"""Writes what torch gives for the table of modules: python -m tests.modules.store"""

import json
import warnings

from tests.conftest import torch
from tests.modules.stored import FILE, errors, kind
from tests.modules.table import CASES, call, gradients, inputs, make


def numbers(t) -> list:
    a = t.detach().numpy()
    return [list(a.shape), [float(f"{v:.10g}") for v in a.reshape(-1).tolist()]]


def values_of(name, case) -> dict:
    module = make(name, case, torch)
    entry = {
        "repr": repr(module),
        "state": {key: list(t.shape) for key, t in module.state_dict().items()},
    }
    if case.inputs is None:
        return entry
    entry["train"] = [numbers(t) for t in gradients(case, module, torch)]
    module.eval()
    entry["eval"] = numbers(call(case, module, inputs(case, torch), torch))
    if entry["eval"] == entry["train"][0]:
        del entry["eval"]
    entry["bad"] = {what: kind(error) for what, error in errors(name, case, torch).items()}
    return entry


def main() -> None:
    warnings.simplefilter("ignore")
    lines = [
        json.dumps(f"{name} {case.mark()}") + ": " + json.dumps(values_of(name, case))
        for name, cases in CASES.items()
        for case in cases
    ]
    FILE.write_text("{" + ",\n".join(lines) + "}\n")
    print(f"{FILE.name}: {len(lines)} cases, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
