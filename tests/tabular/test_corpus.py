"""The awkward tables of tests/tables: each is read as `expected.json` says, or refused.

Numbers are lists of numbers (null: nothing is there), texts lists of texts.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.tabular.commands import one_line, run
from wengert.tabular import TabularError, read_table

FOLDER = Path(__file__).resolve().parent.parent / "tables"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


def test_there_are_many_and_all_are_expected():
    files = {path.name for path in FOLDER.iterdir()} - {"expected.json"}
    assert files == set(EXPECTED) and len(files) >= 60


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_table_is_read_or_named(name, capsys):
    case = EXPECTED[name]
    options = case.get("options", {})
    path = str(FOLDER / name)
    if "error" in case:
        with pytest.raises(TabularError) as found:
            read_table(path, **options)
        message = str(found.value)
        assert "\n" not in message and name in message
        assert all(word in message for word in case["error"])
        flags = [f"--{key}={value}" for key, value in options.items()]
        code, out, err = run(capsys, "train", path, "--target", "a", *flags)
        assert (code, out) == (2, "") and one_line(err)
        return
    table = read_table(path, **options)
    for column, values in case["columns"].items():
        if any(isinstance(value, str) for value in values):
            assert table.column(column).cells() == values
        else:
            expected = [np.nan if value is None else value for value in values]
            assert not table.column(column).text_rows
            assert np.array_equal(table.column(column).numbers, expected, equal_nan=True)


def test_written_numbers_are_used_in_a_model(capsys, here):
    (here / "t.csv").write_text(
        "price,kind\n" + "".join(f'"{i * 100:,}",{"a" if i > 40 else "b"}\n' for i in range(80))
    )
    code, out, _ = run(capsys, "train", "t.csv", "--target", "kind", "--epochs", 5, "--save", "m")
    assert code == 0 and "1 of numbers (price)" in out
    (here / "new.csv").write_text('price\n"7,900"\n5\n')
    assert run(capsys, "predict", "m", "new.csv")[0] == 0


def test_parquet_arrow_and_frames():
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    columns = {"a": [1, None, 3], "b": ["x", None, "z"], "c": [1.5, 2.5, None],
               "d": [True, False, None]}  # fmt: skip
    table = pyarrow.table(columns)
    parquet.write_table(table, "t.parquet")
    feather.write_feather(table, "t.arrow", compression="uncompressed")
    for path in ("t.parquet", "t.arrow"):
        found = read_table(path)
        assert list(found.columns) == ["a", "b", "c", "d"]
        assert np.array_equal(found.column("a").numbers, [1, np.nan, 3], equal_nan=True)
        assert found.column("b").cells() == ["x", "", "z"]
        assert found.column("d").cells() == ["True", "False", ""]
    parquet.write_table(pyarrow.table({"a": [[1], [2]]}), "nested.parquet")
    with pytest.raises(TabularError, match="needed numbers or texts"):
        read_table("nested.parquet")
