"""Event files: what a reader of protocol buffers finds in them, and TensorBoard's own."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from wengert.utils.tensorboard import SummaryWriter
from wengert.utils.tensorboard._events import crc32c

Image = pytest.importorskip("matplotlib.image")


def test_checksums_are_those_of_rfc_3720():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(bytes(range(32))) == 0x46DD794E


def varint(data, at):
    n = shift = 0
    while True:
        n |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return n, at


def fields(data):
    """{number of the field: its values}: numbers, and bytes as they are."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            size, letter = {1: (8, "<d"), 5: (4, "<f")}[kind]
            value, at = struct.unpack(letter, data[at : at + size])[0], at + size
        found.setdefault(key >> 3, []).append(value)
    assert at == len(data)
    return found


def masked(data):
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def events(path):
    data, at, found = Path(path).read_bytes(), 0, []
    while at < len(data):
        length, check = struct.unpack("<QI", data[at : at + 12])
        assert check == masked(data[at : at + 8])
        body = data[at + 12 : at + 12 + length]
        assert struct.unpack("<I", data[at + 12 + length : at + 16 + length])[0] == masked(body)
        found.append(fields(body))
        at += 16 + length
    return found


def only(folder):
    (path,) = [p for p in Path(folder).iterdir() if p.is_file()]
    first, *rest = events(path)
    assert first[3] == [b"brain.Event:2"]
    return rest


def values(folder):
    """(tag, step, fields of the value) of the summaries of a directory."""
    found = []
    for event in only(folder):
        if 5 in event:
            (value,) = (fields(v) for v in fields(event[5][0])[1])
            found.append((value[1][0].decode(), event.get(2, [None])[0], value))
    return found


def floats(data, letter="d"):
    return struct.unpack(f"<{len(data) // struct.calcsize(letter)}{letter}", data)


@pytest.fixture
def writer(tmp_path):
    with SummaryWriter(tmp_path / "run") as writer:
        yield writer


def test_numbers(writer, tmp_path):
    writer.add_scalar("loss/train", 0.5, 3, walltime=12.5)
    writer.add_scalar("loss/train", wg.tensor([2.0], requires_grad=True), -1)
    writer.add_scalar("d", np.float64(0.1), wg.tensor(7), None, True, True)
    writer.add_scalar("n", 1e300, new_style=True)
    writer.close()
    (a, i, x), (_, j, y), (_, k, z), (_, n, w) = values(tmp_path / "run")
    assert (a, i, x[2]) == ("loss/train", 3, [0.5]) and only(tmp_path / "run")[0][1] == [12.5]
    assert (j, y[2], k) == (2**64 - 1, [2.0], 7)
    assert fields(z[8][0])[6] == [0.1] and n is None and fields(w[8][0])[5] == [float("inf")]
    assert b"scalars" in z[9][0]
    with pytest.raises(ValueError, match="0D"):
        writer.add_scalar("x", wg.ones(2))
    with pytest.raises(TypeError, match="tag"):
        writer.add_scalar(3, 1)


def test_several_numbers_are_runs_of_their_own(writer, tmp_path):
    writer.add_scalars("a/b", {"sin": 0.25, "cos": 0.75}, 4)
    writer.close()
    for name, expected in (("a_b_sin", 0.25), ("a_b_cos", 0.75)):
        ((tag, step, value),) = values(tmp_path / "run" / name)
        assert (tag, step, value[2]) == ("a/b", 4, [expected])


@pytest.mark.parametrize("bins", ["tensorflow", "auto", 10, [0, 1, 2]])
def test_histograms(writer, tmp_path, bins):
    x = wg.randn(500)
    writer.add_histogram("h", x, 1, bins=bins)
    writer.close()
    ((_, _, value),) = values(tmp_path / "run")
    h = fields(value[5][0])
    array = x.numpy().astype(np.float64)
    numbers = [array.min(), array.max(), 500, array.sum(), array @ array]
    assert [h[i][0] for i in range(1, 6)] == pytest.approx(numbers)
    limits, counts = floats(h[6][0]), floats(h[7][0])
    assert len(limits) == len(counts) and counts[0] == 0 and counts[-1] > 0
    inside = array[(array >= limits[0]) & (array <= limits[-1])]
    assert sum(counts) == len(inside) and (bins == [0, 1, 2] or len(inside) == 500)
    for low, high, count in zip(limits[:-2], limits[1:-1], counts[1:-1], strict=True):
        assert ((array >= low) & (array < high)).sum() == count
    for wrong in (wg.empty(0), wg.tensor([5.0])):
        with pytest.raises(ValueError):
            writer.add_histogram("h", wrong, bins=[0, 1])


def test_histograms_of_few_bins_and_counts_that_are_known(writer, tmp_path):
    writer.add_histogram("h", np.arange(100), bins=50, max_bins=10)
    writer.add_histogram_raw("r", 0, 1, 3, 2.0, 1.5, [0.5, 1.0], wg.tensor([1, 2]))
    writer.close()
    few, raw = (fields(value[5][0]) for _, _, value in values(tmp_path / "run"))
    assert floats(few[7][0]) == (0, *[10] * 10)
    assert floats(raw[7][0]) == (1, 2) and floats(raw[6][0]) == (0.5, 1)
    with pytest.raises(ValueError, match="bucket"):
        writer.add_histogram_raw("r", 0, 1, 3, 2.0, 1.5, [0.5, 1.0], [1])


def picture(folder):
    ((_, _, value),) = values(folder)
    found = fields(value[4][0])
    pixels = Image.imread(io.BytesIO(found[4][0]))
    assert [found[i][0] for i in (1, 2)] == list(pixels.shape[:2])
    return pixels


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("formats", ["CHW", "HWC", "WHC"])
def test_images(writer, tmp_path, channels, formats):
    x = np.random.default_rng(0).uniform(-0.1, 1.1, (5, 7, channels)).astype(np.float32)
    order = ["HWC".index(letter) for letter in formats]
    writer.add_image("i", wg.from_numpy(np.ascontiguousarray(x.transpose(order))), 1, None, formats)
    writer.close()
    expected = np.floor(np.clip(x * 255, 0, 255)) / 255
    found = picture(tmp_path / "run")
    assert np.allclose(found if channels > 1 else found[..., None], expected, atol=1e-6)


def test_images_of_bytes_without_channels_and_grids(tmp_path):
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    many = wg.arange(10).view(10, 1, 1, 1).expand(10, 3, 2, 2).to(wg.uint8)
    for name, x, formats, wanted in (
        ("grey", grey, "HW", grey),
        (
            "grid",
            many,
            "NCHW",
            np.r_[np.arange(10), [0] * 6].reshape(2, 8).repeat(2, 0).repeat(2, 1),
        ),
    ):
        with SummaryWriter(tmp_path / name) as writer:
            writer.add_images("i", x, dataformats=formats)
        found = np.round(picture(tmp_path / name) * 255)
        assert np.array_equal(found if found.ndim == 2 else found[..., 0], wanted)
    with SummaryWriter(tmp_path / "wrong") as writer:
        for x, formats in (
            (wg.ones(3, 2), "CHW"),
            (wg.ones(3, 2, 2), "CHX"),
            (wg.ones(9, 2, 2), "CHW"),
        ):
            with pytest.raises(ValueError):
                writer.add_image("i", x, dataformats=formats)


def test_figures_texts_sound_and_curves(writer, tmp_path):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure = pyplot.figure(figsize=(2, 1), dpi=50)
    writer.add_figure("f", figure, 1)
    assert not pyplot.fignum_exists(figure.number)
    writer.add_text("t", "**bold** é", 2)
    writer.add_audio("s", wg.linspace(-1, 1, 50), 3, sample_rate=8000)
    writer.add_pr_curve(
        "p", wg.tensor([0, 1, 1, 0]), wg.tensor([0.1, 0.9, 0.4, 0.6]), num_thresholds=11
    )
    writer.close()
    (_, _, f), (tag, _, t), (_, _, s), (_, _, p) = values(tmp_path / "run")
    assert fields(f[4][0])[1] == [50] and fields(f[4][0])[2] == [100]
    assert tag == "t/text_summary" and fields(t[8][0])[8] == ["**bold** é".encode()]
    assert fields(s[6][0])[4][0][:4] == b"RIFF" and fields(s[6][0])[3] == [50]
    table = np.array(fields(p[8][0])[5]).reshape(6, 11)
    assert table[0].tolist() == [2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 0]
    assert table[1].tolist() == [2, 2, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert (table[0] + table[3] == 2).all() and (table[1] + table[2] == 2).all()


def test_hyper_parameters_have_a_run_of_their_own(writer, tmp_path):
    given = {"lr": 0.1, "optimizer": "adam", "nesterov": True, "seed": None}
    writer.add_hparams(given, {"accuracy": 0.75}, {"optimizer": ["adam", "sgd"]}, run_name="a")
    found = values(tmp_path / "run" / "a")
    assert [tag for tag, _, _ in found] == [
        "_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info",
        "accuracy",
    ]  # fmt: skip
    assert found[3][2][2] == [0.75]
    with pytest.raises(TypeError, match="dictionaries"):
        writer.add_hparams([1], {})


def test_graphs(writer, tmp_path):
    model = wg.nn.Sequential(wg.nn.Linear(3, 4), wg.nn.Tanh(), wg.nn.Linear(4, 2), wg.nn.Softmax(1))
    writer.add_graph(model, wg.ones(2, 3))
    writer.close()
    (event,) = [e for e in only(tmp_path / "run") if 4 in e]
    nodes = [fields(n) for n in fields(event[4][0])[1]]
    names = [n[1][0] for n in nodes]
    assert len(nodes) >= 3 and len(set(names)) == len(names)
    assert all(source in names for n in nodes for source in n.get(3, []))
    assert sum(3 in n for n in nodes) >= 2


def test_files_are_flushed_closed_and_begun_anew(tmp_path, monkeypatch):
    writer = SummaryWriter(tmp_path / "a", max_queue=2, filename_suffix=".x")
    (path,) = (tmp_path / "a").iterdir()
    assert path.name.startswith("events.out.tfevents.") and path.name.endswith(".x")
    size = path.stat().st_size
    for i in range(4):
        writer.add_scalar("x", i)
    assert path.stat().st_size > size
    writer.close()
    writer.add_scalar("x", 4)
    writer.flush()
    assert sum(len(events(p)) for p in (tmp_path / "a").iterdir()) == 4 + 1 + 2
    writer.close()
    with SummaryWriter(tmp_path / "b", purge_step=5) as purging:
        assert purging.get_logdir() == str(tmp_path / "b")
    (start,) = only(tmp_path / "b")
    assert start[2] == [5] and start[7] == [b"\x08\x01"]
    monkeypatch.chdir(tmp_path)
    with SummaryWriter(comment="_mine") as writer:
        assert writer.log_dir.startswith("runs/") and writer.log_dir.endswith("_mine")


def test_tensorboard_reads_them_and_they_are_those_of_torch(tmp_path, oracle):
    """Where both packages are installed, value by value."""
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    theirs = pytest.importorskip("torch.utils.tensorboard")
    rng = np.random.default_rng(0)
    x, image = rng.normal(size=300), rng.uniform(size=(10, 3, 4, 5)).astype(np.float32)

    def log(kind, folder):
        with kind.SummaryWriter(str(folder)) as writer:
            writer.add_scalar("s", 1.5, 2, 100.0)
            writer.add_scalar("d", 0.1, 2, None, True, True)
            writer.add_scalar("e", 0.1, 2, double_precision=True)
            for bins in ("tensorflow", "auto", 20):
                writer.add_histogram(f"h{bins}", x, 3, bins=bins)
            writer.add_histogram("few", x, 3, bins=64, max_bins=16)
            writer.add_text("t", "text", 4)
            writer.add_image("i", image[0], 5)
            writer.add_pr_curve("p", (x > 0).astype(int), 1 / (1 + np.exp(-x)), 6)
            writer.add_audio("a", np.linspace(-1, 1, 50)[None], 7)
        found = accumulators.EventAccumulator(
            str(folder), {k: 0 for k in accumulators.DEFAULT_SIZE_GUIDANCE}
        )
        return found.Reload()

    ours, expected = log(wg.utils.tensorboard, tmp_path / "a"), log(theirs, tmp_path / "b")
    assert ours.Tags() == expected.Tags()
    assert ours.Scalars("s") == expected.Scalars("s")
    for tag in ours.Tags()["histograms"]:
        a, b = (f.Histograms(tag)[0].histogram_value for f in (ours, expected))
        np.testing.assert_allclose(a.bucket, b.bucket)
        np.testing.assert_allclose(a.bucket_limit, b.bucket_limit)
        for name in ("min", "max", "num", "sum", "sum_squares"):
            assert getattr(a, name) == pytest.approx(getattr(b, name))
    for tag in ours.Tags()["tensors"]:
        a, b = (f.Tensors(tag)[0].tensor_proto for f in (ours, expected))
        assert list(a.string_val) == list(b.string_val)
        assert list(a.double_val) == list(b.double_val)
        np.testing.assert_allclose(list(a.float_val), list(b.float_val), rtol=1e-6)
    a, b = (f.Images("i")[0] for f in (ours, expected))
    assert (a.width, a.height) == (b.width, b.height)
    pixels = [Image.imread(io.BytesIO(f.encoded_image_string)) for f in (a, b)]
    assert np.abs(pixels[0] - pixels[1]).max() < 1.5 / 255
