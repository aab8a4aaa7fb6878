"""Text written token by token, keys and values of those before kept: one program, all tokens."""

import pytest

import wengert as wg
from tests.capture.captures import bits

nn, F = wg.nn, wg.nn.functional
LENGTH, WIDTH, HEADS, TOKENS = 12, 8, 2, 11


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.qkv = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x, cache=None, at=None):
        b, t, _ = x.shape
        q, k, v = (
            y.view(b, t, HEADS, -1).transpose(1, 2) for y in self.qkv(self.norm(x)).chunk(3, 2)
        )
        if cache is None:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            keys, values = cache
            keys[:, :, at] = k
            values.index_copy_(2, at, v)
            seen = wg.arange(LENGTH) <= at
            y = F.scaled_dot_product_attention(q, keys, values, attn_mask=seen[None])
        return x + self.proj(y.transpose(1, 2).flatten(2))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(TOKENS, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.layers = nn.ModuleList([Layer(), Layer()])

    def forward(self, x, caches=(None, None), at=None):
        x = self.tokens(x) + self.positions(wg.arange(x.shape[1]) if at is None else at)
        for layer, cache in zip(self.layers, caches, strict=True):
            x = layer(x, cache, at)
        return x @ self.tokens.weight.T


def written(model, how, batch, draws):
    """The tokens, the logits behind each, and how it was called."""
    shape = (batch, HEADS, LENGTH, WIDTH // HEADS)
    caches = [(wg.zeros(shape), wg.zeros(shape)) for _ in model.layers]
    token, at = wg.zeros(batch, 1, dtype=wg.int64), wg.zeros(1, dtype=wg.int64)

    @wg.no_grad()
    def step():
        logits = model(token, caches, at)[:, -1]
        new = wg.multinomial(logits.softmax(1), 1) if draws else logits.argmax(1, keepdim=True)
        token.copy_(new)
        at.add_(1)
        return logits

    step = how(step)
    wg.manual_seed(5)
    tokens, logits = [token.clone()], []
    for _ in range(LENGTH):
        logits.append(step())
        tokens.append(token.clone())
    return wg.cat(tokens, 1), wg.stack(logits, 1), step


@pytest.mark.parametrize("draws", [False, True], ids=["most likely", "drawn"])
@pytest.mark.parametrize("batch", [1, 3])
def test_every_token_is_a_replay(batch, draws):
    wg.manual_seed(4)
    model = Model().eval()
    tokens, logits, _ = written(model, lambda f: f, batch, draws)
    again, found, step = written(model, wg.capture, batch, draws)
    assert bits(again) == bits(tokens) and bits(found) == bits(logits)
    assert step.cache_info()[:2] == (LENGTH - 1, 1)
    with wg.no_grad():
        whole = model(tokens[:, :LENGTH])
    wg.testing.assert_close(found, whole, rtol=1e-5, atol=1e-5)
