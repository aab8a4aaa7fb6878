"""scikit-learn under `array_api_dispatch`, SciPy and einops with our tensors: values as NumPy's."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from tests.array_api import ecosystem

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = {"sklearn": "1.9", "scipy": "1.17"}  # in which more functions take the standard's arrays


@pytest.mark.parametrize("library", ["sklearn", "scipy"])
def test_values(library):
    pytest.importorskip("sklearn")  # makes the data
    pytest.importorskip(library, minversion=VERSIONS[library])
    command = [sys.executable, "-m", "tests.array_api.ecosystem", library]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    *wrong, count = run.stdout.splitlines()
    tables = ecosystem.SKLEARN if library == "sklearn" else ecosystem.SCIPY
    assert count == f"{sum(map(len, tables.values()))} of {library}"
    assert not wrong, "\n".join(wrong)


# ---- einops ------------------------------------------------------------------------------------

PATTERNS = {
    "rearrange": ["b c h w -> b (c w) h", "b c (h s) w -> h s (b c w)", "b c h w -> w h c b 1"],
    "reduce": ["b c h w -> b c", "b c (h s) w -> b h 1", "b c h w -> "],
    "repeat": ["b c h w -> b (c r) h w", "b c h w -> r b c h w"],
}


@pytest.mark.parametrize("operation", ["min", "max", "sum", "mean", "prod", "any", "all"])
def test_einops_reduces(operation):
    einops = pytest.importorskip("einops")
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)) * 2
    x = x > 0 if operation in ("any", "all") else x
    for pattern in PATTERNS["reduce"]:
        sizes = {"s": 2} if "s" in pattern else {}
        found = einops.reduce(wg.from_numpy(x), pattern, operation, **sizes)
        assert isinstance(found, wg.Tensor)
        np.testing.assert_allclose(found.numpy(), einops.reduce(x, pattern, operation, **sizes))


def test_einops_rearranges():
    einops = pytest.importorskip("einops")
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    t = wg.from_numpy(x)
    for name in ("rearrange", "repeat"):
        for pattern in PATTERNS[name]:
            sizes = {size: 2 for size in "sr" if size in pattern}
            found = getattr(einops, name)(t, pattern, **sizes)
            expected = getattr(einops, name)(x, pattern, **sizes)
            assert found.shape == expected.shape and (found.numpy() == expected).all()
    assert einops.rearrange([t, t], "n b c h w -> b n c h w").shape == (2, 2, 3, 4, 5)
    packed, shapes = einops.pack([t, t[..., 0]], "b c *")
    assert [p.shape for p in einops.unpack(packed, shapes, "b c *")] == [t.shape, (2, 3, 4)]
    found = einops.einsum(t, t, "b c h w, b d h w -> b c d")
    np.testing.assert_allclose(found.numpy(), np.einsum("bchw,bdhw->bcd", x, x))
    assert einops.parse_shape(t, "b c h w") == {"b": 2, "c": 3, "h": 4, "w": 5}
    assert isinstance(einops.asnumpy(t), np.ndarray)


def test_einops_has_gradients():
    einops = pytest.importorskip("einops")
    x = wg.ones(2, 6, requires_grad=True)
    (einops.reduce(x, "b (g c) -> b g", "mean", g=2) ** 2).sum().backward()
    assert wg.allclose(x.grad, wg.full((2, 6), 2 / 3))


@pytest.mark.parametrize("order", ["einops, wengert", "wengert, einops"])
def test_einops_is_imported_before_or_after(order):
    pytest.importorskip("einops")
    code = (
        f"import sys; import {order}; n = len(sys.meta_path); "
        "x = einops.rearrange(wengert.ones(2, 3), 'a b -> b a'); "
        "import inspect; inspect.getsource(einops._backends); print(tuple(x.shape), "
        "[type(f).__module__ for f in sys.meta_path if 'wengert' in type(f).__module__])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "(3, 2) []"
