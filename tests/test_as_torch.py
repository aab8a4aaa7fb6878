"""Programs written for PyTorch, run as they are: `as_torch`, what it says of missing names."""

import importlib
import importlib.metadata
import importlib.util
import operator
import os
import subprocess
import sys
from pathlib import Path

import pytest

import wengert as wg
from tests.test_floors import modules

STARTS = Path(__file__).parent.parent / "csrc" / "cmake" / "python" / "wengert_as_torch.pth"


def environment(**more):
    return {**{k: v for k, v in os.environ.items() if k != "WENGERT_AS_TORCH"}, **more}


def start(*command, **options):
    """What a process of Python did: (status, stdout, stderr)."""
    options.setdefault("env", environment())
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, timeout=120, **options
    )
    return done.returncode, done.stdout, done.stderr


# ---- the names -------------------------------------------------------------------------------


def test_modules_have_the_contents_of_ours():
    with wg.as_torch() as torch:
        import torch.nn.functional as F
        from torch import nn
        from torch.utils.data import DataLoader

        assert torch is sys.modules["torch"] and isinstance(torch, type(sys))
        assert nn.Linear is wg.nn.Linear and F.relu is wg.nn.functional.relu
        assert DataLoader is wg.utils.data.DataLoader
        assert torch.nn.functional is F and torch.float is wg.float32
        for name in ("torch", "torch.nn", "torch.optim.lr_scheduler", "torch.multiprocessing"):
            module = importlib.import_module(name)
            assert module.__name__ == name and module.__spec__.name == name
            assert importlib.util.find_spec(name) is module.__spec__
            ours = importlib.import_module("wengert" + name[5:])
            for key, value in vars(ours).items():
                if not key.startswith("_") and not isinstance(value, type(sys)):
                    assert getattr(module, key) is value, (name, key)
            assert set(getattr(ours, "__all__", ())) <= set(dir(module))


def test_every_public_module_can_be_imported():
    with wg.as_torch():
        for name, _, _ in modules():
            if not any(part.startswith("_") for part in name.split(".")) and ".cli" not in name:
                assert importlib.import_module("torch" + name[7:]).__name__ == "torch" + name[7:]


def test_the_version_sorts_as_that_of_pytorch():
    with wg.as_torch() as torch:
        assert importlib.metadata.version("torch") == torch.__version__ == "2.13.0+wengert"
        assert torch.version.__version__ == torch.__version__
        assert torch.__version__ >= (2, 0) and torch.__version__ > "2.9" and torch.__version__ < "3"
        assert "torch" in {d.metadata["Name"] for d in importlib.metadata.distributions()}
    assert wg.__version__ != "2.13.0+wengert"


VERSIONS = ["2.13.0+cpu", "2.13.0", "2.9.1", "1.10.0a0", "1.10", "2.0.0.dev20230101", "2.13rc1"]


@pytest.mark.parametrize("version", VERSIONS)
def test_versions_order_as_in_torch(version, oracle):
    def outcome(library, how, other):
        try:
            return how(library.torch_version.TorchVersion(version), other)
        except TypeError:
            return TypeError

    for other in [*VERSIONS, (2,), (2, 13, 0), (1, 10), "nonsense", None]:
        for how in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq):
            assert outcome(wg, how, other) == outcome(oracle, how, other), (how, other)


def test_what_is_set_is_set_in_ours():
    with wg.as_torch() as torch:
        torch.backends.cudnn.benchmark = True
        assert wg.backends.cudnn.benchmark is True is torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = False
        torch.nn.functional.my_own = len
        assert wg.nn.functional.my_own is len
        del torch.nn.functional.my_own
        assert not hasattr(wg.nn.functional, "my_own")


def test_what_was_loaded_comes_back():
    before = {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "torch"}
    finders = list(sys.meta_path)
    with wg.as_torch() as torch:
        with wg.as_torch() as again:
            assert again is torch
        assert sys.modules["torch"] is torch
    assert {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "torch"} == before
    assert sys.meta_path == finders


def test_captured_steps_are_replayed():
    with wg.as_torch():
        names = {}
        exec(
            "import torch\nimport torch.nn.functional as F\n"
            "def step(x): return F.relu(torch.nn.functional.linear(x, w)) + torch.exp(x)\n"
            "w = torch.ones(3, 3)",
            names,
        )
    step = wg.capture(names["step"])
    for _ in range(4):
        assert wg.equal(step(wg.ones(2, 3)), names["step"](wg.ones(2, 3)))
    assert step.cache_info()[:2] == (3, 1)


# ---- names that are missing --------------------------------------------------------------------

MISSING = [
    ("import torch\ntorch.softplus", AttributeError, "nearest: torch.nn.functional.softplus"),
    ("import torch\ntorch.nn.Linaer", AttributeError, "nearest: torch.nn.Linear"),
    ("from torch.nn import Linaer\n\n", ImportError, "nearest: torch.nn.Linear"),
    ("from torch import softplus\n", ImportError, "nearest: torch.nn.functional.softplus"),
    ("import torch.nothing\n", ModuleNotFoundError, "not in this version of wengert"),
    ("from torch.nothing import here\n", ModuleNotFoundError, "not in this version of wengert"),
    ("import torch\ntorch.sparse_coo_tensor", AttributeError, "scipy.sparse"),
    ("import torch\ntorch.fft.rfft", AttributeError, "numpy.fft"),
    ("import torch\ntorch.polar", AttributeError, "no complex dtypes"),
    ("import torch\ntorch._C._functorch", AttributeError, "internal to PyTorch"),
]


@pytest.mark.parametrize("text, kind, hint", MISSING)
def test_a_missing_name_is_one_line(text, kind, hint):
    line = max(i for i, row in enumerate(text.splitlines(), 1) if row)
    with wg.as_torch(), pytest.raises(kind) as info:
        exec(compile(text, "script.py", "exec"), {})
    said = str(info.value)
    assert hint in said and "\n" not in said
    assert f"(used at script.py:{line})" in said and said.startswith("torch.")


def test_missing_names_can_be_asked_for():
    with wg.as_torch() as torch:
        assert not hasattr(torch, "nothing") and getattr(torch.nn, "nothing", 3) == 3
        assert importlib.util.find_spec("torch.nothing") is None
        assert importlib.util.find_spec("torch._native") is None
        exec("try:\n  from torch.nothing import here\nexcept ImportError: pass", {})
    with pytest.raises(AttributeError, match="nearest: torch.nn.functional.softplus"):
        wg.softplus  # noqa: B018
    assert not hasattr(wg, "__nothing__")


# ---- processes -------------------------------------------------------------------------------


@pytest.mark.quick
@pytest.mark.skipif(not STARTS.is_file(), reason="only in a source tree")
def test_the_environment_decides_as_python_starts(tmp_path):
    """As an installation does: the .pth file is read, here by a `sitecustomize`."""
    (tmp_path / "a.pth").write_text(STARTS.read_text())
    (tmp_path / "sitecustomize.py").write_text(f"import site; site.addsitedir({str(tmp_path)!r})")
    paths = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    code = "import sys; print('wengert' in sys.modules, 'torch' in sys.modules)"
    for value in (None, "0", "", "1"):
        more = {} if value is None else {"WENGERT_AS_TORCH": value}
        status, out, err = start("-c", code, env=environment(PYTHONPATH=paths, **more))
        assert (status, out.strip()) == (0, str((value == "1",) * 2)[1:-1].replace(",", "")), err
    script = tmp_path / "spawns.py"
    script.write_text(
        "import torch, multiprocessing as mp\n"
        "def work(q): q.put(torch.__version__)\n"
        "if __name__ == '__main__':\n"
        "    context = mp.get_context('spawn')\n"
        "    q = context.SimpleQueue()\n"
        "    p = context.Process(target=work, args=(q,))\n"
        "    p.start(); print(q.get()); p.join()\n"
    )
    status, out, err = start("-m", "wengert", "run", script, env=environment(PYTHONPATH=paths))
    assert (status, out.strip()) == (0, "2.13.0+wengert"), err
