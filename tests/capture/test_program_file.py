"""Captured forward programs as files: what is saved is what runs, and nothing else is let in."""

import contextlib
import json
import os
import random
import re

import numpy as np
import pytest

import wengert as wg
from tests.capture.program_files import Parts, xxh64
from tests.rows.sample import build
from tests.rows.table import DTYPES, ROWS, SAMPLES, UNINITIALISED, array, in_wengert, outputs
from wengert import nn


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "program.safetensors")


def saved(path, fn, *args):
    """What `fn` returns, and the program of the call after a way through a file."""
    captured = wg.capture(fn)
    result = captured(*args)
    captured.program.save(path)
    return result, wg.load_program(path)


def assert_bitwise(actual, expected):
    actual, expected = outputs(actual), outputs(expected)
    assert len(actual) == len(expected)
    for a, b in zip(map(array, actual), map(array, expected), strict=True):
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


# ---- round trips --------------------------------------------------------------------------------

MLP = nn.Sequential(
    nn.Linear(6, 16), nn.GELU(), nn.Dropout(0.3), nn.Linear(16, 4), nn.Softplus(2.0)
)
TABLE = wg.randn(10, 6, generator=wg.Generator().manual_seed(5))
CONSTANT = wg.tensor([[0.1, float("inf"), -0.0, 1e-40]])


def several(x):
    y = MLP(x)
    return y, y.sum(), {"top": y.topk(2)}, [x]


def lookup(i):
    rows = TABLE[i]
    return rows.cumsum(0), rows.argmax(1), nn.functional.one_hot(i % 10, 10)


def views(x):
    y = x.t()[1:5, ::2].unsqueeze(1)
    z = TABLE.t() @ TABLE
    return y.expand(4, 3, 3) * 2, z[1:, None], TABLE[3:5].flip(0), x.diagonal(), TABLE.t()


def constants(x):
    mask = wg.arange(4) > 1
    return wg.where(mask, x[:, :4], CONSTANT) + wg.linspace(0, 1, 4) + wg.eye(5, 4), wg.zeros(2)


def in_place(x):
    y = wg.tensor([[1.0] * 6] * 5)
    y[1:3, ::2] = x[1:3, ::2]
    y[wg.tensor([0, 4]), 1] += 7.0
    y.mul_(2).sub_(x)
    z = x.clone()
    z.relu_()[0].fill_(3)
    return y, z


def drawn(x):
    return nn.functional.dropout(x, 0.5), wg.randn(3), wg.randint(0, 9, (4,)), wg.rand_like(x)


@pytest.mark.quick
@pytest.mark.parametrize("fn", [MLP, several, views, constants, in_place, drawn])
def test_round_trip(path, fn):
    xs = [wg.randn(5, 6) for _ in range(3)]
    _, program = saved(path, fn, xs[0])
    for x in xs:
        wg.manual_seed(4)
        expected = fn(x)
        if isinstance(expected, tuple) and fn is several:
            expected = (*expected[:2], *expected[2]["top"], *expected[3])
        wg.manual_seed(4)
        assert_bitwise(program(x), expected)
    wg.manual_seed(4)
    assert_bitwise(program(xs[2].numpy()), expected)


def test_round_trip_of_integers(path):
    index = wg.tensor([1, 9, -3, 0])
    expected, program = saved(path, lookup, index)
    assert_bitwise(program(index), expected)
    assert_bitwise(program(wg.tensor([5, 5, 0, 1])), lookup(wg.tensor([5, 5, 0, 1])))
    assert program.inputs == (((4,), wg.int64),)
    with pytest.raises(IndexError, match="index 10 is out of bounds"):
        program(wg.tensor([0, 0, 0, 10]))


def test_a_loaded_program_can_be_saved(path, tmp_path):
    x = wg.randn(5, 6)
    _, program = saved(path, views, x)
    again = str(tmp_path / "again.safetensors")
    program.program.save(again)
    assert_bitwise(wg.load_program(again)(x), views(x))
    assert len(program.program) and "mm" in repr(program.program)


def test_weights_are_those_of_the_moment(path):
    layer = nn.Linear(3, 2)
    captured = wg.capture(layer)
    x = wg.randn(4, 3)
    captured(x)
    with wg.no_grad():
        layer.weight.mul_(2)
    captured.program.save(path)
    assert_bitwise(wg.load_program(path)(x), layer(x))


def test_a_changed_argument_is_given_back(path):
    def fn(x):
        x[0] = 5.0
        return x.sum()

    _, program = saved(path, fn, wg.ones(3))
    x, y = wg.ones(3), np.ones(3, np.float32)
    assert program(x).item() == program(y).item() == 7
    assert x.tolist() == y.tolist() == [5, 1, 1]


def test_results_are_the_callers(path):
    weight = wg.ones(3)
    _, program = saved(path, lambda x: (x + weight, weight), wg.ones(3))
    first = program(wg.ones(3))
    second = program(wg.zeros(3))
    assert first[0].tolist() == [2, 2, 2] and second[0].tolist() == [1, 1, 1]
    second[1].zero_()
    assert program(wg.ones(3))[1].tolist() == [1, 1, 1]


def test_default_dtype_does_not_matter(path):
    x = wg.ones(3)
    expected, _ = saved(path, lambda x: (x + wg.zeros(3), wg.arange(0, 1, 0.25)), x)
    wg.set_default_dtype(wg.float64)
    assert_bitwise(wg.load_program(path)(x), expected)


def test_the_safetensors_package_reads_it(path):
    safetensors = pytest.importorskip("safetensors.numpy")
    mask = wg.tensor([True, False, True])
    layer = nn.Linear(3, 2).double()
    saved(path, lambda x: (layer(x) * 2, mask & True, TABLE[4].t()), wg.ones(3, dtype=wg.float64))
    tensors = safetensors.load_file(path)
    assert {name: (t.dtype.name, t.shape) for name, t in tensors.items()} == {
        "outside.0": ("float64", (2, 3)),
        "outside.1": ("float64", (2,)),
        "outside.2": ("bool", (3,)),
        "outside.3": ("float32", (6,)),  # of the table, what is used
    }
    assert (tensors["outside.0"] == layer.weight.detach().numpy()).all()
    assert (tensors["outside.3"] == TABLE[4].numpy()).all()


def every_sample():
    for key, row in ROWS.items():
        for sample in SAMPLES.get(key, ()):
            for dtype in sample.only or DTYPES:
                yield key, row, sample, dtype


def capture_sample(row, sample, dtype):
    """A captured row with the arguments of a sample; None where the row cannot be captured."""
    args, kwargs = build(sample, wg, dtype, None)
    function = in_wengert(row)
    captured = wg.capture(lambda *args: function(*args, **kwargs))
    wg.manual_seed(3)
    try:
        return captured, args, captured(*args)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError):
        return None


def test_every_row(path):
    """What rows do when they are called, their programs do; training's rows are refused."""
    refused = set()
    count = 0
    for key, row, sample, dtype in every_sample():
        made = capture_sample(row, sample, dtype)
        if made is None or key in UNINITIALISED:
            continue
        captured, _, expected = made
        try:
            captured.program.save(path)
        except RuntimeError as error:
            if key == "view(Tensor, dtype)":  # the memory of a file has one dtype
                assert "memory is used as" in str(error)
                continue
            assert "is not an operation of a forward program" in str(error)
            refused.add(key)
            continue
        program = wg.load_program(path)
        args, _ = build(sample, wg, dtype, None)
        tensors = [t.detach() for t in outputs(args) if isinstance(t, wg.Tensor)]
        wg.manual_seed(3)
        assert_bitwise(program(*tensors[: len(program.inputs)]), expected)
        count += 1
    assert count > 5000
    training = r"_backward|_weights|_factors|_update|total_norm|_activation|mm_pointwise|_then"
    assert [k for k in refused if not re.search(training, k)] == []


# ---- what is refused ----------------------------------------------------------------------------


def step_of_training():
    model = nn.Linear(3, 1)
    optimizer = wg.optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = model(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    return step


def backward_only():
    model = nn.Linear(3, 1)
    return lambda x: model(x).sum().backward()


def counting():
    seen = wg.zeros(3)
    return lambda x: seen.add_(x)


def own_generator():
    generator = wg.Generator().manual_seed(1)
    return lambda x: x + wg.rand(3, generator=generator)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (step_of_training, r"step \d+ \(\w+\) is an optimizer's"),
        (backward_only, r"step \d+ \(\w+\) (leaves a gradient behind|uses the gradient)"),
        (counting, r"step 0 \(add\) writes to a tensor from outside"),
        (own_generator, r"step 0 \(rand\) draws from a generator of its own"),
    ],
)
def test_not_forward(path, make, message):
    step = wg.capture(make())
    step(wg.ones(2, 3) if make is not counting else wg.ones(3))
    step(wg.ones(2, 3) if make is not counting else wg.ones(3))
    with pytest.raises(RuntimeError, match="this is no forward program: " + message):
        step.program.save(path)
    assert not os.path.exists(path)


def test_stale_program(path):
    layer = nn.Linear(3, 2)
    captured = wg.capture(layer)
    captured(wg.ones(3))
    layer.weight = nn.Parameter(wg.ones(2, 3))
    with pytest.raises(RuntimeError, match="no longer fits"):
        captured.program.save(path)


def test_arguments_are_checked(path):
    _, program = saved(path, lambda x, i: x[i], wg.ones(3, 2), wg.tensor([0]))
    with pytest.raises(TypeError, match="takes 2 arguments, got 1"):
        program(wg.ones(3, 2))
    with pytest.raises(TypeError, match="argument 1 must be a tensor or NumPy array, not list"):
        program(wg.ones(3, 2), [0])
    with pytest.raises(RuntimeError, match=r"argument 0 must be \S+float32 of shape \(3, 2\)"):
        program(wg.ones(3), wg.tensor([0]))
    with pytest.raises(RuntimeError, match=r"got \S+float64 of shape \(3, 2\)"):
        program(np.ones((3, 2)), wg.tensor([0]))


def test_where_files_are(path, tmp_path):
    with pytest.raises(FileNotFoundError):
        wg.load_program(path)
    with pytest.raises(RuntimeError, match="not a regular file"):
        wg.load_program(tmp_path)
    captured = wg.capture(lambda x: x * 2)
    captured(wg.ones(3))
    with pytest.raises(RuntimeError, match="save: .*missing"):
        captured.program.save(tmp_path / "missing" / "file")
    captured.program.save(path)
    os.chmod(path, 0o600)
    os.symlink(path, tmp_path / "link")
    captured.program.save(tmp_path / "link")
    assert os.path.islink(tmp_path / "link") and os.stat(path).st_mode & 0o777 == 0o600
    assert sorted(os.listdir(tmp_path)) == ["link", "program.safetensors"]
    assert wg.load_program(tmp_path / "link")(wg.ones(3)).tolist() == [2, 2, 2]


def parts_of(path, fn, *args):
    saved(path, fn, *args)
    with open(path, "rb") as file:
        return Parts(file.read())


def refusal(path, blob):
    """Why a file is not loaded; it must be one line that begins with the path."""
    with open(path, "wb") as file:
        file.write(blob)
    with pytest.raises(RuntimeError) as caught:
        wg.load_program(path)
    message = str(caught.value)
    assert message.startswith(f"load: {path}: ") and "\n" not in message
    return message


def test_version_checksum_and_format(path):
    assert xxh64(b"") == 0xEF46DB3751D8E999  # the specification's
    parts = parts_of(path, lambda x: MLP(x), wg.ones(5, 6))
    metadata = parts.header["__metadata__"]
    assert metadata["wengert.checksum"] == parts.checksum(parts.text)

    def changed(**entries):
        entries = {k.replace("_", "."): v for k, v in entries.items()}
        return parts.join({**parts.header, "__metadata__": {**metadata, **entries}})

    assert "version '2', this library reads '1'" in refusal(path, changed(wengert_version="2"))
    assert "checksum is wrong" in refusal(path, changed(wengert_checksum="0" * 16))
    assert "checksum is wrong" in refusal(path, parts.join(parts.header)[:-1] + b"\x01")
    text = parts.text.replace("gelu", "tanh")
    assert "no operation 'tanh(Tensor,'none'" in refusal(path, changed(wengert_program=text))
    text = parts.text.replace("f:2", "f:3")
    assert "checksum is wrong" in refusal(path, changed(wengert_program=text))
    plain = parts.join({k: v for k, v in parts.header.items() if k != "__metadata__"})
    assert "it is no program" in refusal(path, plain)


def test_truncated(path):
    parts_of(path, constants, wg.ones(5, 6))
    with open(path, "rb") as file:
        blob = file.read()
    for n in range(len(blob)):
        refusal(path, blob[:n])
    refusal(path, blob + b"\0")


def test_flipped_bits(path):
    parts_of(path, constants, wg.ones(5, 6))
    with open(path, "rb") as file:
        blob = file.read()
    loaded = 0
    for i in range(len(blob)):
        for bit in (i % 8, (i + 3) % 8):
            bad = bytearray(blob)
            bad[i] ^= 1 << bit
            with open(path, "wb") as file:
                file.write(bad)
            try:
                wg.load_program(path)
                loaded += 1  # the value of "format", the kind of a space
            except RuntimeError as error:
                assert "\n" not in str(error)
    assert loaded < 60


def header_mutations(header):
    raw = json.dumps(header)
    first = '"dtype": "F32"'
    assert first in raw
    yield raw[1:], "'{' expected"
    yield raw[:-1], "expected"
    yield raw + "x", "something follows"
    yield raw.replace(first, first + ", " + first, 1), "has been there before"
    yield raw.replace(first, '"dtype": "F8"', 1), "unknown dtype 'F8'"
    yield raw.replace(first, '"dtype": "\\ud800"', 1), "half of a character"
    yield raw.replace(first, '"dtype": 3', 1), "a string expected"
    yield raw.replace(first, first + ', "more": 1', 1), "unknown key"
    yield raw.replace('"shape": [', '"shape": [-', 1), "non-negative integer expected"
    yield raw.replace('"shape": [', '"shape": [0', 1), "begins with 0"
    yield raw.replace('"shape": [', '"shape": [9223372036854775808, ', 1), "too large"
    yield raw.replace('"shape": [', '"shape": [4611686018427387904, ', 1), "does not fit its shape"
    yield raw.replace('"shape": [', '"shape": [' + "1, " * 16, 1), "too long"
    yield raw.replace('"shape": [', '"shape": [1.5, ', 1), "expected"
    yield raw.replace('"data_offsets": [0', '"data_offsets": [8', 1), "does not fit"
    yield raw.replace('"__metadata__": {', '"__metadata__": {"a": {},', 1), "a string expected"
    yield raw.replace('"outside.1"', '"outside.0"', 1), "has been there before"
    yield "[" * 100000, "'{' expected"
    yield '{"a":' * 100000, "unknown key"
    shifted = json.loads(raw)
    for name, entry in shifted.items():
        if name != "__metadata__":
            entry["data_offsets"] = [n + 4 for n in entry["data_offsets"]]
    yield json.dumps(shifted), "a gap"
    extra = {**header, "more": {"dtype": "F32", "shape": [0, 7], "data_offsets": [0, 0]}}
    yield json.dumps(extra), "does not use tensor 'more'"
    overlapping = json.loads(raw)
    overlapping["outside.1"]["data_offsets"] = overlapping["outside.0"]["data_offsets"]
    overlapping["outside.1"]["shape"] = overlapping["outside.0"]["shape"]
    yield json.dumps(overlapping), "overlap"


def test_headers(path):
    parts = parts_of(path, lambda x: MLP(x), wg.ones(5, 6))
    for raw, message in header_mutations(parts.header):
        assert message in refusal(path, parts.join(raw.encode()))
    assert "does not fit the file" in refusal(path, b"\xff" * 8 + b"{}")
    assert "does not fit the file" in refusal(path, b"\x00\xe1\xf5\x05" + b"\0" * 4 + b"{}")
    control = json.dumps(parts.header).encode().replace(b"F32", b"F\x0132", 1)
    assert "control character" in refusal(path, parts.join(control))


def test_bools_are_bools(path):
    mask = wg.tensor([True, False])
    parts = parts_of(path, lambda x: wg.where(mask, x, 0.0), wg.ones(2))
    parts.data = b"\x02" + parts.data[1:]
    assert "neither 0 nor 1" in refusal(path, parts.with_text(parts.text))


HOSTILE = [
    (r"input %1\(5,6\)", "input %1(5,7)", "argument 0 is not memory of its own"),
    (r"input %1\(5,6\)", "input %0(5,6)", "there is no slot 0"),
    (r"input %1\(5,6\)\n", "", "slot 1 is no argument"),
    (r"input %1\(5,6\)", "input %1(5,6)(-6,1)+0", "the strides"),
    (r"slot input float32 30", "slot input float32 31", "argument 0 is not memory of its own"),
    (r"slot input float32 30", "slot input float32 9223372036854775807", "too large"),
    (r"slot made float32 \d+", "slot made float32 274877906944", "touch more than"),
    (r"slot made float32 \d+", "slot made float64 20", "output 0 must be float32"),
    (r"\| %1\(5,6\)", "| %1(5,6)(6,1)+1", "is not within slot 1"),
    (r"\| %1\(5,6\)", "| %1(1099511627776,6)(0,1)+0", "is too large"),
    (r"\| %1\(5,6\)", "| %1(5,6)(4611686018427387904,1)+0", "do not fit the shape"),
    (r"\| %1\(5,6\)", "| %1(5,6)(1,5)+0", "input 0 is not contiguous"),
    (r"\| %1\(5,6\)", "| %7(5,6)", "there is no slot 7"),
    (r"\| %1\(5,6\)", "| %5(5,4)", "slot 5 is read before it is written"),
    (r"\| %1\(5,6\)", "| %1(5,6,0,9223372036854775807,9223372036854775807)", "too large"),
    (r"\| %1\(5,6\)", "| none", "input 0 is not of the kind it must be"),
    (r"\| %1\(5,6\)", "| i:3", "input 0 is not of the kind it must be"),
    (r"\| %1\(5,6\)", "|", "cannot be multiplied"),
    (r"outputs float32", "self float32", "cannot write to its input"),
    (r"outputs float32", "inputs float32", "cannot write to its input"),
    (r"outputs float32 i:0", "outputs float32 i:7", "attribute 0 is not of the kind"),
    (r"outputs float32 i:0", "outputs float32 f:0.5", "attribute 0 is not of the kind"),
    (r"outputs float32 i:0", "outputs float32", "attributes are missing"),
    (r"outputs float32 i:0", "outputs float32 i:0 i:0", "too many arguments"),
    (r"outputs float32 i:0", "outputs float64 i:0", "has dtype float32, not float64"),
    (r"step linear", "step system", "there is no operation 'system"),
    (r"step linear\(.*?\)", "step linear_activation()", "there is no operation"),
    (r"result %", "result i:", "is not a number|no tensor"),
    (r"result .*\n", "result %99(5,4)\n", "there is no slot 99"),
    (r"\nresult", "\n\nresult", "something is missing"),
    (r"\nresult", "\nslot made float32 1\nresult", "a slot after a"),
    (r"\nresult (.*)\n", r"\nresult \1", "it does not end"),
    (r"slot made", "slot  made", "empty word|not known"),
    (r"outside\.1", "outside.0", "is named twice|the program takes"),
]


@pytest.mark.parametrize(("old", "new", "message"), HOSTILE)
def test_hostile_programs(path, old, new, message):
    layer = nn.Sequential(nn.Linear(6, 4), nn.GELU())
    parts = parts_of(path, lambda x: layer(x), wg.ones(5, 6))
    text = re.sub(old, new, parts.text, count=1)
    assert text != parts.text
    assert re.search(message, refusal(path, parts.with_text(text)))


def test_hostile_keys(path):
    """Ops that users do not see check what they are given when a file gives it."""

    def fn(x, i):
        y = x.clone()
        y[1:, ::2] = 3.0
        y[i] = x[i]
        return y, y.roll(1, 0), wg.diag_embed(x[0]), x.cumprod(0)

    parts = parts_of(path, fn, wg.ones(4, 6), wg.tensor([0, 2]))
    lines = {line.split("(")[0]: line for line in parts.text.split("\n")}

    def mutated(step, old, new):
        assert old in lines[step]
        return refusal(
            path, parts.with_text(parts.text.replace(lines[step], lines[step].replace(old, new, 1)))
        )

    assert "not within" in mutated("step _strided_backward", "(6,6)", "(6,5)")
    assert "not within" in mutated("step _strided_backward", "i:0", "i:-1")
    assert "as many shifts as dims" in mutated("step _roll", "(1)", "(1,2)")
    first = next(n for n in parts.text.split("\n") if n.startswith("step __setitem__"))
    size = re.search(r"inputs float32 (\(\S+\)) (\(\S+\)) (i:\d+) (i:\d+)", first)
    for at, new in ((1, "(9,9)"), (2, "(1,99)"), (3, "i:238"), (4, "i:24"), (4, "i:-1")):
        bad = first[: size.start(at)] + new + first[size.end(at) :]
        message = refusal(path, parts.with_text(parts.text.replace(first, bad)))
        assert "a key that is not within shape (4, 6)" in message


NUMBERS = [str(n) for n in (0, 1, 2, 3, -1, 4, 5, 7, 8, 16, 24, 2**31, 2**62, 2**63 - 1)]
WORDS = ["none", "true", "i:3", "f:nan", "f:-inf", "(1,2)", "()", "generator", "int32", "%1(2,3)"]


def mutate(text, rng, forms):
    lines = text.split("\n")
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        i = rng.randrange(len(lines) - 1)
        words = lines[i].split(" ")
        kind = rng.random()
        if kind < 0.5 and (numbers := list(re.finditer(r"-?\d+", lines[i]))):
            at = rng.choice(numbers)
            lines[i] = lines[i][: at.start()] + rng.choice(NUMBERS) + lines[i][at.end() :]
        elif kind < 0.6:
            words[rng.randrange(len(words))] = rng.choice(rng.choice(lines).split(" "))
            lines[i] = " ".join(words)
        elif kind < 0.7 and words[0] == "step":
            lines[i] = " ".join([words[0], rng.choice(forms), *words[2:]])
        elif kind < 0.8:
            lines[i : i + 1] = rng.choice(([], [lines[i], lines[i]], [rng.choice(lines), lines[i]]))
        elif kind < 0.9:
            old = next((d for d in DTYPES if d in lines[i]), "float32")
            lines[i] = lines[i].replace(old, rng.choice(DTYPES), 1)
        else:
            words.insert(rng.randrange(len(words)), rng.choice(WORDS))
            lines[i] = " ".join(words)
        if len(lines) < 3:
            break
    return "\n".join(lines)


def is_small(text):
    """Whether a run of it is quick; what is not may still be loaded."""
    counts = [float(n) for n in re.findall(r"slot (?:made|input) \w+ (\d+)", text)]
    for shape in re.findall(r"%\d+\(([\d,]+)\)", text):
        counts.append(float(np.prod([float(n) for n in shape.split(",")])))
    return sum(counts) < 1e6


def test_mutated_programs(path):
    """Files with the right checksum and a wrong program are refused, or run without harm."""
    rng = random.Random(1)
    pool = []
    for _, row, sample, _ in every_sample():
        made = capture_sample(row, sample, rng.choice(sample.only or DTYPES))
        if made is None or rng.random() > 0.2:
            continue
        try:
            made[0].program.save(path)
        except RuntimeError:
            continue
        with open(path, "rb") as file:
            pool.append(Parts(file.read()))
    forms = sorted({form for parts in pool for form in re.findall(r"step (\S+)", parts.text)})
    refused = 0
    for _ in range(4000):
        parts = rng.choice(pool)
        text = mutate(parts.text, rng, forms)
        with open(path, "wb") as file:
            file.write(parts.with_text(text))
        try:
            program = wg.load_program(path)
        except RuntimeError as error:
            assert "\n" not in str(error)
            refused += 1
            continue
        if is_small(text):
            with contextlib.suppress(RuntimeError, IndexError, ValueError, TypeError):
                program(*(wg.ones(tuple(shape), dtype=dtype) for shape, dtype in program.inputs))
    assert 2000 < refused < 4000
