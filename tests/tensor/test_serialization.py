"""Saving and loading: what comes back is what went in, and files are not trusted."""

import contextlib
import io
import os
import pickle
import zipfile
from collections import OrderedDict

import pytest

import wengert as wg
from wengert import serialization

DTYPES = ["float32", "float64", "int64", "int32", "uint8", "bool"]


def saved(obj):
    stream = io.BytesIO()
    serialization.save(obj, stream)
    stream.seek(0)
    return stream


def state():
    base = wg.arange(6).float().reshape(2, 3)
    return OrderedDict(
        [
            ("weight", base),
            ("transposed", base.t()),
            ("middle", wg.arange(1000)[500:510:3]),
            ("scalar", wg.tensor(3.5, dtype=wg.float64)),
            ("empty", wg.zeros(0, 3)),
            ("expanded", wg.ones(1).expand(3)),
            ("nested", {"step": 3, "betas": (0.9, 0.999), "rows": [None, True, "text", b"\xff"]}),
            ("shape", wg.Size([2, 3])),
            ("dtype", wg.float32),
            ("set", {1, 2}),
            ("same", base),
        ]
    )


def check_state(found):
    expected = state()
    assert list(found) == list(expected)
    for name, value in expected.items():
        if isinstance(value, wg.Tensor):
            assert tuple(found[name].shape) == tuple(value.shape), name
            assert str(found[name].dtype).rpartition(".")[2] == str(value.dtype).rpartition(".")[2]
            assert found[name].tolist() == value.tolist(), name
    for name in ("nested", "set"):
        assert found[name] == expected[name]
    assert tuple(found["shape"]) == (2, 3)
    assert found["same"] is found["weight"]


def test_round_trip():
    found = serialization.load(saved(state()))
    check_state(found)
    assert found["dtype"] is wg.float32
    assert isinstance(found["shape"], wg.Size)


def test_views_share_memory_after_loading():
    found = serialization.load(saved(state()))
    found["weight"][0, 1] = 99.0
    assert found["transposed"][1, 0].item() == 99.0


def test_a_slice_does_not_drag_its_storage_along():
    whole = wg.zeros(100_000)
    assert len(saved({"x": whole[10:20]}).getvalue()) < 2_000


@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype(name):
    dtype = getattr(wg, name)
    found = serialization.load(saved({"x": wg.tensor([0, 1, 1]).to(dtype)}))["x"]
    assert found.dtype == dtype
    assert found.tolist() == wg.tensor([0, 1, 1]).to(dtype).tolist()


def test_parameter_keeps_its_kind():
    weight = wg.nn.Parameter(wg.ones(2), requires_grad=False)
    found = serialization.load(saved([weight, wg.nn.Linear(2, 1).weight]))
    assert all(isinstance(item, wg.nn.Parameter) for item in found)
    assert [item.requires_grad for item in found] == [False, True]


def test_module_and_optimizer_states(tmp_path):
    wg.manual_seed(0)
    net = wg.nn.Sequential(wg.nn.Linear(3, 4), wg.nn.ReLU(), wg.nn.Linear(4, 1))
    optimizer = wg.optim.Adam(net.parameters())
    net(wg.ones(2, 3)).sum().backward()
    optimizer.step()
    path = tmp_path / "checkpoint.pt"
    serialization.save({"net": net.state_dict(), "opt": optimizer.state_dict()}, path)
    found = serialization.load(path, map_location="cpu")
    assert {type(entry) for entry in found["opt"]["state"].values()} == {dict}
    other = wg.nn.Sequential(wg.nn.Linear(3, 4), wg.nn.ReLU(), wg.nn.Linear(4, 1))
    other.load_state_dict(found["net"])
    assert other(wg.ones(1, 3)).tolist() == net(wg.ones(1, 3)).tolist()
    again = wg.optim.Adam(other.parameters())
    again.load_state_dict(found["opt"])
    for model, opt in ((net, optimizer), (other, again)):
        opt.zero_grad()
        model(wg.ones(2, 3)).sum().backward()
        opt.step()
    assert other(wg.ones(1, 3)).tolist() == net(wg.ones(1, 3)).tolist()


def test_same_object_makes_the_same_bytes():
    assert saved(state()).getvalue() == saved(state()).getvalue()


def test_torch_reads_our_files():
    torch = pytest.importorskip("torch")
    check_state(torch.load(saved(state()), weights_only=True))
    linear = wg.nn.Linear(3, 2)
    theirs = torch.nn.Linear(3, 2)
    theirs.load_state_dict(torch.load(saved(linear.state_dict())))
    assert theirs.weight.tolist() == linear.weight.tolist()
    optimizer = wg.optim.Adam(linear.parameters())
    linear(wg.ones(1, 3)).sum().backward()
    optimizer.step()
    found = torch.load(saved(optimizer.state_dict()), weights_only=True)
    torch.optim.Adam(theirs.parameters()).load_state_dict(found)
    assert found["state"][1]["exp_avg"].tolist() == pytest.approx([0.1, 0.1])


def test_we_read_torch_files():
    torch = pytest.importorskip("torch")
    base = torch.arange(6.0).reshape(2, 3)
    stream = io.BytesIO()
    torch.save(
        {"a": base, "b": base.t(), "p": torch.nn.Parameter(base[0]), "flag": base > 2}, stream
    )
    stream.seek(0)
    found = serialization.load(stream)
    assert found["b"].tolist() == base.t().tolist()
    assert found["flag"].tolist() == (base > 2).tolist()
    assert found["p"].requires_grad
    net = torch.nn.Sequential(torch.nn.Linear(2, 2))
    stream = io.BytesIO()
    torch.save(net.state_dict(), stream)
    stream.seek(0)
    ours = wg.nn.Sequential(wg.nn.Linear(2, 2))
    ours.load_state_dict(serialization.load(stream))
    assert ours[0].bias.tolist() == net[0].bias.tolist()


def test_narrow_kinds_both_ways():
    torch = pytest.importorskip("torch")
    values = {
        "char": torch.tensor([-3, 7], dtype=torch.int8),
        "half": torch.tensor([1.5, -2.0]).half(),
        "brain": torch.tensor([1.5, -2.0]).bfloat16(),
        "short": torch.tensor([-3, 7], dtype=torch.int16),
    }
    stream = io.BytesIO()
    torch.save(values, stream)
    stream.seek(0)
    found = serialization.load(stream)
    again = io.BytesIO()
    serialization.save(found, again)
    again.seek(0)
    back = torch.load(again)
    for name, value in values.items():
        assert found[name].tolist() == value.tolist()
        assert str(found[name].dtype).replace("wengert", "torch") == str(value.dtype)
        assert back[name].dtype == value.dtype and torch.equal(back[name], value)


# ------------------------------------------------------------------- files not to trust


def archive(data_pkl, **members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("archive/data.pkl", data_pkl)
        for name, data in members.items():
            file.writestr("archive/data/" + name.lstrip("_"), data)
        file.writestr("archive/version", "3\n")
    stream.seek(0)
    return stream


class Evil:
    def __reduce__(self):
        return os.mkdir, ("should-not-exist",)


def tensor_pickle(offset, size, stride, count=4, kind="FloatStorage"):
    """A pickle of one tensor with whatever geometry."""

    def number(n):
        return b"\x8a\x08" + n.to_bytes(8, "little", signed=True)

    def numbers(values):
        return b"(" + b"".join(number(n) for n in values) + b"t"

    def text(s):
        return b"X" + len(s).to_bytes(4, "little") + s.encode()

    storage = (
        b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text("0") + text("cpu")
        + number(count) + b"tQ"
    )  # fmt: skip
    return (
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n("
        + storage + number(offset) + numbers(size) + numbers(stride) + b"\x89}tR."
    )  # fmt: skip


def test_tensor_pickle_is_right():
    found = serialization.load(archive(tensor_pickle(1, [3], [1]), _0=b"\0" * 16))
    assert found.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "pickled",
    [
        tensor_pickle(0, [5], [1]),
        tensor_pickle(2, [3], [1]),
        tensor_pickle(-1, [2], [1]),
        tensor_pickle(0, [2], [-1]),
        tensor_pickle(0, [-2], [1]),
        tensor_pickle(0, [2, 2], [1]),
        tensor_pickle(0, [2, 2], [2**61, 2**61]),
        tensor_pickle(2**61, [1], [1]),
        tensor_pickle(0, [4], [1], count=5),
        tensor_pickle(0, [4], [1], count=-1),
        tensor_pickle(0, [4], [1], kind="ComplexFloatStorage"),
    ],
)
def test_tensors_outside_their_storage_are_refused(pickled):
    with pytest.raises(pickle.UnpicklingError, match="load: "):
        serialization.load(archive(pickled, _0=b"\0" * 16))


@pytest.mark.parametrize(
    "pickled",
    [
        pickle.dumps(Evil(), protocol=2),
        b"cos\nsystem\n(X\x04\x00\x00\x00truetR.",
        b"cbuiltins\neval\n(X\x01\x00\x00\x001tR.",
        b"cbuiltins\ngetattr\n.",
        b"ccollections\ndefaultdict\n(c_codecs\nencode\ntR.",
        b"ctorch\nload\n.",
        b"ctorch._utils\n_rebuild_tensor_v2\n}X\x01\x00\x00\x00aK\x01sb.",  # sets an attribute
        b"ccollections\nOrderedDict\n}X\x01\x00\x00\x00aK\x01sb.",
        b"X\x01\x00\x00\x00aQ.",
        b"garbage",
        b"",
        b"(((((",
        b"K\x01K\x02u.",
    ],
)
def test_other_pickles_are_refused(pickled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pickle.UnpicklingError, match="load: "):
        serialization.load(archive(pickled))
    assert os.listdir(tmp_path) == []


def test_the_message_names_what_was_refused():
    with pytest.raises(pickle.UnpicklingError, match=r"refers to (posix|nt)\.mkdir"):
        serialization.load(archive(pickle.dumps(Evil(), protocol=2)))


def test_every_cut_of_a_file_is_an_error():
    data = saved({"x": wg.arange(4)}).getvalue()
    for length in range(0, len(data), 7):
        with pytest.raises(pickle.UnpicklingError):
            serialization.load(io.BytesIO(data[:length]))


def test_flipped_bytes_never_do_worse_than_an_error():
    data = saved({"x": wg.arange(4)}).getvalue()
    for position in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[position] ^= 0x41
        with contextlib.suppress(pickle.UnpicklingError):
            serialization.load(io.BytesIO(bytes(damaged)))


def test_whole_module_needs_trust():
    net = wg.nn.Linear(2, 1)
    with pytest.raises(pickle.UnpicklingError, match="weights_only=False"):
        serialization.load(saved(net))
    found = serialization.load(saved(net), weights_only=False)
    assert found(wg.ones(1, 2)).tolist() == net(wg.ones(1, 2)).tolist()


def test_places_and_paths(tmp_path):
    with pytest.raises(RuntimeError, match="map_location"):
        serialization.load(saved({}), map_location="cuda")
    with pytest.raises(FileNotFoundError):
        serialization.load(tmp_path / "none.pt")


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.pt"
    serialization.save({"x": 1}, path)
    with pytest.raises((pickle.PicklingError, TypeError, AttributeError)):
        serialization.save({"x": lambda: 1}, path)
    assert serialization.load(path) == {"x": 1}
    assert os.listdir(tmp_path) == ["model.pt"]


# ------------------------------------------------------------------------- safetensors


def test_safetensors_round_trip(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "model.safetensors"
    tensors = {name: wg.tensor([[0, 1], [1, 0]]).to(getattr(wg, name)) for name in DTYPES}
    tensors["view"] = wg.arange(6).reshape(2, 3).t()
    tensors["scalar"] = wg.tensor(2.5)
    serialization.save_safetensors(tensors, path, {"about": "a test"})
    found, metadata = serialization.load_safetensors(path)
    assert metadata == {"about": "a test"}
    assert sorted(found) == sorted(tensors)
    for name, value in tensors.items():
        assert tuple(found[name].shape) == tuple(value.shape)
        assert found[name].dtype == value.dtype
        assert found[name].tolist() == value.tolist()
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        serialization.load_safetensors(path)
    with pytest.raises(TypeError, match="'a' is a float"):
        serialization.save_safetensors({"a": 1.0}, path)
