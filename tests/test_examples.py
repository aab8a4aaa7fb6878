"""The examples in Python that take arguments run, and learn what they say they do."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from wengert import serialization

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name, *args):
    command = [sys.executable, EXAMPLES / name, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def accuracy(out):
    return float(re.search(r"test accuracy: ([\d.]+)%", out)[1])


def test_a_network_of_convolutions(tmp_path):
    pytest.importorskip("safetensors")
    out = run("cnn_digits.py", "--save", tmp_path / "m.safetensors")
    assert accuracy(out) >= 98
    assert (tmp_path / "m.safetensors").stat().st_size > 4 * 10_000


@pytest.mark.parametrize("layout", [(), ("--channels-last",)], ids=["usual", "channels_last"])
def test_a_residual_network(layout):
    out = run("resnet.py", *layout)
    assert "ResNet-8: " in out
    assert accuracy(out) >= 97


def test_an_autoencoder():
    out = run("conv_autoencoder.py")
    noisy, mended = re.search(r"([\d.]+) with noise, ([\d.]+) mended", out).groups()
    assert float(mended) < 0.7 * float(noisy)


SMALL = {
    "char_gpt.py": ("--width", 32, "--layers", 1, "--block", 32, "--every", 60),
    "char_lstm.py": ("--width", 48, "--length", 32, "--every", 60),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_network_that_writes(name, tmp_path):
    steps = ("--steps", 120, "--letters", 40, "--save", tmp_path / "m.safetensors")
    out = run(name, *SMALL[name], *steps)
    found = [float(v) for v in re.findall(r"validation ([\d.]+)", out)]
    assert found[-1] < 0.75 * found[0]
    assert re.search(r"[\d,]+ tokens/s", out)
    written = out[out.index("characters/s:") + 15 : out.rindex("weights saved")]
    assert len(written) == 1 + 40 + 2


# ---- GPT-2, from a small random file of its shape


def small_gpt2(folder, width=16, layers=2, positions=24, vocabulary=256):
    """Writes it, and gives its arrays."""
    rng = np.random.default_rng(0)
    shapes = {"wte.weight": (vocabulary, width), "wpe.weight": (positions, width)}
    for i in range(layers):
        for name, m, n in (
            ("attn.c_attn", width, 3 * width),
            ("attn.c_proj", width, width),
            ("mlp.c_fc", width, 4 * width),
            ("mlp.c_proj", 4 * width, width),
        ):
            shapes[f"h.{i}.{name}.weight"], shapes[f"h.{i}.{name}.bias"] = (m, n), (n,)
    for norm in (*(f"h.{i}.ln_{k}" for i in range(layers) for k in (1, 2)), "ln_f"):
        shapes[f"{norm}.weight"] = shapes[f"{norm}.bias"] = (width,)
    arrays = {k: (rng.standard_normal(s) * 0.4).astype(np.float32) for k, s in shapes.items()}
    path = folder / "model.safetensors"
    serialization.save_safetensors({k: wg.from_numpy(a) for k, a in arrays.items()}, path)
    (folder / "config.json").write_text(json.dumps({"n_head": 2}))
    return path, arrays


def gpt2_in_numpy(w, tokens, heads=2):
    """The logits of one sequence, as Radford et al. (2019) define them."""

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * w[f"{name}.weight"] + w[f"{name}.bias"]

    def linear(x, name):
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    x = w["wte.weight"][tokens] + w["wpe.weight"][: len(tokens)]
    above = np.triu(np.full((len(tokens),) * 2, -np.inf), 1)
    for i in range(2):
        q, k, v = np.split(linear(norm(x, f"h.{i}.ln_1"), f"h.{i}.attn.c_attn"), 3, -1)
        parts = []
        for a, b, c in zip(*(np.split(t, heads, -1) for t in (q, k, v)), strict=True):
            e = np.exp(a @ b.T / np.sqrt(a.shape[-1]) + above)
            parts.append(e / e.sum(-1, keepdims=True) @ c)
        x = x + linear(np.concatenate(parts, -1), f"h.{i}.attn.c_proj")
        h = linear(norm(x, f"h.{i}.ln_2"), f"h.{i}.mlp.c_fc")
        h = 0.5 * h * (1 + np.tanh(np.sqrt(2 / np.pi) * (h + 0.044715 * h**3)))
        x = x + linear(h, f"h.{i}.mlp.c_proj")
    return norm(x, "ln_f") @ w["wte.weight"].T


@pytest.fixture(scope="module")
def gpt2():
    spec = importlib.util.spec_from_file_location("gpt2_finetune", EXAMPLES / "gpt2_finetune.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_gpt2_is_what_its_file_says(gpt2, tmp_path):
    path, arrays = small_gpt2(tmp_path)
    tokens = np.random.default_rng(1).integers(0, 256, 20)
    model = gpt2.load(path).eval()
    exact = {k: a.astype(np.float64) for k, a in arrays.items()}
    expected = gpt2_in_numpy(exact, tokens)
    with wg.no_grad():
        whole = model(wg.from_numpy(tokens)[None])[0]
        caches = model.caches(20)  # position by position, with what is kept of those before
        steps = [
            model(wg.from_numpy(tokens[i : i + 1])[None], caches, wg.tensor([i]))[0, 0]
            for i in range(20)
        ]
    np.testing.assert_allclose(whole.numpy(), expected, rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(wg.stack(steps).numpy(), expected, rtol=2e-4, atol=2e-4)
    again = tmp_path / "again.safetensors"
    gpt2.save(model, again)
    stored, _ = serialization.load_safetensors(again)
    assert {k: t.numpy().tobytes() for k, t in stored.items()} == {
        k: a.tobytes() for k, a in arrays.items()
    }


@pytest.mark.parametrize("lora", [(), ("--lora", 2)], ids=["all", "lora"])
def test_gpt2_learns(gpt2, tmp_path, lora):
    path, arrays = small_gpt2(tmp_path)
    saved = tmp_path / "tuned.safetensors"
    out = run(
        "gpt2_finetune.py", path, *lora, "--steps", 40, "--length", 16, "--lr", 1e-2,
        "--dropout", 0, "--tokens", 12, "--save", saved,
    )  # fmt: skip
    losses = [float(v) for v in re.findall(r"loss ([\d.]+)", out)]
    assert losses[-1] < (0.95 if lora else 0.8) * losses[0]
    assert "tokens/s" in out
    stored, _ = serialization.load_safetensors(saved)
    changed = {k for k, t in stored.items() if not np.array_equal(t.numpy(), arrays[k])}
    turned = {k for k in arrays if k.startswith("h.") and arrays[k].ndim == 2}
    assert changed == (turned if lora else set(arrays))
    assert gpt2.load(saved).h[0].heads == 2


def test_the_tokens_of_gpt2(gpt2, tmp_path):
    words = [chr(i) for i in (*range(33, 127), *range(161, 173), *range(174, 256))]
    words += [chr(256 + i) for i in range(68)]
    merges = [("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("\u0120", "w"), ("o", "r")]
    words += ["".join(pair) for pair in merges]
    (tmp_path / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}), "utf-8")
    text = "#version: 0.2\n" + "\n".join(" ".join(pair) for pair in merges)
    (tmp_path / "merges.txt").write_text(text, "utf-8")
    tokens = gpt2.BytePairs(tmp_path)
    found = tokens.encode("hello world")
    assert [words[t] for t in found] == ["hello", "\u0120w", "or", "l", "d"]
    for text in ("hello world", "it's  3 caf\u00e9s\n\n\tok_", " ", ""):
        assert tokens.decode(tokens.encode(text)) == text
        assert gpt2.Bytes().decode(gpt2.Bytes().encode(text)) == text


def test_all_are_listed_and_say_what_they_do():
    listed = (EXAMPLES / "README.md").read_text()
    for file in EXAMPLES.glob("*.py"):
        assert f"[{file.name}]({file.name})" in listed
        if "argparse" in file.read_text():
            out = run(file.name, "--help")
            described = re.search(r"\n\n(.*)\n\n(?:positional arguments|options):", out)[1]
            assert file.read_text().startswith('"""' + described)
