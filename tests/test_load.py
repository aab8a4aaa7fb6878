"""The choice of the native module: which level is loaded, and what is said when none can be."""

import os
import subprocess
import sys

import pytest

import wengert
from wengert import _load

pytestmark = pytest.mark.quick


def test_the_best_built_level_that_the_cpu_runs_is_chosen():
    assert _load._choose(["v4", "v3", "v2"], ("v3", "v2"), None) == "v3"
    assert _load._choose(["v2"], ("v4", "v3", "v2"), "") == "v2"
    assert _load._choose(["base"], ("base",), None) == "base"


def test_a_level_can_be_asked_for():
    assert _load._choose(["v4", "v3", "v2"], ("v4", "v3", "v2"), "v2") == "v2"


@pytest.mark.parametrize(
    ("built", "supported", "wanted", "message"),
    [
        (["v4", "v2"], ("v2",), "v4", "v4 does not run here.*has v4, v2.*CPU runs v2; use v2"),
        (["v2"], ("v4", "v3", "v2"), "v3", "v3 is not built.*has v2.*runs v4, v3, v2; use v2"),
        (["v3", "v2"], ("v3", "v2"), "avx2", "'avx2' is not a level.*use v3 or v2"),
        (["v4"], ("v3", "v2"), None, "no native module fits.*has v4.*runs v3, v2.*from source"),
        ([], ("v3", "v2"), None, "no native module fits.*has none"),
        (["v2"], (), None, "no native module fits.*CPU runs none"),
    ],
)
def test_what_cannot_be_loaded_is_refused(built, supported, wanted, message):
    with pytest.raises(ImportError, match=message):
        _load._choose(built, supported, wanted)


def test_levels_are_cumulative(monkeypatch):
    monkeypatch.setattr(_load.platform, "machine", lambda: "x86_64")
    flags = _load._FLAGS["v2"] | _load._FLAGS["v4"]  # lacks v3's: v4 must not be chosen
    monkeypatch.setattr(_load, "_cpu_flags", lambda: flags)
    assert _load._supported([]) == ("v2",)
    monkeypatch.setattr(_load, "_cpu_flags", lambda: flags | _load._FLAGS["v3"])
    assert _load._supported([]) == ("v4", "v3", "v2")
    monkeypatch.setattr(_load, "_cpu_flags", lambda: None)
    assert _load._supported(["v4", "v2"]) == ("v2",)
    monkeypatch.setattr(_load.platform, "machine", lambda: "aarch64")
    assert _load._supported(["base"]) == ("base",)


def test_one_level_is_loaded_under_one_name():
    assert _load.isa in _load.available
    assert sys.modules["wengert._native"] is wengert._native
    assert wengert._native.__name__ == "wengert._native"


def test_the_environment_chooses_or_is_refused():
    code = "import wengert; print(wengert._load.isa)"

    def run(level):
        environment = {**os.environ, "WENGERT_ISA": level}
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True
        )

    for level in _load.available:
        assert run(level).stdout.strip() == level
    refused = run("v9")
    assert refused.returncode == 1
    assert "ImportError: WENGERT_ISA: 'v9' is not a level" in refused.stderr
