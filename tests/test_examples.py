"""The examples in Python that take arguments run, and learn what they say they do."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_all_are_listed_and_say_what_they_do():
    listed = (EXAMPLES / "README.md").read_text()
    for file in EXAMPLES.glob("*.py"):
        assert f"[{file.name}]({file.name})" in listed
        if "argparse" in file.read_text():
            out = run(file.name, "--help")
            assert file.read_text().startswith('"""' + re.search(r"\n\n(.*)\n\noptions:", out)[1])
