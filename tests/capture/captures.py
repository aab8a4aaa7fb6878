"""What the tests of capture share."""

import hashlib

import wengert as wg


def bits(x):
    """A copy in which all that differs in a bit differs."""
    if isinstance(x, wg.Tensor):
        a = x.detach().numpy()
        data = a.tobytes()
        if len(data) > 1000:
            data = hashlib.sha256(data).hexdigest()
        return a.dtype.str, a.shape, data
    if hasattr(x, "__array__"):
        return bits(wg.from_numpy(x))
    if isinstance(x, dict):
        return [(k, bits(v)) for k, v in x.items()]
    if isinstance(x, (list, tuple)):
        return type(x).__name__, [bits(v) for v in x]
    return repr(x)


def leaf(*values):
    return wg.tensor([float(v) for v in values], requires_grad=True)


def ones(layer):
    """The layer, with 1 in all of its parameters."""
    with wg.no_grad():
        for p in layer.parameters():
            p.fill_(1)
    return layer


def differing(a, b):
    return [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]


def observe(script, capturing):
    """What the script yields before its end or a CaptureError, the error, and the replays."""
    wg.manual_seed(0)
    steps, seen, error = [], [], None

    def cap(fn):
        steps.append(wg.capture(fn) if capturing else fn)
        return steps[-1]

    try:
        for x in script(cap):
            seen.append(bits(x))
    except wg.CaptureError as e:
        error = e
    return seen, error, sum(s.cache_info().hits for s in steps) if capturing else 0


class Net(wg.nn.Module):
    """A module that reads attributes of its own."""

    rate = 1.0

    def __init__(self):
        super().__init__()
        self.inner = ones(wg.nn.Linear(2, 2))
        self.scales, self.table = [1.0, 2.0], {"k": {"z": 1.0}}
        self.register_buffer("shift", wg.tensor([1.0, 1.0]))

    def forward(self, x):
        return self.inner(x) * self.scales[0] * self.table["k"]["z"] * self.rate + self.shift
