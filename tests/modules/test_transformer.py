"""Transformers beyond what the table of modules says: padding, hints, what is refused."""

import numpy as np
import pytest

import wengert as wg

nn = wg.nn
PADDED = np.array([[0, 0, 0, 1, 1], [0, 0, 0, 0, 0], [0, 1, 1, 1, 1]], bool)
HOLES = np.array([[0, 1, 0, 1, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]], bool)


WAYS = {
    "cleared": ({}, PADDED),
    "holes": ({}, HOLES),
    "norm_first": ({"norm_first": True}, PADDED),
    "an odd head": ({"nhead": 1}, PADDED),
}


def output(library, way):
    how, padding = WAYS[way]
    library.manual_seed(1)
    layer = library.nn.TransformerEncoderLayer(
        8, how.get("nhead", 2), 12, batch_first=True, norm_first=how.get("norm_first", False)
    )
    model = library.nn.TransformerEncoder(layer, 2, library.nn.LayerNorm(8)).eval()
    with library.no_grad():
        library.nn.init.normal_(model.norm.bias)
        x = library.randn(3, 5, 8)
        y = model(x, src_key_padding_mask=library.from_numpy(padding.copy()))
    return y.numpy(), model.norm.bias.detach().numpy()


@pytest.mark.parametrize("way", WAYS)
def test_where_padding_is_cleared(way):
    y, bias = output(wg, way)
    expected = np.broadcast_to(bias, y[WAYS[way][1]].shape)
    assert np.array_equal(y[WAYS[way][1]], expected) == (way == "cleared")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", WAYS)
def test_evaluation_is_torchs(way, oracle):
    np.testing.assert_allclose(output(wg, way)[0], output(oracle, way)[0], rtol=1e-5, atol=2e-6)


def test_a_hint_is_the_mask():
    wg.manual_seed(2)
    layer, x = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0), wg.randn(4, 3, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    assert mask.dtype == wg.float32 and mask.tolist()[1] == [0, 0, -np.inf, -np.inf]
    expected = layer(x, mask)
    for given in (mask, mask < 0):
        wg.testing.assert_close(layer(x, given, is_causal=True), expected)
    later = x.clone()
    later[2:] += 1
    wg.testing.assert_close(layer(later, mask)[:2], expected[:2])


def test_copies_begin_alike_and_apart():
    layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12), 2).layers
    assert wg.equal(layers[0].linear1.weight, layers[1].linear1.weight)
    assert layers[0].linear1.weight is not layers[1].linear1.weight


REFUSED = {
    "sizes": lambda lib, m: lib.nn.MultiheadAttention(0, 1),
    "heads": lambda lib, m: lib.nn.MultiheadAttention(4, 3),
    "dimensions": lambda lib, m: m(*[lib.ones(4)] * 3),
    "embedding": lambda lib, m: m(*[lib.ones(3, 2, 6)] * 3),
    "values": lambda lib, m: m(lib.ones(3, 2, 4), lib.ones(3, 2, 4), lib.ones(4, 2, 4)),
    "mask": lambda lib, m: m(*[lib.ones(3, 2, 4)] * 3, attn_mask=lib.ones(3, 2)),
    "mask of heads": lambda lib, m: m(*[lib.ones(3, 2, 4)] * 3, attn_mask=lib.ones(2, 3, 3)),
    "hint": lambda lib, m: m(*[lib.ones(3, 2, 4)] * 3, is_causal=True),
    "integers": lambda lib, m: m(
        *[lib.ones(3, 2, 4)] * 3, attn_mask=lib.ones(3, 3, dtype=lib.int64)
    ),
    "padding": lambda lib, m: m(*[lib.ones(3, 2, 4)] * 3, key_padding_mask=lib.ones(2, 4)),
    "activation": lambda lib, m: lib.nn.TransformerEncoderLayer(4, 2, activation="tanh"),
    "batches": lambda lib, m: lib.nn.Transformer(4, 2, 1, 1, 4)(
        lib.ones(3, 2, 4), lib.ones(3, 1, 4)
    ),
    "features": lambda lib, m: lib.nn.Transformer(4, 2, 1, 1, 4)(
        lib.ones(3, 2, 4), lib.ones(3, 2, 6)
    ),
}
TYPES = {
    "sizes": ValueError,
    "mask": RuntimeError,
    "mask of heads": RuntimeError,
    "hint": RuntimeError,
    "activation": RuntimeError,
    "batches": RuntimeError,
    "features": RuntimeError,
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(what):
    with pytest.raises(TYPES.get(what, AssertionError)):
        REFUSED[what](wg, nn.MultiheadAttention(4, 2))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", REFUSED)
def test_torch_refuses_likewise(what, oracle):
    with pytest.raises(TYPES.get(what, AssertionError)):
        REFUSED[what](oracle, oracle.nn.MultiheadAttention(4, 2))
