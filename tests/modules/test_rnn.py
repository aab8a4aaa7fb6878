"""Recurrent layers beyond the table: sequences of mixed lengths, capture, weights, denormals."""

import numpy as np
import pytest

import wengert as wg
from wengert.nn.utils import parametrize
from wengert.nn.utils import rnn as sequences

KINDS = ("RNN", "GRU", "LSTM")
LENGTHS = (3, 5, 1, 5, 2)


def bits(t):
    return tuple(t.shape), t.detach().numpy().tobytes()


def parts(states):
    return states if isinstance(states, tuple) else (states,)


def mixed(inputs=4, dtype=np.float64):
    rng = np.random.default_rng(3)
    return [wg.from_numpy(rng.standard_normal((n, inputs)).astype(dtype)) for n in LENGTHS]


def layer(kind, *args, **kwargs):
    wg.manual_seed(1)
    return getattr(wg.nn, kind)(*args, **kwargs, dtype=wg.float64)


# ---- sequences of mixed lengths


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_sequences_are_as_if_alone(kind, bidirectional):
    """Outputs, last states, and the gradients of all inputs and parameters."""
    net = layer(kind, 4, 6, 2, bidirectional=bidirectional)
    xs = [x.requires_grad_() for x in mixed()]
    packed = sequences.pack_sequence(xs, enforce_sorted=False)
    output, last = net(packed)
    assert isinstance(output, sequences.PackedSequence)
    ys = sequences.unpack_sequence(output)
    alone = [net(x) for x in xs]

    def gradients(outputs, states):
        loss = sum((y * y).sum() for y in outputs) + sum(h.sin().sum() for h in states)
        return wg.autograd.grad(loss, [*xs, *net.parameters()])

    for b, (y, states) in enumerate(alone):
        np.testing.assert_allclose(ys[b].detach(), y.detach(), rtol=1e-12, atol=1e-13)
        for together, h in zip(parts(last), parts(states), strict=True):
            np.testing.assert_allclose(together[:, b].detach(), h.detach(), rtol=1e-12, atol=1e-13)
    ours = gradients(ys, parts(last))
    theirs = gradients([y for y, _ in alone], [h for _, s in alone for h in parts(s)])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("as_list", [False, True])
def test_packing_is_undone(batch_first, as_list):
    xs = mixed()
    padded = sequences.pad_sequence(xs, batch_first, padding_value=7.0)
    lengths = list(LENGTHS) if as_list else wg.tensor(LENGTHS)
    packed = sequences.pack_padded_sequence(padded, lengths, batch_first, enforce_sorted=False)
    assert packed.batch_sizes.tolist() == [5, 4, 3, 2, 2]
    assert packed.sorted_indices.tolist() == [1, 3, 0, 4, 2]
    assert packed.data.shape == (sum(LENGTHS), 4)
    again, found = sequences.pad_packed_sequence(packed, batch_first, 7.0)
    assert found.tolist() == list(LENGTHS) and bits(again) == bits(padded)
    longer, _ = sequences.pad_packed_sequence(packed, batch_first, total_length=8)
    assert longer.shape == ((5, 8, 4) if batch_first else (8, 5, 4))
    for a, b in zip(sequences.unpack_sequence(packed), xs, strict=True):
        assert bits(a) == bits(b)
    for a, b in zip(sequences.unpad_sequence(padded, found, batch_first), xs, strict=True):
        assert bits(a) == bits(b)


def test_padding_before_and_behind():
    xs = [wg.tensor([1.0, 2.0]), wg.tensor([3.0])]
    assert sequences.pad_sequence(xs).tolist() == [[1, 3], [2, 0]]
    assert sequences.pad_sequence(xs, True, -1.0).tolist() == [[1, 2], [3, -1]]
    left = sequences.pad_sequence(xs, True, padding_side="left")
    assert left.tolist() == [[1, 2], [0, 3]]


def test_a_packed_sequence_is_a_named_tuple_of_other_dtypes():
    packed = sequences.pack_sequence(mixed(), enforce_sorted=False)
    data, sizes, order, back = packed
    assert packed.data is data and packed.batch_sizes is sizes
    assert wg.arange(5).tolist() == order[back].tolist()
    assert packed.double() is packed and packed.cpu() is packed and not packed.is_cuda
    single = packed.float()
    assert single.data.dtype == wg.float32 and single.unsorted_indices is back
    made = sequences.PackedSequence(data, sizes, order)
    assert made.unsorted_indices.tolist() == back.tolist()
    assert sequences.invert_permutation(None) is None


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ([5, 3], "batch_size"),
        ([5, 3, 0, 1, 1], "greater than 0"),
        ([3, 5, 1, 1, 1], "enforce_sorted"),
        ([9, 5, 1, 1, 1], "steps"),
    ],
)
def test_wrong_lengths(lengths, words):
    for given in (lengths, wg.tensor(lengths)):
        with pytest.raises(RuntimeError, match=words):
            sequences.pack_padded_sequence(wg.zeros(5, 5, 2), given)


@pytest.mark.parametrize("sizes", [[3, 4], [3, 0], [9, 1], [2, 2], []])
def test_wrong_batch_sizes(sizes):
    net, x = layer("GRU", 2, 3), wg.zeros(5, 2, dtype=wg.float64)
    packed = sequences.PackedSequence(x, wg.tensor(sizes, dtype=wg.int64))
    with pytest.raises((RuntimeError, IndexError)):
        net(packed, wg.zeros(1, 3, 3, dtype=wg.float64))
    with pytest.raises((RuntimeError, IndexError)):
        sequences.pad_packed_sequence(packed)


# ---- what is called with what


def test_functions_take_a_pair_of_states():
    net, x = layer("LSTM", 4, 3), mixed()[1].unsqueeze(1)
    h, c = wg.ones(1, 1, 3, dtype=wg.float64), wg.zeros(1, 1, 3, dtype=wg.float64)
    output, (hn, cn) = net(x, (h, c))
    params = list(net.parameters())
    found = wg.lstm(x, (h, c), params, True, 1, 0.0, False, False, batch_first=False)
    for a, b in zip(found, (output, hn, cn), strict=True):
        assert bits(a) == bits(b)
    packed = wg.lstm(x[:, 0], wg.ones(5, dtype=wg.int64), (h, c), params, True, 1, 0.0, True, False)
    assert bits(packed[0]) == bits(output[:, 0])
    step = wg.lstm_cell(x[0], (h[0], c[0]), *params)
    np.testing.assert_allclose(step[0].detach(), output[0].detach(), rtol=1e-14)
    with pytest.raises(RuntimeError, match="two hidden states"):
        wg.lstm(x, (h,), params, True, 1, 0.0, False, False, False)
    with pytest.raises(TypeError, match="hx"):
        wg.lstm_cell(x[0], h[0], *params)
    with pytest.raises(TypeError, match="batch_first"):
        wg.lstm(x, (h, c), params, True, 1, 0.0, False, False)
    with pytest.raises(RuntimeError, match="incorrect number of RNN parameters"):
        wg.gru(x, h, params[:3], True, 1, 0.0, False, False, False)


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_states_and_inputs(kind):
    net, x = layer(kind, 4, 3), wg.zeros(5, 2, 4, dtype=wg.float64)
    wrong = wg.zeros(1, 7, 3, dtype=wg.float64)
    with pytest.raises(RuntimeError, match=r"Expected hidden.* size \(1, 2, 3\), got \[1, 7, 3\]"):
        net(x, (wrong, wrong) if kind == "LSTM" else wrong)
    with pytest.raises(RuntimeError, match="input_size"):
        net(wg.zeros(5, 2, 3, dtype=wg.float64))
    with pytest.raises(RuntimeError, match="larger than 0"):
        net(wg.zeros(0, 2, 4, dtype=wg.float64))
    with pytest.raises(ValueError, match="dtype"):
        net(x.float())
    with pytest.raises(ValueError, match="2D or 3D"):
        net(wg.zeros(2, 2, 2, 4, dtype=wg.float64))
    with pytest.raises(ValueError, match="hidden_size"):
        getattr(wg.nn, kind)(3, 0)
    if kind != "LSTM":
        with pytest.raises(ValueError, match="proj_size"):
            getattr(wg.nn, kind)(3, 4, proj_size=2)


def test_no_sequences():
    net = layer("LSTM", 4, 3, batch_first=True)
    x = wg.zeros(0, 5, 4, dtype=wg.float64, requires_grad=True)
    output, (h, _) = net(x)
    assert output.shape == (0, 5, 3) and h.shape == (1, 0, 3)
    output.sum().backward()
    assert x.grad.shape == x.shape and net.weight_hh_l0.grad.abs().sum() == 0


# ---- weights


def test_weights_that_are_functions_of_others():
    class Twice(wg.nn.Module):
        def forward(self, x):
            return 2 * x

    net, x = layer("GRU", 4, 3), mixed()[0]
    before = net(x)[0]
    with wg.no_grad():
        net.weight_hh_l0.mul_(0.5)
    parametrize.register_parametrization(net, "weight_hh_l0", Twice())
    assert bits(net(x)[0]) == bits(before)
    net(x)[0].sum().backward()
    assert net.parametrizations.weight_hh_l0.original.grad is not None


def test_lists_of_weights():
    net = layer("LSTM", 4, 3, 2, bidirectional=True, proj_size=2)
    assert [len(weights) for weights in net.all_weights] == [5] * 4
    assert net.all_weights[3][4] is net.weight_hr_l1_reverse
    assert len(net._flat_weights) == 20 and net._flat_weights[0] is net.weight_ih_l0
    net.flatten_parameters()


def test_what_is_frozen_gets_no_gradient():
    net, x = layer("LSTM", 4, 3), mixed()[0]
    for name in ("weight_ih_l0", "bias_hh_l0"):
        getattr(net, name).requires_grad_(False)
    net(x)[0].sum().backward()
    given = {name for name, p in net.named_parameters() if p.grad is not None}
    assert given == {"weight_hh_l0", "bias_ih_l0"}


# ---- capture


class Tagger(wg.nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.body = getattr(wg.nn, kind)(5, 8, 2, bidirectional=True, dropout=0.3)
        self.head = wg.nn.Linear(16, 3)

    def forward(self, x):
        y, _ = self.body(x)
        return self.head(y.data if isinstance(y, sequences.PackedSequence) else y)


def training(kind, captured, lengths=None):
    wg.manual_seed(0)
    net = Tagger(kind)
    optimizer = wg.optim.Adam(net.parameters(), lr=1e-2)

    def step(x, t):
        if lengths is not None:
            x = sequences.pack_padded_sequence(x, lengths, enforce_sorted=False)
            t = sequences.pack_padded_sequence(t, lengths, enforce_sorted=False).data
        loss = wg.nn.functional.cross_entropy(net(x).flatten(0, -2), t.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = wg.capture(step) if captured else step
    rng, losses = np.random.default_rng(2), []
    for _ in range(6):
        x = wg.from_numpy(rng.standard_normal((4, 3, 5)).astype(np.float32))
        losses.append(float(run(x, wg.from_numpy(rng.integers(0, 3, (4, 3))))))
    return losses, [bits(p) for p in net.parameters()], run


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", [None, [2, 4, 3]])
def test_captured_training_is_bit_by_bit_the_same(kind, lengths):
    *eager, _ = training(kind, False, lengths)
    *replayed, step = training(kind, True, lengths)
    assert eager == replayed
    ops = [line["op"] for line in step.program.lines()]
    assert ops.count("rnn_layer") == ops.count("rnn_layer_backward") == 4  # layers, directions


def test_lengths_in_a_tensor_cannot_be_captured():
    @wg.capture
    def packed(x, lengths):
        return sequences.pack_padded_sequence(x, lengths).data

    with pytest.raises(RuntimeError, match="lengths"):
        packed(wg.zeros(3, 2, 1), wg.tensor([3, 1]))


# ---- threads, denormals


@pytest.mark.parametrize("shape", [(9, 40, 5, 33), (4, 3, 8, 400), (1, 300, 8, 40)])
@pytest.mark.parametrize("kind", KINDS)
def test_threads_do_not_matter(kind, shape):
    steps, batch, inputs, hidden = shape
    net = getattr(wg.nn, kind)(inputs, hidden)
    x = wg.randn(steps, batch, inputs, requires_grad=True)
    found, before = [], wg.get_num_threads()
    for n in (1, 2, 3, 7):
        wg.set_num_threads(n)
        output, last = net(x)
        grads = wg.autograd.grad((output * output).sum(), [x, *net.parameters()])
        found.append([bits(t) for t in (output, *parts(last), *grads)])
    wg.set_num_threads(before)
    assert all(f == found[0] for f in found)


def test_saturated_gates_leave_no_denormals():
    net = wg.nn.LSTM(4, 16)
    with wg.no_grad():
        net.bias_ih_l0[16:32] = -60.0  # forgets all but 1e-26 of c
        net.bias_ih_l0[:16] = -60.0
    x = wg.randn(6, 3, 4, requires_grad=True)
    y, (_, c) = net(x)
    y.sum().backward()
    least = np.finfo(np.float32).tiny
    for t in (y, c, x.grad, *(p.grad for p in net.parameters())):
        a = np.abs(t.detach().numpy())
        assert ((a == 0) | (a >= least)).all()
