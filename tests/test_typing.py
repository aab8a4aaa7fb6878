"""What a type checker says of user code; skipped where mypy is not installed."""

import importlib.util
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import wengert

if importlib.util.find_spec("mypy") is None:
    pytest.skip("mypy is not installed", allow_module_level=True)

OPTIONS = (
    "--no-error-summary",
    "--hide-error-context",
    "--no-pretty",
    "--config-file=",
    "--follow-imports=silent",
    "--strict",
    "--no-warn-return-any",  # a module may return anything
)

#: A line ending in `# R: TYPE` reveals that type of its expression, one in `# E: TEXT` is an error
#: that contains the text; all others are right.
SNIPPETS = {
    "tensors": """
        import wengert as torch

        x = torch.randn(3, 4, requires_grad=True)
        x + 1  # R: Tensor
        2 / x  # R: Tensor
        x @ x.T  # R: Tensor
        x > 0  # R: Tensor
        x.shape  # R: Size
        x.size(0)  # R: int
        x.shape[:-1]  # R: Size
        x.dtype  # R: dtype
        x.grad  # R: Tensor | None
        x.view(4, 3)  # R: Tensor
        x.view((4, 3))  # R: Tensor
        x.sum(0, keepdim=True)  # R: Tensor
        x.sum(dim=(0, 1), dtype=torch.float64)  # R: Tensor
        x.max()  # R: Tensor
        x.max(1).indices  # R: Tensor
        torch.max(x, 1).values  # R: Tensor
        x.split(2)  # R: tuple[Tensor, ...]
        x.numpy()  # R: ndarray
        x.detach_()  # R: Tensor
        torch.zeros(size=(2, 3), dtype=torch.long)  # R: Tensor
        torch.cat([x, x], dim=1)  # R: Tensor
        torch.float32  # R: dtype
        torch.add(x, x, alpha=2, out=x)  # R: Tensor
        for row in x:
            row  # R: Tensor
        x.no_such_method()  # E: "Tensor" has no attribute "no_such_method"
        torch.no_such_function(x)  # E: has no attribute "no_such_function"
        torch.exp("x")  # E: incompatible type "str"
        x.gather(0.5, x)  # E: incompatible type "float"
        x.view("3")  # E: incompatible type "str"
    """,
    "functional": """
        import wengert as torch
        import wengert.nn.functional as F

        x, y = torch.randn(3, 4), torch.tensor([0, 1, 2])
        F.relu(x, inplace=True)  # R: Tensor
        F.cross_entropy(x, y, label_smoothing=0.1)  # R: Tensor
        F.mse_loss(x, x, reduction="sum")  # R: Tensor
        F.normalize(x, dim=(0, 1))  # R: Tensor
        F.mse_loss(x, x, reduction="total")  # E: total
        F.linear(x)  # E: Missing positional argument "weight"
    """,
    "training": """
        import wengert as torch
        from wengert import Tensor, nn, optim
        from wengert.utils.data import DataLoader, TensorDataset


        class Net(nn.Module):
            def __init__(self, width: int = 16) -> None:
                super().__init__()
                self.first = nn.Linear(4, width)
                self.scale = nn.Parameter(torch.ones(1))

            def forward(self, x: Tensor) -> Tensor:
                return self.first(x).relu() * self.scale


        @torch.no_grad()
        def evaluate(net: nn.Module, x: Tensor) -> float:
            return net(x).mean().item()


        torch.manual_seed(0)
        net = Net()
        net.scale  # R: Parameter
        optimizer = optim.Adam(net.parameters(), lr=1e-3)
        loader = DataLoader(TensorDataset(torch.randn(8, 4), torch.randn(8, 16)), batch_size=2)
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
        evaluate(net, torch.randn(2, 4))  # R: float
        torch.save(net.state_dict(), "net.pt")
        Net(width="16")  # E: incompatible type "str"
    """,
    "optimizers": """
        from collections.abc import Callable, Iterable

        import wengert as torch
        from wengert import Tensor, nn, optim
        from wengert.optim import lr_scheduler


        class Signs(optim.Optimizer):
            def __init__(self, params: Iterable[Tensor], lr: float = 0.1) -> None:
                super().__init__(params, {"lr": lr})

            def step(self, closure: Callable[[], float] | None = None) -> float | None:
                for group in self.param_groups:
                    for param in group["params"]:
                        self.state[param]["count"] = 1
                        param.add_(param.grad.sign(), alpha=-group["lr"])
                return None


        class Constant(lr_scheduler.LRScheduler):
            def get_lr(self) -> list[float]:
                return [float(base) for base in self.base_lrs]


        net = nn.Linear(2, 2)
        groups = optim.SGD([{"params": net.parameters(), "lr": 0.1}, {"params": [torch.ones(1)]}])
        named = optim.AdamW(net.named_parameters(), lr=torch.tensor(0.1))
        scheduler = lr_scheduler.SequentialLR(
            groups,
            [lr_scheduler.StepLR(groups, 3), lr_scheduler.LambdaLR(groups, lambda t: 0.9**t)],
            milestones=[3],
        )
        scheduler.get_last_lr()  # R: list[float | Tensor]
        lr_scheduler.ReduceLROnPlateau(named).step(torch.ones(1))
        Constant(Signs(net.parameters()))
        groups.state[net.weight]  # R: dict[str, Any]
        optim.SGD(0.1)  # E: incompatible type "float"
        optim.SGD(net.parameters(), lr="0.1")  # E: incompatible type "str"
        lr_scheduler.StepLR(net, 3)  # E: incompatible type "Linear"


        @torch.capture
        def train(x: Tensor) -> Tensor:
            return x * 2


        train  # R: Captured
        train.program  # R: Program
    """,
}


def expectations(source):
    """(code to check, error texts by line, types by line)."""
    lines, errors, types = [], {}, {}
    for number, line in enumerate(source.splitlines(), 1):
        code, mark, expected = re.match(r"(.*?)(?:  # ([RE]): (.*))?$", line).groups()
        if mark == "R":
            expression = code.strip()
            code = code.replace(expression, f"reveal_type({expression})")
            types[number] = expected
        elif mark == "E":
            errors[number] = expected
        lines.append(code)
    return "\n".join(lines) + "\n", errors, types


def run_mypy(directory, *options):
    """mypy's messages on snippet.py, by line."""
    root = Path(wengert.__file__).parent.parent
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *OPTIONS, *options, "snippet.py"],
        cwd=directory,
        env={**os.environ, "MYPYPATH": str(root)} if root.name != "site-packages" else None,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert not result.stderr, result.stderr
    found = {}
    for line in result.stdout.splitlines():
        match = re.match(r"snippet\.py:(\d+): (error|note): (.*)", line)
        assert match, result.stdout
        found.setdefault(int(match[1]), []).append((match[2], match[3]))
    return found


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.parametrize("name", SNIPPETS)
def test_snippet(name, tmp_path, cache):
    code, errors, types = expectations(textwrap.dedent(SNIPPETS[name]))
    (tmp_path / "snippet.py").write_text(code)
    found = run_mypy(tmp_path, f"--cache-dir={cache}")
    for number, expected in types.items():
        revealed = next((text for _, text in found.get(number, ()) if "Revealed" in text), None)
        assert revealed is not None, f"line {number}: {found.get(number)}"
        short = re.sub(r"[\w.]+\.(\w+)", r"\1", revealed.split('"')[1]).replace("builtins.", "")
        assert short.startswith(expected), f"line {number}: {revealed}"
    wrong = {n: texts for n, texts in found.items() if any(kind == "error" for kind, _ in texts)}
    for number, expected in errors.items():
        texts = " ".join(text for _, text in wrong.pop(number, ()))
        assert expected in texts, f"line {number}: {texts or 'no error'}"
    assert wrong == {}
