"""Where files are written: what is replaced, what is written in place, what is refused."""

import contextlib
import errno
import fcntl
import gzip
import importlib.util
import io
import os
import pickle
import pydoc
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest

import wengert as wg
from wengert._files import atomic_write, check_output, clash, same_file
from wengert.serialization import load_safetensors, save_safetensors

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")


def save_pt(path, numbers):
    wg.save({"x": wg.tensor(numbers)}, path)


def load_pt(path):
    return wg.load(path)["x"].tolist()


def save_st(path, numbers):
    pytest.importorskip("safetensors")
    save_safetensors({"x": wg.tensor(numbers)}, path)


def load_st(path):
    return load_safetensors(path)[0]["x"].tolist()


def save_program(path, numbers):
    weight = wg.tensor(numbers)
    captured = wg.capture(lambda x: x * weight)
    captured(wg.ones(1, dtype=weight.dtype))
    captured.program.save(path)


def load_program(path):
    return wg.load_program(path)(wg.ones(1, dtype=wg.int64)).tolist()


WRITERS = [(save_pt, load_pt), (save_st, load_st), (save_program, load_program)]
writers = pytest.mark.parametrize(("save", "load"), WRITERS, ids=["pt", "safetensors", "program"])


@writers
def test_a_file_keeps_mode_links_and_nothing_is_left_beside_it(tmp_path, save, load):
    path = tmp_path / "m"
    save(path, [1, 2])
    path.chmod(0o640)
    inode = path.stat().st_ino
    save(path, [3])
    assert load(path) == [3]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_ino != inode  # replaced: who has it open reads the old one
    other = tmp_path / "other"
    os.link(path, other)
    save(path, [4, 5])
    assert load(path) == load(other) == [4, 5]
    link = tmp_path / "link"
    link.symlink_to("m")
    save(link, [6])
    assert link.is_symlink() and load(path) == [6]
    assert sorted(os.listdir(tmp_path)) == ["link", "m", "other"]


@writers
def test_devices_and_pipes_are_written_to(tmp_path, save, load):
    before = os.stat(os.devnull)
    save(os.devnull, [1])
    after = os.stat(os.devnull)
    assert stat.S_ISCHR(after.st_mode) and before.st_ino == after.st_ino
    pipe, copy = tmp_path / "pipe", tmp_path / "copy"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: copy.write_bytes(pipe.read_bytes()))
    reader.start()
    save(pipe, [1, 2, 3])
    reader.join(30)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert load(copy) == [1, 2, 3]
    if os.path.exists("/dev/full"):
        with pytest.raises((OSError, RuntimeError), match="[Nn]o space left"):
            save("/dev/full", [1] * 10000)


@writers
def test_what_may_not_be_written_is_refused(tmp_path, save, load):
    path = tmp_path / "m"
    save(path, [1])
    path.chmod(0o444)
    with pytest.raises((PermissionError, RuntimeError), match="read-only"):
        save(path, [2])
    assert load(path) == [1]
    for wrong in ("x" * 300, "none/m", "m/m"):
        with pytest.raises((OSError, RuntimeError)):
            save(tmp_path / wrong, [2])
    save(tmp_path / ("y" * 255), [2])
    assert sorted(os.listdir(tmp_path)) == ["m", "y" * 255]


@writers
def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(
    tmp_path, save, load
):
    path = tmp_path / "m.pt"
    for name in (
        "m.pt.wengert-abcdefgh.tmp",
        "m.pt.wengert-abcdef.tmp",
        "m.pt.wengert-alive_00.tmp",
        "m.pt.previous.tmp",
    ):
        (tmp_path / name).write_bytes(b"half")
    with open(tmp_path / "m.pt.wengert-alive_00.tmp", "r+b") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        save(path, [1])
    assert sorted(os.listdir(tmp_path)) == [
        "m.pt",
        "m.pt.previous.tmp",
        "m.pt.wengert-alive_00.tmp",
    ]


def test_a_killed_process_leaves_one_file_that_the_next_removes(tmp_path):
    code = (
        "import sys, time; from wengert._files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as f: f.write(b'half'); print(flush=True); time.sleep(60)"
    )
    path = str(tmp_path / "m")
    process = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)
    process.stdout.readline()
    save_pt(path, [1])
    assert len(os.listdir(tmp_path)) == 2  # it still writes
    process.kill()
    process.communicate(timeout=30)
    save_pt(path, [2])
    assert os.listdir(tmp_path) == ["m"] and load_pt(path) == [2]


def as_nobody(function):
    """Runs `function` in a child that is no longer root; its exit status."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setegid(65534)
            os.seteuid(65534)
            function()
            os._exit(0)
        except PermissionError:
            os._exit(13)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
@writers
def test_a_directory_that_may_not_be_written(save, load):
    import shutil
    import tempfile

    folder = tempfile.mkdtemp()
    try:
        path = os.path.join(folder, "m")
        save(path, [1])
        save(path, [1])
        os.chmod(folder, 0o755)
        os.chmod(path, 0o666)
        assert as_nobody(lambda: save(path, [2])) == 0
        assert load(path) == [2] and os.stat(path).st_uid == 0
        assert as_nobody(lambda: save(path + "new", [2])) in (1, 13)
        assert as_nobody(lambda: check_output(path)) == 0
        assert as_nobody(lambda: check_output(path + "new")) == 13
        os.chmod(folder, 0o777)  # the owner cannot be kept in a new file: written in place
        assert as_nobody(lambda: save(path, [3])) == 0
        assert load(path) == [3] and os.stat(path).st_uid == 0
        assert os.listdir(folder) == ["m"]
        os.chown(path, 65534, 65534)  # root keeps it
        save(path, [4])
        assert os.stat(path).st_uid == 65534 and load(path) == [4]
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("links", [1, 2])
def test_an_error_while_writing_leaves_the_file(tmp_path, links):
    path = tmp_path / "m"
    path.write_text("old")
    if links == 2:
        os.link(path, tmp_path / "second")
    with pytest.raises(KeyError), atomic_write(path) as file:
        file.write(b"new")
        raise KeyError
    assert path.read_text() == "old"
    assert len(os.listdir(tmp_path)) == links
    with pytest.raises(OSError, match="No space.*'" + str(path)), atomic_write(path) as file:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_standard_output_is_written_to_wherever_it_goes(tmp_path):
    code = "import wengert as wg; print('first'); wg.save(wg.tensor([7]), '/dev/stdout'); print(2)"
    path = tmp_path / "out"
    with open(path, "wb") as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
    data = path.read_bytes()
    assert data.startswith(b"first\nPK") and data.endswith(b"2\n")


def test_outputs_that_are_inputs_or_each_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    os.link("a", "hard")
    os.symlink("a", "soft")
    for other in ("a", "./a", tmp_path / "a", "hard", "soft"):
        assert same_file("a", other)
        assert clash(["a"], [other]) == (os.fspath(other), "read")
    assert clash(["a"], ["new", "./new"]) == ("./new", "written")
    assert clash(["a", "b"], ["c", "d"]) is None
    assert clash([os.devnull], [os.devnull, os.devnull]) is None


# ------------------------------------------------------------------- what goes in and out


def test_checkpoints_of_many_kinds(tmp_path):
    held = {"x": wg.arange(3), "device": wg.device("cpu"), "bytes": bytearray(b"\0\xffab"),
            "none": bytearray(), "text": b"\xff"}  # fmt: skip
    for file in (tmp_path / "a.pt", io.BytesIO()):
        wg.save(held, file)
        if isinstance(file, io.BytesIO):
            file.seek(0)
        found = wg.load(file)
        assert found["x"].tolist() == [0, 1, 2]
        assert {k: v for k, v in found.items() if k != "x"} == {
            k: v for k, v in held.items() if k != "x"
        }
    with gzip.open(tmp_path / "a.pt.gz", "wb") as file:
        wg.save(held, file)
    with gzip.open(tmp_path / "a.pt.gz", "rb") as file:
        assert wg.load(file)["x"].tolist() == [0, 1, 2]


def test_a_small_file_gets_little_memory():
    stream = io.BytesIO()
    wg.save(wg.ones(1).expand(1 << 40), stream)
    stream.seek(0)
    found = wg.load(stream)
    assert tuple(found.shape) == (1 << 40,) and found.stride() == (0,)
    from tests.tensor.test_serialization import archive

    for claimed in (1 << 31, 1 << 62, (1 << 64) - 1):
        data = b"\x80\x05\x96" + claimed.to_bytes(8, "little") + b"abc."
        with pytest.raises(pickle.UnpicklingError, match="bytes wanted"):
            wg.load(archive(data))
    for made in (b"J\xff\xff\xff\x7f", b"N"):
        with pytest.raises(pickle.UnpicklingError, match="bytearray made of"):
            wg.load(archive(b"\x80\x02cbuiltins\nbytearray\n(" + made + b"tR."))


def test_load_says_what_a_safetensors_file_is(tmp_path):
    path = tmp_path / "m.safetensors"
    save_program(path, [1])
    with pytest.raises(pickle.UnpicklingError, match="load_program reads it"):
        wg.load(path)


@pytest.mark.parametrize(
    ("kind", "stored", "values", "wanted"),
    [
        ("F16", "<f2", [1.5, -2.0], wg.float16),
        ("BF16", "<u2", [1.5, -2.0], wg.bfloat16),
        ("I8", "i1", [-3, 7], wg.int8),
        ("I16", "<i2", [-300, 7], wg.int16),
        ("U16", "<u2", [65535, 7], wg.int32),
        ("U32", "<u4", [4294967295, 7], wg.int64),
    ],
)
def test_kinds_of_safetensors(tmp_path, kind, stored, values, wanted):
    if kind == "BF16":
        data = (np.array(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    else:
        data = np.array(values, stored).tobytes()
    offsets = f'"shape":[2,1],"data_offsets":[0,{len(data)}]'
    header = f'{{"a":{{"dtype":"{kind}",{offsets}}}}}'.encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    if kind in ("U16", "U32"):
        with pytest.warns(UserWarning, match=f"tensors of {kind} were widened"):
            found, _ = load_safetensors(path)
    else:
        found, _ = load_safetensors(path)
        save_safetensors(found, path)
        assert load_safetensors(path)[0]["a"].tolist() == found["a"].tolist()
    assert found["a"].dtype == wanted
    assert found["a"].tolist() == [[value] for value in values]


class Frame:
    """What pandas and JAX have in common."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __getitem__(self, name):
        raise KeyError(name)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


def test_whatever_gives_an_array_becomes_a_tensor():
    for make in (wg.tensor, wg.as_tensor, wg.asarray):
        found = make(Frame([[1.5, 2.0], [3.0, 4.0]]))
        assert found.tolist() == [[1.5, 2.0], [3.0, 4.0]] and found.dtype == wg.float64
    assert wg.tensor(Frame([1, 2]), dtype=wg.float32).tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match="object"):
        wg.tensor(Frame(["a", None]))
    with pytest.raises(RuntimeError, match="without overflow"):
        wg.tensor(np.float64(1e300), dtype=wg.int64)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_arrays_of_jax_become_tensors():
    code = (  # in a process of its own: jax starts threads, and takes a Ctrl-C of later tests
        "import jax.numpy as jax, wengert as wg\n"
        "assert wg.tensor(jax.arange(6.0).reshape(2, 3)).tolist() == [[0, 1, 2], [3, 4, 5]]\n"
        "assert wg.tensor(jax.float32(2.5)).tolist() == 2.5"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)


def test_frames_of_pandas_become_tensors():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}, index=[5, 6])
    assert wg.tensor(frame).tolist() == [[1, 3], [2, 4]]
    assert wg.tensor(frame["b"]).tolist() == [3, 4]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(os, "fsync", lambda f: calls.append("fsync"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *a: (calls.append("replace"), replace(*a)))
    save_pt(tmp_path / "m", [1])
    assert calls == ["fsync", "replace"]


@pytest.mark.quick
def test_every_part_of_the_package_has_a_page_of_help():
    for thing in (
        wg,
        wg.float32,
        wg.dtype,
        wg.Tensor,
        wg.add,
        wg.Tensor.add,
        wg.device,
        wg.Size,
        wg.strided,
        wg.default_generator,
        wg.tensor(1.0),
        wg.autograd,
    ):
        assert len(pydoc.render_doc(thing, renderer=pydoc.plaintext)) > 100
        assert pydoc.html.document(thing)


def damaged(data, count):
    """Copies of `data`: bytes changed, cut out, doubled, and files cut short."""
    rng = np.random.RandomState(0)
    for i in range(count):
        copy = bytearray(data)
        for at in rng.randint(0, len(data), 1 + i % 3).tolist():
            if rng.randint(2):
                copy[at % len(copy)] = rng.randint(256)
            elif rng.randint(2):
                del copy[at : at + rng.randint(1, 9)]
            else:
                copy[at:at] = copy[at : at + rng.randint(1, 9)]
        yield bytes(copy[: rng.randint(1, len(copy) + 1)] if i % 10 == 9 else copy)


@pytest.mark.filterwarnings("ignore:.*widened")
def test_mutated_files_are_read_or_refused(tmp_path):
    path = tmp_path / "m"
    readers = [
        (save_pt, wg.load, pickle.UnpicklingError),
        (save_st, load_safetensors, ValueError),
        (save_program, wg.load_program, (RuntimeError, ValueError)),
    ]
    for save, read, refused in readers:
        save(path, [1, 2, 3])
        data = path.read_bytes()
        for copy in damaged(data, 200):
            path.write_bytes(copy)
            with contextlib.suppress(refused):
                read(path)
        path.write_bytes(data)
