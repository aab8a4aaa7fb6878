"""What `load` tells apart by content: zip archives, the plain pickles before them, safetensors."""

import io
import json
import pickle
import random
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import wengert as wg
from wengert import serialization
from wengert.serialization import load_safetensors, save_safetensors

MAGIC = 0x1950A86A20F9469CFC6C


def held():
    x = wg.arange(12.0).reshape(3, 4)
    return {
        "x": x, "view": x.t(), "row": x[1], "i": wg.tensor([1, -2]), "b": wg.tensor([True, False]),
        "d": wg.tensor(0.5, dtype=wg.float64), "u": wg.tensor([255], dtype=wg.uint8),
        "p": wg.nn.Parameter(wg.ones(2)), "n": [1, "a", None, (2.5, b"c")], "e": wg.zeros(0, 3),
    }  # fmt: skip


def check_held(found, shares=True):
    wanted = held()
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        if not isinstance(value, wg.Tensor):
            assert found[name] == value
            continue
        assert found[name].dtype == value.dtype and found[name].shape == value.shape
        assert found[name].tolist() == value.tolist() and type(found[name]) is type(value)
    if shares:
        found["x"][1, 0] = 77
        assert found["view"][0, 1] == 77 and found["row"][0] == 77


# ---- plain pickles -----------------------------------------------------------------------------


def legacy(value, order="little", change=None):
    """A file in the older format."""
    storages = serialization._Storages()
    serialization._Pickler(io.BytesIO(), storages, final=False).dump(value)
    stream = io.BytesIO()
    about = {"protocol_version": 1001, "little_endian": order == "little", "type_sizes": {}}
    for header in (MAGIC, 1001, about):
        pickle.dump(header, stream, protocol=2)
    serialization._Pickler(stream, storages, final=True).dump(value)
    blobs = dict(storages.blobs())
    pickle.dump(sorted(blobs), stream, protocol=2)
    for key in sorted(blobs):
        dtype = list(storages.spans)[int(key)][1]
        data = np.frombuffer(blobs[key], dtype)
        stream.write(len(data).to_bytes(8, order))
        stream.write(data.astype(data.dtype.newbyteorder("<" if order == "little" else ">")))
    stream.seek(0)
    return stream


@pytest.mark.parametrize("order", ["little", "big"])
def test_plain_pickles_are_read(tmp_path, order):
    check_held(wg.load(legacy(held(), order)))
    path = tmp_path / "old.pt"
    path.write_bytes(legacy(held(), order).getvalue())
    check_held(wg.load(path))
    check_held(wg.load(path, weights_only=False))
    with pytest.raises(RuntimeError, match="zip archive"):
        wg.load(path, mmap=True)


def test_torch_s_plain_pickles_are_read():
    torch = pytest.importorskip("torch")
    x = torch.arange(12.0).reshape(3, 4)
    value = {"x": x, "view": x.t(), "p": torch.nn.Parameter(torch.ones(2)), "l": [1, "a"]}
    model = torch.nn.Linear(3, 4)
    for saved in (value, model.state_dict(), torch.tensor([1, 2]), x[1:, 1]):
        stream = io.BytesIO()
        torch.save(saved, stream, _use_new_zipfile_serialization=False)
        stream.seek(0)
        found = wg.load(stream)
        if isinstance(saved, torch.Tensor):
            assert found.tolist() == saved.tolist()
            continue
        for name, item in saved.items():
            other = found[name]
            assert other.tolist() == item.tolist() if hasattr(item, "tolist") else other == item
    half = io.BytesIO()
    torch.save(torch.tensor([1.5]).to(torch.bfloat16), half, _use_new_zipfile_serialization=False)
    half.seek(0)
    found = wg.load(half)
    assert found.dtype is wg.bfloat16 and found.tolist() == [1.5]


class Evil:
    def __reduce__(self):
        return print, ("run",)


def test_plain_pickles_that_are_wrong_are_refused(capsys):
    stream = io.BytesIO()
    for part in (MAGIC, 1001, {"little_endian": True}, Evil()):
        pickle.dump(part, stream, protocol=2)
    stream.seek(0)
    with pytest.raises(pickle.UnpicklingError, match=r"builtin.*\.print"):
        wg.load(stream)
    assert capsys.readouterr().out == ""
    whole = legacy(held()).getvalue()
    for end in (len(whole) - 1, len(whole) // 2, 60, 20):
        with pytest.raises(pickle.UnpicklingError):
            wg.load(io.BytesIO(whole[:end]))
    huge = whole.replace(b"K\x0ct", b"J\xff\xff\xff\x7ft", 1)  # a storage of 12 elements
    assert huge != whole
    with pytest.raises(pickle.UnpicklingError, match="more than the file has"):
        wg.load(io.BytesIO(huge))
    other = whole.replace((1001).to_bytes(2, "little"), (1002).to_bytes(2, "little"), 1)
    with pytest.raises(pickle.UnpicklingError, match="unknown version"):
        wg.load(io.BytesIO(other))


def mutated(data, rng):
    copy = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(copy))
        what = rng.random()
        if what < 0.5:
            copy[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif what < 0.7:
            del copy[at : at + rng.randint(1, 9)]
        elif what < 0.9:
            copy[at:at] = copy[at : at + rng.randint(1, 9)]
        else:
            del copy[max(at, 1) :]
        if not copy:
            copy = bytearray(b"\0")
    return bytes(copy)


def read_mutated(count, seed, folder):
    """Reads `count` mutated files of each format; how many were read, and refused."""
    path = folder / "m"
    flat = {k: v for k, v in held().items() if isinstance(v, wg.Tensor)}
    zipped = io.BytesIO()
    wg.save(held(), zipped)
    save_safetensors(flat, path, {"a": "b"})
    rng, outcomes = random.Random(seed), {}
    formats = {
        "zip": zipped.getvalue(), "legacy": legacy(held()).getvalue(), "st": path.read_bytes(),
    }  # fmt: skip
    for name, data in formats.items():
        for i in range(count):
            path.write_bytes(mutated(data, rng))
            options = {"mmap": True} if name != "legacy" and i % 2 else {}
            try:
                wg.load(path, **options)
                outcome = "read"
            except pickle.UnpicklingError:
                outcome = "refused"
            outcomes[name, outcome] = outcomes.get((name, outcome), 0) + 1
    return outcomes


@pytest.mark.filterwarnings("ignore:.*widened")
def test_mutated_files_are_read_or_refused(tmp_path):
    outcomes = read_mutated(150, 0, tmp_path)
    assert all(outcomes.get((name, "refused"), 0) > 30 for name in ("zip", "legacy", "st"))


# ---- files that are mapped ---------------------------------------------------------------------


def test_mapped_files(tmp_path):
    path = tmp_path / "m.pt"
    wg.save(held(), path)
    before = path.read_bytes()
    found = wg.load(path, mmap=True)
    memory = np.memmap(path, np.uint8, "r")
    check_held(found)
    assert path.read_bytes() == before  # what is written stays in the process
    del memory
    starts = [found[name].data_ptr() % 4096 % 64 for name in ("x", "i", "d")]
    assert starts == [0, 0, 0]  # aligned in the file, hence in a mapping
    found["p"].sum().backward()
    assert found["p"].grad.tolist() == [1, 1]
    with pytest.raises(ValueError, match="path"):
        wg.load(io.BytesIO(before), mmap=True)


def test_mapped_files_of_torch_and_for_torch(tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "m.pt"
    value = {"x": torch.arange(100.0), "h": torch.ones(3, dtype=torch.float16)}
    torch.save(value, path)
    found = wg.load(path, mmap=True)
    assert found["h"].dtype is wg.float16
    assert found["x"].tolist() == list(range(100)) and found["h"].tolist() == [1, 1, 1]
    wg.save({"x": wg.arange(100.0)}, path)
    assert torch.load(path, mmap=True)["x"].tolist() == list(range(100))


# ---- safetensors -------------------------------------------------------------------------------


def flat():
    return {"x": wg.arange(6.0).reshape(2, 3), "i": wg.tensor([1, 2]), "b": wg.tensor([True]),
            "s": wg.tensor(2.5), "e": wg.zeros(0, 2), "\u00e9": wg.ones(3).double()}  # fmt: skip


@pytest.mark.parametrize("mmap", [False, True])
def test_suffix_and_content_choose_safetensors(tmp_path, mmap):
    path = tmp_path / "m.safetensors"
    wg.save(flat(), path)
    path.rename(tmp_path / "other")
    found = wg.load(tmp_path / "other", mmap=mmap)
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in flat().items()}
    assert all(found[k].dtype == v.dtype for k, v in flat().items())
    before = (tmp_path / "other").read_bytes()
    found["x"].zero_()
    assert (tmp_path / "other").read_bytes() == before
    assert wg.load(io.BytesIO(before))["i"].tolist() == [1, 2]
    for wrong in ([1], wg.ones(2), {"a": 1}, {1: wg.ones(2)}):
        with pytest.raises(TypeError):
            wg.save(wrong, path)
    assert not path.exists()


def test_the_package_reads_and_writes_the_same(tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "m.safetensors"
    save_safetensors(flat(), path, {"about": "a test"})
    found = package.load_file(path)
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in flat().items()}
    arrays = {k: np.ascontiguousarray(v.numpy()).reshape(v.shape) for k, v in flat().items()}
    assert package.save(arrays, {"about": "a test"}) == path.read_bytes()


def st(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


ENTRY = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (st({"a": ENTRY}), "have 4 bytes, the file has 0"),
        (st({"a": ENTRY}, b"1234567"), "the file has 7"),
        (st({"a": ENTRY, "b": ENTRY}, b"1234"), "begins at byte 0, needed 4"),
        (st({"a": {**ENTRY, "data_offsets": [4, 8]}}, b"12345678"), "needed 0"),
        (st({"a": {**ENTRY, "shape": [1 << 40]}}, b"1234"), "has 4 bytes"),
        (st({"a": {**ENTRY, "shape": [-1]}}, b"1234"), "shape"),
        (st({"a": {**ENTRY, "shape": [True]}}, b"1234"), "shape"),
        (st({"a": {**ENTRY, "shape": [0, 10**30], "data_offsets": [0, 0]}}), "shape"),
        (st({"a": {**ENTRY, "data_offsets": [0, 1e9]}}, b"1234"), "offsets"),
        (st({"a": {**ENTRY, "dtype": "F8_E4M3"}}, b"1234"), "F8_E4M3"),
        (st({"a": [1]}), "not described"),
        (st({"a": ENTRY}, b"1234", length=1 << 40), "cut short|no zip"),
        (st({"a": ENTRY}, b"1234", length=500), "cut short"),
        (st(b'{"a": ' + b"[" * 100_000), "no JSON"),
        (st(b'{"a": \xff}'), "no JSON"),
        (st(b'{"__metadata__": {"a": 1}}'), "metadata"),
    ],
    ids=range(16),
)
def test_hostile_headers(tmp_path, data, text):
    path = tmp_path / "m"
    path.write_bytes(data)
    for mmap in (False, True):
        with pytest.raises(ValueError, match=text):
            load_safetensors(path, mmap)
        with pytest.raises(pickle.UnpicklingError):
            wg.load(path, mmap=mmap)


# ---- saving that does not end ------------------------------------------------------------------

SAVER = """
import sys
import wengert as wg
for i in range(1, 10_000):
    wg.save({"x": wg.full((50_000,), float(i)), "i": i}, sys.argv[1])
    print(i, flush=True)
"""


def kill_while_saving(path, rng):
    """Kills a process that saves again and again; what is in the file is whole."""
    saver = subprocess.Popen([sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE)
    saver.stdout.readline()
    time.sleep(rng.random() * 0.05)
    saver.send_signal(signal.SIGKILL)
    printed = [1, *(int(word) for word in saver.communicate()[0].split())]
    found = wg.load(path)
    assert found["i"] in (printed[-1], printed[-1] + 1)
    assert (found["x"] == found["i"]).all()


@pytest.mark.parametrize("suffix", [".pt"])
def test_killed_while_saving_the_old_or_the_new_file_is_whole(tmp_path, suffix):
    for seed in range(3):
        kill_while_saving(tmp_path / f"m{suffix}", random.Random(seed))


LIMITED = """
import resource, sys
import wengert as wg
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    wg.save({"x": wg.zeros(1_000_000)}, sys.argv[1])
except OSError as error:
    assert sys.argv[1] in str(error), error
    print("refused", type(error).__name__)
"""


@pytest.mark.parametrize("name", ["m.pt", "m.safetensors"])
def test_a_full_disk_leaves_the_old_file(tmp_path, name):
    path = tmp_path / name
    wg.save({"x": wg.ones(3)}, path)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["refused", "OSError"]
    assert wg.load(path)["x"].tolist() == [1, 1, 1]
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 100_000
