"""Writes docs/coverage.md, what there is of PyTorch: python -m tests.rows.coverage [--check]

Every name that users see, with the dtypes in which its first sample runs, whether gradients of
first and second order exist, whether a captured function may call it, how `vmap` does, and whether
C++ declares it; all found by trying. At the end stands what is missing of PyTorch's dense real CPU
API, from `missing.py`, less what has come since.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

import wengert as wg
from tests import functions
from tests.func.test_vmap_rows import called, form_of, shifted
from tests.functions import is_public
from tests.rows.derivatives import as_function, gradients, leaves
from tests.rows.missing import MISSING
from tests.rows.page import dtypes
from tests.rows.sample import Sample, arrays, build
from tests.rows.table import FAMILIES, ROWS, SAMPLES, in_wengert
from wengert.func import _batched

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "coverage.md"

HEAD = """\
# What there is of PyTorch

Written by `python -m tests.rows.coverage`; do not edit. Of an operation that has several
signatures, a line for each. The dtypes are those in which its first sample runs; *1st* and *2nd*
say whether there are gradients of these orders, *capture* whether a captured function may call it,
*vmap* how `vmap` maps over all tensors of its first samples: by a *rule* for all slices at once, in
a *loop* over them, or by a rule for some of the samples (*in part*); nothing where it refuses, or
where there is no tensor to map over. *C++* says whether it is declared for C++ users.
[operations.md](operations.md) has the mathematics.

"""
# Where names are missing, in our package or in torch.
PLACES = {
    "torch": lambda library: library,
    "torch.Tensor": lambda library: library.Tensor,
    "torch.nn": lambda library: library.nn,
    "torch.nn.functional": lambda library: library.nn.functional,
    "torch.nn.init": lambda library: library.nn.init,
    "torch.nn.utils": lambda library: library.nn.utils,
    "torch.signal.windows": lambda library: library.signal.windows,
    "torch.special": lambda library: library.special,
    "torch.linalg": lambda library: library.linalg,
    "torch.fft": lambda library: library.fft,
    "torch.masked": lambda library: library.masked,
    "torch.autograd": lambda library: library.autograd,
    "torch.func": lambda library: library.func,
    "torch.optim": lambda library: library.optim,
    "torch.optim.lr_scheduler": lambda library: library.optim.lr_scheduler,
    "torch.utils.data": lambda library: library.utils.data,
    "torch.distributions": lambda library: library.distributions,
    "torch.testing": lambda library: library.testing,
}
FAILURES = (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError)


def first_smooth(key: str) -> Sample | None:
    return next((s for s in SAMPLES[key] if s.differentiable), None)


def orders(key: str) -> tuple[bool, bool]:
    """Whether the first sample with gradients has those of first and second order."""
    row, sample = ROWS[key], first_smooth(key)
    if not row["differentiable"] or sample is None:
        return False, False
    function, values = as_function(row, sample)
    xs = leaves(values)
    try:
        ys = [y for y in function(xs) if y.requires_grad]
        if not ys:
            return False, False
        ws = [wg.ones_like(y).requires_grad_() for y in ys]
        first = gradients(ys, ws, xs, create_graph=True)
    except FAILURES:
        return False, False
    try:
        followed = [g for g in first if g.requires_grad]
        if followed:
            gradients(followed, [wg.ones_like(g) for g in followed], [*xs, *ws])
    except FAILURES:
        return True, False
    return True, True


def captures(key: str) -> bool:
    """Whether the first sample that runs may be captured, and replayed."""
    function = in_wengert(ROWS[key])
    for sample in SAMPLES[key][:2]:
        args, kwargs = build(sample, wg)
        try:
            function(*args, **kwargs)
        except FAILURES:
            continue
        captured = wg.capture(lambda args=args, kwargs=kwargs: function(*args, **kwargs))
        try:
            captured()
            captured()
        except FAILURES:
            return False
        return True
    return False


def batches(key: str) -> str:
    """How vmap maps over the first samples; the loop tells that it is one."""
    row, form, found = ROWS[key], form_of(ROWS[key]), set()
    for sample in SAMPLES[key][:4] if form else ():
        given = arrays(sample)
        if not given:
            continue
        stacks = [wg.from_numpy(np.stack([shifted(a, b) for b in range(2)])) for a in given]

        def function(*xs, sample=sample):
            return called(row, sample, form, dict(enumerate(xs)))

        _batched._told.clear()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                wg.vmap(function, randomness="different")(*stacks)
            except FAILURES:
                continue
        found.add(any("no rule covers" in str(w.message) for w in told))
    return {0: "", 1: "loop" if True in found else "rule", 2: "in part"}[len(found)]


def said(flag: bool) -> str:
    return "yes" if flag else ""


def line(key: str, headers: set[str]) -> str:
    row = ROWS[key]
    first, second = orders(key)
    places = [
        name
        for name, there in (
            ("function", row["module"]),
            ("method", row["method"]),
            ("in place", row["inplace"] or row["inplace_functional"]),
            ("F", row["functional"]),
            ("special", row["name"] in wg.special.__all__),
        )
        if there
    ]
    cells = (
        f"`{row['name']}`",
        ", ".join(places),
        dtypes(key),
        said(first),
        said(second),
        said(captures(key)),
        batches(key),
        said(row["name"] in headers and functions.reason_of(key) is None),
    )
    return "| " + " | ".join(cells) + " |"


def page() -> str:
    headers, lines = functions.declared(), [HEAD]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for family, keys in FAMILIES.items():
            public = sorted(key for key in keys if is_public(ROWS[key]))
            if not public:
                continue
            lines.append(f"## {family}\n")
            lines.append("| name | where | dtypes | 1st | 2nd | capture | vmap | C++ |")
            lines.append("|---|---|---|---|---|---|---|---|")
            lines += [line(key, headers) for key in public]
            lines.append("")
    lines.append("## What C++ has otherwise\n")
    lines.append("Lines above without a C++ function of their own, with the reason.\n")
    for reason, keys in functions.LEFT_OUT.items():
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(key.split("(")[0] for key in keys))
        lines.append(f"- {reason}: {names}")
    lines.append("")
    lines.append("## What is missing\n")
    lines.append(
        "The names of PyTorch 2.13 that a dense real tensor on the CPU could want and that are not "
        "here, with the reason.\n"
    )
    for reason, places in MISSING.items():
        lines.append(f"**{reason}.**\n")
        for place, names in places.items():
            ours = PLACES[place](wg)
            missing = [name for name in sorted(names.split()) if not hasattr(ours, name)]
            if missing:
                lines.append(f"- {place}: {', '.join(f'`{name}`' for name in missing)}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    text = page()
    if arguments == ["--check"]:
        if PAGE.read_text() == text:
            return 0
        print(
            "docs/coverage.md: not up to date; run python -m tests.rows.coverage", file=sys.stderr
        )
        return 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
