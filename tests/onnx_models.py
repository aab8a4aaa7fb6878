"""The models and functions that the tests of ONNX write and read."""

import wengert as wg
from wengert import nn
from wengert.nn import functional as F


def flat(value):
    if isinstance(value, (tuple, list)):
        return [x for part in value for x in flat(part)]
    return [value]


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.body = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1, groups=4), nn.BatchNorm2d(8), nn.ReLU(inplace=True),
            nn.Conv2d(8, 8, 3, padding=2, dilation=2),
        )  # fmt: skip
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn(self.stem(x))), 3, 2, 1)
        x = F.relu(x + self.body(x))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(11, 16), nn.Embedding(12, 16)
        self.norm, self.qkv = nn.LayerNorm(16), nn.Linear(16, 48)
        self.out, self.head = nn.Linear(16, 16), nn.Linear(16, 11, bias=False)

    def forward(self, ids):
        b, t = ids.shape
        x = self.tokens(ids) + self.places(wg.arange(t))
        q, k, v = self.qkv(self.norm(x)).view(b, t, 3, 4, 4).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.head(x + self.out(y.transpose(1, 2).reshape(b, t, 16)))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(3, 6, 3, 2, 1, output_padding=1)
        self.norm = nn.GroupNorm(3, 6)

    def forward(self, x):
        x = F.silu(self.norm(self.up(x)))
        return F.interpolate(x, scale_factor=2, mode="bilinear"), F.interpolate(x, scale_factor=2)


def images(n=2, size=16):
    return (wg.randn(n, 3, size, size),)


def ids(b, t):
    return (wg.randint(0, 11, (b, t)),)


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3), nn.Softmax(-1)),
            [(wg.randn(1, 4),), (wg.randn(5, 4),)], {0: "batch"}),
    "resnet": (Residual, [images(), images(1), images(3)], {0: "batch"}),
    "sizes": (Residual, [images(), images(1, 24)], {0: "batch", 2: "height", 3: "width"}),
    "decoder": (Decoder, [images(), images(1)], {0: "batch"}),
    "gpt": (Gpt, [ids(2, 5), ids(1, 12), ids(3, 1)], {0: "batch", 1: "time"}),
    "encoder": (lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True),
                [(wg.randn(2, 5, 16),), (wg.randn(3, 8, 16),)], {0: "batch", 1: "time"}),
    "norm_first": (
        lambda: nn.TransformerEncoderLayer(16, 4, 32, activation="gelu", norm_first=True),
        [(wg.randn(5, 2, 16),), (wg.randn(8, 3, 16),)], {0: "time", 1: "batch"}),
    "lstm": (lambda: nn.LSTM(4, 6, 2, batch_first=True, bidirectional=True),
             [(wg.randn(2, 5, 4),), (wg.randn(3, 2, 4),)], {0: "batch", 1: "time"}),
    "gru": (lambda: nn.GRU(4, 6), [(wg.randn(5, 2, 4),), (wg.randn(1, 3, 4),)], [0, 1]),
    "rnn": (lambda: nn.RNN(4, 6, nonlinearity="relu"), [(wg.randn(5, 2, 4),)], [0]),
    "norms": (lambda: nn.Sequential(nn.Conv1d(3, 6, 1), nn.GroupNorm(2, 6), nn.AvgPool1d(2),
                                    nn.Flatten(), nn.RMSNorm(24), nn.LayerNorm(24, bias=False)),
              [(wg.randn(2, 3, 8),), (wg.randn(4, 3, 8),)], {0: "batch"}),
}  # fmt: skip

FUNCTIONS = {
    "activations": lambda x: [
        f(x) for f in (F.gelu, F.silu, F.elu, F.selu, F.celu, F.softplus, F.mish, F.logsigmoid,
                       F.hardswish, F.hardsigmoid, F.hardtanh, F.relu6, F.leaky_relu, F.softsign)
    ] + [F.gelu(x, approximate="tanh"), F.softplus(x, 2.0, 1.0), F.elu(x, 0.3)],
    "math": lambda x: [
        getattr(x.abs() + 0.1, name)() for name in (
            "exp", "log", "sqrt", "rsqrt", "square", "log1p", "expm1", "log2", "log10", "exp2",
            "sin", "cos", "atan", "floor", "ceil", "round", "sign", "neg", "reciprocal", "erf")
    ],
    "pairs": lambda x: [
        x + 2, 2 - x, x * x, x / 3, x**2, x.abs() ** 0.5, wg.maximum(x, -x), wg.minimum(x, x * 2),
        wg.add(x, x, alpha=0.5), wg.sub(x, 1, alpha=2), x.clamp(-0.5, 0.5), x.clamp(min=0),
        x.clamp(max=0), wg.lerp(x, -x, 0.3), wg.addcmul(x, x, x, value=2), x // 2, x % 2,
        x.trunc(), x.frac(), F.threshold(x, 0.1, 0.2)],
    "questions": lambda x: [
        x > 0, x >= 0, x < 0, x <= 0, x == x, x != 0, ~(x > 0), (x > 0) & (x < 1),
        (x > 0) | (x < -1), wg.where(x > 0, x, 0.0), x.masked_fill(x > 0, -1), (x > 0).float(),
        wg.tril(x), wg.triu(x, 1)],
    "reductions": lambda x: [
        x.sum(), x.sum(0), x.mean(1, keepdim=True), x.amax(0), x.amin((0, 1)), x.var(0),
        x.std(1, keepdim=True), x.var(0, correction=0), x.argmax(), x.argmax(1), x.argmin(0, True),
        x.cumsum(1), x.logsumexp(1), x.prod(1), x.max(), *x.max(1), *x.min(0, keepdim=True),
        x.softmax(0), x.log_softmax(1)],
    "made": lambda x: [
        x + wg.ones(6), x * wg.arange(1, 13, 2), x + wg.zeros_like(x), x + wg.full((6,), 2.0),
        x @ x.t(), wg.addmm(x[:, :4], x, wg.ones(6, 4), beta=0.5, alpha=2.0), x @ wg.ones(6),
        wg.gather(x, 1, wg.tensor([[0, 1], [2, 3], [4, 5], [0, 0]])),
        x[wg.tensor([1, 0])], x[:, wg.tensor([[1, 0]])], x[wg.arange(4), x.argmax(1)],
        F.pad(x, (1, 2, 0, 1), value=0.5), F.pad(x, (-1, 0)), F.one_hot(x.argmax(1), 6),
        F.normalize(x), x.norm(1, 0), wg.einsum("ij,kj->ik", x, x), F.glu(x),
        F.prelu(x, wg.full((1,), 0.2)),
        F.avg_pool2d(x[None, None], 2), F.adaptive_avg_pool2d(x[None], (2, 3))],
}  # fmt: skip
