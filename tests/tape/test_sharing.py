"""One tensor used at several places: tied weights, gradients added up over batches."""

import numpy as np
import pytest

import wengert as wg
from wengert import nn

F = nn.functional


class Tied(nn.Module):
    """A language model whose output layer is its table of words (Press and Wolf,
    arXiv:1608.05859)."""

    def __init__(self, words=40, width=24):
        super().__init__()
        self.table = nn.Embedding(words, width)
        self.mix = nn.Linear(width, width)
        self.head = nn.Linear(width, words, bias=False)
        self.head.weight = self.table.weight

    def forward(self, x):
        return self.head(self.mix(self.table(x)).tanh())


def loss_of(model, x, y):
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten())


@pytest.fixture
def batch():
    wg.manual_seed(1)
    return wg.randint(0, 40, (6, 9)), wg.randint(0, 40, (6, 9))


def tied():
    wg.manual_seed(0)
    return Tied()


def test_a_tied_weight_is_one_parameter(batch):
    model = tied()
    assert len(list(model.parameters())) == 3
    assert list(model.state_dict()) == ["table.weight", "mix.weight", "mix.bias", "head.weight"]
    loss_of(model, *batch).backward()
    assert model.head.weight.grad is model.table.weight.grad


def test_its_gradient_is_the_sum_of_both(batch):
    model = tied()
    loss_of(model, *batch).backward()
    apart = tied()
    apart.head.weight = nn.Parameter(apart.table.weight.detach().clone())
    loss_of(apart, *batch).backward()
    # What came first through backward, the head's, is what the other is added to.
    assert wg.equal(model.table.weight.grad, apart.head.weight.grad + apart.table.weight.grad)


def test_its_bits_do_not_depend_on_threads():
    found, before = [], wg.get_num_threads()
    for n in (1, 2, 3, 7):
        wg.set_num_threads(n)
        wg.manual_seed(0)
        model = Tied(3000, 64)
        x, y = wg.randint(0, 3000, (16, 64)), wg.randint(0, 3000, (16, 64))
        loss_of(model, x, y).backward()
        found.append([p.grad.numpy().tobytes() for p in model.parameters()])
    wg.set_num_threads(before)
    assert all(f == found[0] for f in found)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_it_is_stepped_once(batch, name):
    results = []
    for captured in (False, True):
        model = tied()
        optimizer = getattr(wg.optim, name)(model.parameters(), lr=0.1)

        def step(x, y, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = loss_of(model, x, y)
            loss.backward()
            optimizer.step()
            return loss

        run = wg.capture(step) if captured else step
        results.append([run(*batch).item() for _ in range(5)])
        assert wg.equal(model.head.weight, model.table.weight)
    assert results[0] == results[1] and results[0][-1] < results[0][0]


def test_a_copy_and_a_file_stay_tied(batch, tmp_path):
    model = tied()
    wg.save(model.state_dict(), tmp_path / "tied.pt")
    again = Tied()
    again.load_state_dict(wg.load(tmp_path / "tied.pt"))
    assert again.head.weight is again.table.weight
    assert wg.equal(again(batch[0]), model(batch[0]))


# ---- gradients of several batches


def gradients(model):
    return [p.grad.clone() for p in model.parameters()]


def test_gradients_add_up(batch):
    model = tied()
    alone = []
    for x, y in zip(*batch, strict=True):
        model.zero_grad()
        loss_of(model, x[None], y[None]).backward()
        alone.append(gradients(model))
    model.zero_grad()
    held = None
    for x, y in zip(*batch, strict=True):
        loss_of(model, x[None], y[None]).backward()
        assert held is None or model.mix.weight.grad is held  # added in place
        held = model.mix.weight.grad
    for k, g in enumerate(gradients(model)[1:], start=1):  # in order, one after the other
        total = alone[0][k]
        for more in alone[1:]:
            total = total + more[k]
        assert wg.equal(g, total)
    whole = tied()
    loss_of(whole, *batch).backward()
    for a, b in zip(gradients(model), gradients(whole), strict=True):
        np.testing.assert_allclose(a / len(batch[0]), b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("every", [2, 3])
def test_a_step_every_few_batches(batch, every):
    results = []
    for captured in (False, True):
        model = tied()
        optimizer = wg.optim.AdamW(model.parameters(), lr=0.01)

        def one(x, y, model=model):
            loss = loss_of(model, x, y) / every
            loss.backward()
            return loss

        run = wg.capture(one) if captured else one
        losses = []
        for i in range(4 * every):
            losses.append(run(*batch).item())
            if (i + 1) % every == 0:
                optimizer.step()
                optimizer.zero_grad()
        results.append(losses)
    assert results[0] == results[1]
