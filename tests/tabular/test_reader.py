"""Files of every kind, and whatever is odd about them: read right, or refused in one line."""

import gzip
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tabular.commands import numbers, one_line, run, signs, write
from wengert.tabular import TabularError, load_model, read_table, reader

# ---- blocks and passes do not show


def found(table):
    """What a table is, apart from texts of numbers."""
    return {
        name: (
            np.nan_to_num(c.numbers, nan=1e99).tolist(),
            c.text_rows,
            c.missing_rows,
            c.code_row,
            None if c.is_numeric else c.texts,
        )
        for name, c in table.columns.items()
    }, table.lines.tolist()  # fmt: skip


CELLS = st.sampled_from(
    ["1", "-2.5", "1e3", "", "NA", "007", "0.5", "0", "x", " 3 ", "nan", "1_2", 'a"b', "a\nb"]
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=30),
    plain=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    block=st.sampled_from([1, 40, 1 << 20]),
)
def test_blocks_make_no_difference(tmp_path_factory, rows, plain, end, block):
    import csv

    odd = ('"', "\n") if plain else ()
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator=end)
    writer.writerow(["a", "b", "c"])
    writer.writerows([cell for cell in row if True] for row in rows
                     if not any(sign in cell for cell in row for sign in odd))  # fmt: skip
    if stream.getvalue().count(end) < 2:
        return
    path = str(tmp_path_factory.mktemp("t") / "t.csv")
    with open(path, "w", newline="") as file:
        file.write(stream.getvalue())
    expected = found(read_table(path))  # one block, all texts
    before = reader._BLOCK
    reader._BLOCK = block
    try:
        for texts in ((), ("b",), None):
            table = read_table(path, texts)
            assert found(table) == expected
            if texts:
                assert table.columns["b"].texts == read_table(path).columns["b"].texts
    finally:
        reader._BLOCK = before


def test_a_large_table_of_numbers(monkeypatch):
    monkeypatch.setattr(reader, "_BLOCK", 1 << 12)
    values = np.random.RandomState(0).randn(2000, 7).round(4)
    values[::50, 3] = np.nan
    text = "a,b,c,d,e,f,y\n" + "\n".join(
        ",".join("" if v != v else repr(v) for v in row) for row in values.tolist()
    )
    for end in ("\n", "\r\n"):
        write("t.csv", text.replace("\n", end))
        table = read_table("t.csv", ["y"])
        read = np.array([column.numbers for column in table.columns.values()]).T
        assert np.array_equal(read, values, equal_nan=True)
        assert table.columns["d"].missing_rows == list(range(0, 2000, 50))
        assert table.columns["a"].texts is None and len(table.columns["y"].texts) == 2000
        assert table.lines.tolist() == list(range(2, 2002))
    lines = text.split("\n")
    lines[1500] = lines[1500].replace(",", ";", 1)
    write("t.csv", "\n".join(lines))
    with pytest.raises(TabularError, match="line 1501: 6 cells, needed 7"):
        read_table("t.csv", [])
    lines[1500] = lines[1499] + ",1"
    write("t.csv", "\n".join(lines))
    for texts in ([], ["b"]):
        with pytest.raises(TabularError, match="line 1501: 8 cells, needed 7"):
            read_table("t.csv", texts)


def test_memory_is_less_than_twice_the_data():
    """Of a process of its own, as another's peak would hide it."""
    code = (
        "import resource, sys, numpy as np, wengert.tabular as tabular\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak()\n"
        "table = tabular.read_table('t.csv', ['y'])\n"
        "data = tabular.prepare_table(table, 'y')\n"
        "print((peak() - before) / (8 * 21 * len(table)))"
    )
    row = ",".join(f"{i / 7:.6f}" for i in range(20))
    with open("t.csv", "w") as file:
        file.write(",".join(f"c{i}" for i in range(20)) + ",y\n")
        file.writelines(f"{row},{i / 3:.4f}\n" for i in range(30_000))
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(shown.stdout) < 3  # of 5 MB, where a block of lines counts


# ---- dialects and ways in

PLAIN = "a,b\n1,2\n3,4\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.rstrip("\n"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", "|"),
        PLAIN.replace(",", " "),
        "a   b\n  1  2\n3     4  \n",
        "sep=;\n" + PLAIN.replace(",", ";"),
        "sep=|\r\n" + PLAIN.replace(",", "|"),
        "sep=,\n" + PLAIN,
        "\n\n" + PLAIN + "\n\n",
        ",a,b\n0,1,2\n1,3,4\n",
        '"","a","b"\n"x","1","2"\n"y","3","4"\n',
        " a , b\n 1, 2 \n3,4\n",
    ],
)
def test_dialects(text):
    write("t.csv", text)
    for texts in (None, [], ["a"]):
        table = read_table("t.csv", texts)
        assert {n: c.numbers.tolist() for n, c in table.columns.items()} == {
            "a": [1, 3],
            "b": [2, 4],
        }


def test_packed_files_pipes_and_standard_input(monkeypatch, capsys):
    with gzip.open("t.csv.gz", "wt") as file:
        file.write(PLAIN)
    assert read_table("t.csv.gz").columns["b"].numbers.tolist() == [2, 4]
    write("broken.csv.gz", Path("t.csv.gz").read_bytes()[:-12])
    with pytest.raises(TabularError, match=r"broken\.csv\.gz: the gzip file is damaged"):
        read_table("broken.csv.gz")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PLAIN.encode())))
    assert read_table("-").columns["a"].numbers.tolist() == [1, 3]
    read, write_end = os.pipe()
    os.write(write_end, PLAIN.encode())
    os.close(write_end)
    assert read_table(f"/dev/fd/{read}").columns["a"].numbers.tolist() == [1, 3]
    os.close(read)


def zipped(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"<xml/>")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PAR1....PAR1", ["Parquet"]),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), ["Excel", "CSV"]),
        (zipped("content.xml", "mimetype"), ["OpenDocument", "CSV"]),
        (zipped("table.csv"), ["zip archive", "unpack"]),
        (zipped("archive/data.pkl"), ["saved tensors"]),
        (b"\xd0\xcf\x11\xe0" + bytes(100), ["Excel"]),
        (b"\x80\x04\x95" + bytes(30), ["pickle", "trust"]),
        (b"\x89HDF\r\n\x1a\n", ["HDF5"]),
        (b"SQLite format 3\0", ["SQLite"]),
        (b"ARROW1\0\0", ["Arrow"]),
        (b"BZh91AY", ["bzip2"]),
        (b"\xfd7zXZ\0", ["xz"]),
        (b"\x93NUMPY\x01\0v\0", ["single array", "NPZ"]),
        (b"<!DOCTYPE html><html>", ["web page"]),
        (b'[{"a": 1}]', ["JSON", "read_json"]),
        (b"%PDF-1.7", ["PDF"]),
    ],
)
@pytest.mark.parametrize("name", ["t.csv", "t.dat"])
def test_other_kinds_of_files_are_named_with_what_to_do(capsys, data, words, name):
    write(name, data)
    code, out, err = run(capsys, "train", name, "--target", "y")
    assert (code, out) == (2, "") and one_line(err)
    for word in [name, *words]:
        assert word in err


# ---- the corpora: nothing but one line, ever

ODD = [
    b"", b"\n", b"\r", b",", b",,\n", b"a", b"a,b", b"a,b\n", b"a,a\n1,2\n", b"a,b\n1\n",
    b"a\n\n\n",     b"a,b\n1,2,3\n", b"a,b\n\x00,\x00\n", b"\xff\xfe", b"\xef\xbb\xbf",
    b"a,b\n\xff,1\n", b"sep=\n",     b"sep=;", b'a,b\n"1,2\n', b'"a,b\n', b'a,b\n"1"2,3\n',
    b"a,b\n" + b"9" * 400 + b",1\n",     b"a,b\n" + b"9" * 5000 + b",1\n",
    b"a,b\n" + b"x" * 200000 + b",1\n", b"a,b\n1e999,-inf\n",     b"a;b\n1,5;2,5\n", b"a b\n",
    b"a b\n1\n", b" \n \n", b"\t\n\t", b"|\n|\n", b"a,,b\n1,2,3\n",     b",\n1,2\n",
    b"a,b\r1,2\r3,4", b"a,b\n1,2\r3,4\n", b"a,b\n\xe2\x80\xa8,\x0b\n", b"-",
    b"a\x1cb,c\n",     b"{", b"[]", b"PK", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\x1f\x8b",
    b"\x1f\x8b\x08" + bytes(20),     b"a,b\n0x1p3,1\n", b"a,b\n" + "\u0661,\u00b2\n".encode(),
    b"a,b\n+,-\n", b"a,b\n.,e\n", b"a,b\n1e,1e\n",
]  # fmt: skip


def only_our_errors(call, *args):
    try:
        return call(*args)
    except TabularError as error:
        assert "\n" not in str(error)
    return None


@pytest.mark.parametrize("data", ODD, ids=range(len(ODD)))
def test_odd_tables(capsys, data):
    write("t.csv", data)
    for texts in (None, []):
        only_our_errors(read_table, "t.csv", texts)
    write("t.npz", data)
    only_our_errors(read_table, "t.npz")
    code, _, err = run(capsys, "train", "t.csv", "--target", "b", "--epochs", 1)
    assert code == 2 and one_line(err)


def damaged(data, count, seed):
    """Copies of `data`: bytes changed, cut out, doubled, and files cut short."""
    rng = np.random.RandomState(seed)
    for i in range(count):
        copy = bytearray(data)
        for at in rng.randint(0, len(data), 1 + i % 3):
            kind = rng.randint(5)
            if kind < 2:
                copy[at % len(copy)] = rng.randint(256)
            elif kind == 2:
                copy[at % len(copy)] ^= 1 << rng.randint(8)
            elif kind == 3:
                del copy[at : at + rng.randint(1, 9)]
            else:
                copy[at:at] = copy[at : at + rng.randint(1, 9)]
        yield bytes(copy[: rng.randint(1, len(copy) + 1)] if i % 10 == 9 else copy)


def test_mutated_tables(capsys):
    text = "length,colour,code,day\n" + "".join(
        f'{i / 7:.3f},"{("red", "a b", "")[i % 3]}",0{i},2020-01-{i % 28 + 1:02d}\n'
        for i in range(12)
    )
    for data in damaged(text.encode(), 120, 0):
        write("t.csv", data)
        only_our_errors(read_table, "t.csv", ["code"])


def test_mutated_archives():
    np.savez("t.npz", X=np.arange(12.0).reshape(6, 2), y=np.array(["a", "b"] * 3))
    np.savez_compressed("c.npz", X=np.arange(12.0).reshape(6, 2), y=np.arange(6))
    for name in ("t.npz", "c.npz"):
        data = Path(name).read_bytes()
        for i, copy in enumerate(damaged(data, 120, 1)):
            write("d.npz", copy)
            table = only_our_errors(read_table, "d.npz")
            assert table is None or len(table) < 1000, i


def test_an_archive_that_asks_for_much_memory_is_refused():
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000,), }"
    array = b"\x93NUMPY\x01\0" + (118).to_bytes(2, "little") + header.ljust(117) + b"\n" + bytes(8)
    with zipfile.ZipFile("t.npz", "w") as archive:
        archive.writestr("X.npy", array)
    with pytest.raises(TabularError, match="array 'X': not an NPZ archive that can be read"):
        read_table("t.npz")


def test_mutated_models(capsys):
    pytest.importorskip("safetensors")
    x = numbers(60)
    write("t.csv", {"x": x, "c": ["a", "b"] * 30, "y": signs(x)})
    assert run(capsys, "train", "t.csv", "--target", "y", "--epochs", 1, "--hidden", "2", "--save",
               "m")[0] == 0  # fmt: skip
    data = Path("m").read_bytes()
    for copy in damaged(data, 150, 2):
        write("d", copy)
        model = only_our_errors(load_model, "d")
        if model is not None:
            only_our_errors(model.predict, {"x": [1.0], "c": ["a"]})
