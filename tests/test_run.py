"""`wengert run`: what Python would do, with wengert in the place of PyTorch."""

import os
import zipfile

import pytest

from tests.test_as_torch import start
from wengert.cli import main

SHOWS = """
import sys, os
print(__name__, sys.argv, os.path.basename(sys.path[0]))
print(os.path.basename(globals().get("__file__", "")))
print(__spec__ and __spec__.name, __package__, sys.modules["__main__"].__dict__ is globals())
"""
#: A program, and what stands behind it.
PROGRAMS = {
    "shows": (SHOWS, ["--explain", "-m", "x", "--", "-c"]),
    "exits": ("import sys\nprint('x')\nsys.exit('no more')", []),
    "raises": ("try:\n  1 / 0\nexcept ZeroDivisionError as e:\n  raise KeyError('é') from e", []),
    "does not parse": ("x = = 1", []),
    "pickles and ends later": (
        "import atexit, pickle, sys\nclass A: pass\natexit.register(lambda: print(A))\n"
        "sys.excepthook = lambda *a: print(a[0])\npickle.loads(pickle.dumps(A()))\n1 / 0",
        [],
    ),
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def both(*words):
    """What Python and `wengert run` do with these words."""
    return start(*words), start("-m", "wengert", "run", *words)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_script_runs_as_in_python(name, here):
    text, arguments = PROGRAMS[name]
    (here / "inside").mkdir()
    (here / "inside" / "script.py").write_text(text)
    theirs, ours = both("inside/script.py", *arguments)
    assert ours == theirs


def test_modules_texts_folders_and_input_run_as_in_python(here):
    (here / "package").mkdir()
    (here / "package" / "__init__.py").write_text("print(__name__)")
    (here / "package" / "__main__.py").write_text(SHOWS)
    with zipfile.ZipFile("packed.zip", "w") as archive:
        archive.writestr("__main__.py", SHOWS)
    for words in (
        ["-m", "package", "-x"],
        ["-c", SHOWS, "a", "-b"],
        ["package"],
        ["packed.zip", "x"],
    ):
        theirs, ours = both(*words)
        assert ours == theirs, words
    for theirs in (["-", "a"], ["-m", "wengert", "run", "-", "a"]):
        assert start(*theirs, input=SHOWS)[1].startswith("__main__ ['-', 'a']")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.py"], "No such file or directory: "),
        (["-m", "no_such_module"], "no module named no_such_module"),
    ],
)
def test_what_cannot_be_run_is_one_line(words, said):
    status, out, err = start("-m", "wengert", "run", *words)
    assert (status, out, err.count("\n")) == (2, "", 1) and said in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "one of the arguments SCRIPT -m -c is required"),
        (["--unknown", "x.py"], "unrecognized arguments: --unknown"),
        (["-m"], "expected one argument"),
    ],
)
def test_wrong_words_are_one_line(words, said, capsys):
    with pytest.raises(SystemExit) as info:
        main(["run", *words])
    assert info.value.code == 2 and said in capsys.readouterr().err.splitlines()[-1]


def test_an_interrupt_ends_it():
    status, _, err = start("-m", "wengert", "run", "-c", "raise KeyboardInterrupt")
    assert status == 130 and err.splitlines()[-1] == "KeyboardInterrupt"


def test_help_lists_it(capsys):
    for words in (["--help"], ["run", "--help"]):
        with pytest.raises(SystemExit) as info:
            main(words)
        out = capsys.readouterr().out
        assert info.value.code == 0 and "run" in out
    assert "--explain" in out


def test_missing_names_are_told_at_the_end_of_the_traceback(here):
    (here / "script.py").write_text("import torch\n\nx = torch.ones(2)\nx.stft(3)\n")
    status, _, err = start("-m", "wengert", "run", "script.py")
    assert status == 1 and "AttributeError" in err.splitlines()[-2]
    assert err.splitlines()[-1].startswith(
        "wengert run: torch.Tensor.stft (used at script.py:4) is"
    )
    (here / "script.py").write_text("import torch\n\ntorch.stft(3)\n")
    status, _, err = start("-m", "wengert", "run", "script.py")
    assert status == 1 and "_drop_in" not in err.rpartition("\n  ")[2].partition("\n")[0]
    assert "torch.stft (used at script.py:3)" in err.splitlines()[-1]


# ---- --explain -------------------------------------------------------------------------------

TRAINS = """
import torch
import torch.nn as nn
import torch.nn.functional as F

def train(model, batches, optimizer):
    running = 0.0
    for i, (x, y) in enumerate(batches):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item()
        if i % 4 == 3:
            print("loss", round(loss.item(), 3))
            continue
    return running

def step(x, y):
    optimizer.zero_grad()
    ((model(x) - y) ** 2).mean().backward()
    optimizer.step()

torch.manual_seed(0)
model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x, y = torch.randn(8, 3), torch.randn(8, 1)
print(train(model, [(x, y)] * 8, optimizer))
for _ in range(5):
    step(x, y=y)
optimizer.step()
while True:
    (model(x) * torch.rand(1).item()).sum().backward()
    optimizer.step()
    if hasattr(torch, "nothing") or float(model.bias) > -99:
        break
print(model.weight.sum().item())
"""


def test_explain_tells_what_was_used_and_which_steps_can_be_captured(here):
    (here / "script.py").write_text(TRAINS)
    plain = start("-m", "wengert", "run", "script.py")
    status, out, err = start("-m", "wengert", "run", "--explain", "script.py")
    assert plain == (0, out, "") and status == 0
    assert "torch.nn.Linear" in err and "torch.nn.functional.mse_loss" in err
    assert "torch.nothing (used at script.py:35) is not in this version" in err
    head = "the step at script.py"
    assert f"{head}:12, taken 8 times: the body of the loop at line 8 can be captured but" in err
    assert "  line 13: running += loss.item()\n  line 14: if i % 4 == 3:" in err
    assert f"{head}:22, taken 5 times: the function step can be captured, " in err
    assert "times as fast: " in err
    assert f"{head}:34, taken 1 times: the body of the loop at line 32 cannot be captured" in err


def test_explain_also_tells_of_programs_that_fail(here):
    (here / "script.py").write_text("import torch\nprint(torch.ones(1))\ntorch.nothing")
    status, out, err = start("-m", "wengert", "run", "--explain", "script.py")
    assert status == 1 and out == "tensor([1.])\n"
    assert "asked for and missing: 1" in err and "no optimizer.step() was called" in err


def test_a_program_may_change_directory_and_print_nothing():
    code = "import os, torch\nos.chdir('/')\nprint(torch.cuda.is_available())"
    assert start("-m", "wengert", "run", "-c", code, cwd=os.getcwd()) == (0, "False\n", "")
