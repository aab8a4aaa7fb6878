"""Pictures of the tape: numbers against finite differences, the order against the tape's."""

import itertools
import json
import re
import subprocess
import sys

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert._seeing import layout


def by_differences(loss, t, eps=1e-6):
    """The gradient of loss() by central differences, in the memory of t (float64)."""
    out = np.zeros(t.shape)
    flat = t.data.reshape(-1)
    for i in range(flat.numel()):
        before = flat[i].item()
        ends = []
        for step in (eps, -eps):
            flat[i] = before + step
            ends.append(loss().item())
        flat[i] = before
        out.reshape(-1)[i] = (ends[0] - ends[1]) / (2 * eps)
    return out


def named(tape):
    return {n.name: n for n in tape.nodes if n.name}


def assert_gradients(tape, loss, tensors):
    nodes = named(tape)
    for name, t in tensors.items():
        shown = nodes[name].grad.tensor.numpy()
        np.testing.assert_allclose(shown, by_differences(loss, t), rtol=1e-5, atol=1e-8)


def assert_sums(tape):
    """At every node the terms of the chain rule add up to the gradient that is shown."""
    checked = 0
    for node in tape.nodes:
        terms = [e.term.tensor for e in node.uses if e.term is not None and e.output == 0]
        if node.grad is None or not terms or node.root:
            continue
        total = sum(t.numpy() for t in terms)
        np.testing.assert_allclose(total, node.grad.tensor.numpy(), rtol=1e-6, atol=1e-12)
        checked += 1
    assert checked > 2


def assert_order(tape, root):
    """The walk is the one that hooks at the tape's own entries see in another backward."""
    seen, todo, handles = [], [root.grad_fn], {}
    while todo:
        node = todo.pop()
        number = node._sequence_nr()
        if number in handles:
            continue
        handles[number] = node.register_hook(lambda i, o, n=number: seen.append(n))
        todo += [n for n, _ in node.next_functions if n is not None and n.next_functions]
    root.backward(wg.ones_like(root), retain_graph=True)
    for handle in handles.values():
        handle.remove()
    assert [tape.nodes[i].number for i in tape.backward] == seen
    assert [n.number for n in tape.entries] == sorted(seen)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4, dtype=wg.float64)
        self.second = nn.Linear(4, 2, dtype=wg.float64)

    def forward(self, x):
        return self.second(self.first(x).tanh())


def test_mlp():
    wg.manual_seed(0)
    net, x, t = Mlp(), wg.randn(5, 3, dtype=wg.float64), wg.tensor([0, 1, 1, 0, 1])

    def loss():
        return nn.functional.cross_entropy(net(x), t)

    picture = wg.draw(loss)
    tape = picture.tape
    weights = {f"net.{name}": p for name, p in net.named_parameters()}
    assert_gradients(tape, loss, weights)
    assert_sums(tape)
    assert all(p.grad is None for p in net.parameters())
    ops = [n.op for n in tape.entries]
    assert ops[:3] == ["linear", "tanh", "linear"]
    assert tape.entries[1].module == ("Mlp",)
    assert tape.entries[0].module == ("Mlp", "first: Linear")
    assert tape.entries[0].line[0] == __file__ and "self.first(x)" in tape.entries[0].line[2]
    value = net.first(x).tanh()
    np.testing.assert_array_equal(tape.entries[1].value.tensor.numpy(), value.detach().numpy())
    root = loss()
    assert_order(wg.tape(root), root)


def test_shared_weights():
    wg.manual_seed(1)
    w = wg.randn(3, 3, dtype=wg.float64, requires_grad=True)
    x = wg.randn(2, 3, dtype=wg.float64)

    def loss():
        return ((x @ w).tanh() @ w).pow(2).sum()

    out = loss()
    tape = wg.tape(out)
    assert_gradients(tape, loss, {"w": w})
    assert_sums(tape)
    assert len(named(tape)["w"].uses) == 2
    assert_order(tape, out)


def test_a_module_that_is_called_twice_has_two_frames():
    layer = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    tape = wg.tape(lambda x: layer(layer(x)).sum(), wg.randn(3, 2))
    assert {n.module[0] for n in tape.entries if n.module} == {
        "Sequential",
        "Sequential (call 2)",
    }


def test_double_backward():
    x = wg.tensor([0.3, -0.7], dtype=wg.float64, requires_grad=True)

    def slope():
        (g,) = wg.autograd.grad((x**3).sin().sum(), x, create_graph=True)
        return (g * g).sum()

    out = slope()
    tape = wg.tape(out)
    assert_gradients(tape, slope, {"x": x})
    assert_sums(tape)
    assert_order(tape, out)


class Cube(wg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x * x * g


def test_function():
    x = wg.tensor([0.3, -0.7], dtype=wg.float64, requires_grad=True)

    def loss():
        return (Cube.apply(x) * x).sum()

    out = loss()
    tape = wg.tape(out)
    assert_gradients(tape, loss, {"x": x})
    assert_sums(tape)
    assert_order(tape, out)
    cube = next(n for n in tape.entries if n.op.startswith("Cube"))
    assert [s.bytes for s in cube.saved] == [16]


def test_captured_step():
    wg.manual_seed(2)
    net, x, t = Mlp(), wg.randn(5, 3, dtype=wg.float64), wg.randn(5, 2, dtype=wg.float64)

    def loss():
        return nn.functional.mse_loss(net(x), t)

    @wg.capture
    def step(x, t):
        for p in net.parameters():
            p.grad = None
        out = nn.functional.mse_loss(net(x), t)
        out.backward()
        return out

    step(x, t)
    step(x, t)
    replayed = {f"{name}": p.grad.clone() for name, p in net.named_parameters()}
    tape = wg.tape(step, x, t)
    assert_gradients(tape, loss, {f"net.{n}": p for n, p in net.named_parameters()})
    assert_sums(tape)
    for name, g in replayed.items():
        assert named(tape)[f"net.{name}"].grad.tensor.equal(g)
    program = wg.tape(step.profile())
    lines = step.program.lines()
    assert [n.op for n in program.entries] == [line["op"] for line in lines]
    assert all(n.seconds > 0 for n in program.entries)
    picture = wg.draw(step)
    assert picture.svg().count('class="wgt-node wgt-entry') == len(lines)


def test_local_derivatives_of_numbers():
    a = wg.tensor(2.0, dtype=wg.float64, requires_grad=True)
    b = wg.tensor(-3.0, dtype=wg.float64, requires_grad=True)
    c = a * b
    d = c.tanh() + a
    tape = wg.tape(d)
    nodes = named(tape)
    local = {tape.nodes[e.target].op: e.local for e in nodes["a"].uses}
    assert local == {"mul": -3.0, "add": 1.0}
    assert nodes["c"].uses[0].local == pytest.approx(1 - np.tanh(-6.0) ** 2, rel=1e-12)
    assert nodes["c"].value.number() == -6.0  # the caller has it
    assert nodes["d"].root


def test_values_that_nobody_keeps_are_computed_anew():
    w = wg.tensor([1.0, 2.0], requires_grad=True)
    x = wg.tensor([3.0, 4.0])
    out = ((w * x).exp() + w).sum()
    shown = [n.value.tensor.tolist() for n in wg.tape(out).entries[:1]]
    assert shown == [[3.0, 8.0]]


def test_what_is_kept_is_counted_once():
    x = wg.randn(10, requires_grad=True)
    y = x.exp()
    tape = wg.tape((y * y).sum())
    assert tape.saved_bytes == 40


def test_drawing_changes_nothing():
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    h = x * 2
    h.retain_grad()
    loss = (h * h).sum()
    wg.draw(loss)
    assert x.grad is None and h.grad is None
    loss.backward()
    assert x.grad.tolist() == [8.0, 16.0] and h.grad.tolist() == [4.0, 8.0]


def test_after_backward_the_structure_and_the_gradients_of_leaves_are_left():
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    loss.backward()
    tape = wg.tape(loss)
    assert "draw before backward()" in tape.note
    assert [n.op for n in tape.entries] == ["mul", "sum"]
    assert named(tape)["x"].grad.tensor.tolist() == [2.0, 4.0]
    wg.draw(loss).html()


def test_large_graphs_fold():
    net = nn.Sequential(*[nn.Sequential(*[nn.Linear(2, 2), nn.Tanh()] * 6) for _ in range(12)])
    x = wg.randn(3, 2)
    folded = net.draw(x).svg()
    assert folded.count('class="wgt-node') < 70
    assert folded.count("wgt-node wgt-folded") == 12
    y = wg.tensor(1.0, requires_grad=True)
    long = y
    for _ in range(600):
        long = long * 1.0001
    picture = wg.draw(long)
    assert picture.svg().count('class="wgt-node') < 200
    assert len(picture.tape.backward) == 600


def test_page_needs_nothing_else(tmp_path):
    x = wg.tensor([[1.0, 2.0]], requires_grad=True)
    loss = (x @ x.T).sum()
    picture = wg.draw(loss, title="a <title>")
    picture.save(tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text()
    assert not re.search(r"""(src|href)=["']|url\(["']?http|@import""", page)
    assert "a &lt;title&gt;" in page and "<title>a <" not in page
    data = json.loads(re.search(r'class="wgt-data">(.*?)</script>', page, re.S)[1])
    assert data["forward"] == len(picture.tape.forward)
    assert [step[0] for step in data["walk"]] == ["f"] * 3 + ["b"] * 3
    picture.save(tmp_path / "p.svg")
    svg = (tmp_path / "p.svg").read_text()
    assert svg.startswith("<svg") and "prefers-color-scheme: dark" in svg
    assert picture._repr_html_().startswith('<div class="wgt"')
    table = str(picture)
    assert "loss = sum" in table and "leaf" in table and "#" in table


def test_errors():
    with pytest.raises(RuntimeError, match="no history"):
        wg.draw(wg.ones(3))
    with pytest.raises(TypeError, match="got int"):
        wg.draw(3)
    with pytest.raises(RuntimeError, match="called no backward"):
        wg.draw(lambda: None)


def test_importing_the_package_loads_none_of_it():
    code = "import sys, wengert; print([m for m in sys.modules if '_seeing' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_trace_is_still_the_sum_of_a_diagonal():
    assert wg.trace(wg.eye(3)).item() == 3


@pytest.mark.parametrize("middle", [40.0, 100.0, 160.0, 230.0])
def test_arrows_into_a_frame_pass_between_its_boxes(middle):
    """None turns back up, and none crosses a box."""
    boxes = [layout.Box(k, w, 60.0) for k, w in (("weight", 200.0), ("bias", 80.0), ("out", 90.0))]
    frame = layout.Box("frame", inside=boxes, title="2: Linear")
    before = layout.Box("before", middle, 50.0)
    root = layout.Box("root", inside=[before, layout.Box("other", 150.0, 50.0), frame])
    edges = [("before", "out"), ("other", "out"), ("weight", "out"), ("bias", "out")]
    for edge, route in layout.place(root, edges).items():
        assert all(a[1] <= b[1] for a, b in itertools.pairwise(route))
        for box in boxes[:2]:
            if box.key in edge:
                continue
            beside = [x for x, y in route if box.y - 5 < y < box.y + box.height + 5]
            assert beside and not any(box.x < x < box.x + box.width for x in beside)
