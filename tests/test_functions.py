"""C++ has a function of every row, and what is written of them is what the signatures say."""

import pytest

from tests import function_calls, functions

pytestmark = [
    pytest.mark.quick,
    pytest.mark.skipif(not functions.CSRC.is_dir(), reason="only in a source tree"),
]


def test_what_is_written_is_what_the_signatures_say():
    assert not functions.outdated(), "run python -m tests.functions"


def test_every_public_row_has_a_function_or_a_reason():
    from tests.rows.table import ROWS

    names = functions.declared()
    without = [
        key
        for key, row in ROWS.items()
        if functions.is_public(row) and row["name"] not in names and not functions.reason_of(key)
    ]
    assert not without
    decided = {key for keys in functions.LEFT_OUT.values() for key in keys} | functions.MORE.keys()
    assert not decided - ROWS.keys(), "decided of rows that are not there"


def test_ops_h_includes_them_all():
    text = (functions.CSRC / "ops.h").read_text()
    headers = {f"{path.parent.name}/{path.name}" for path in functions.files()}
    assert [h for h in headers if h.endswith(".h") and f"ops/{h}" not in text] == ["cpp/calls.h"]


def test_every_kind_of_signature_is_written():
    found = {f.name: f for part in functions.functions().values() for f in part}

    def declared(name: str) -> str:
        return " ".join(found[name].declared().partition("\n")[2].split())

    assert declared("kthvalue") == (
        "std::pair<Tensor, Tensor> kthvalue(const Tensor& input, int64_t k, int64_t dim = -1, "
        "bool keepdim = false);"
    )
    assert "Tensor& hypot_(Tensor& input, const Operand& other);" in found["hypot_"].declared()
    assert 'Word interpolation = "linear"' in declared("quantile")
    assert "Reduction reduction = Reduction::kMean" in declared("soft_margin_loss")
    assert "size_average" not in declared("soft_margin_loss")
    assert "Generator* generator = nullptr" in declared("multinomial")
    assert "Tensors tensors" in found["vstack"].declared()
    assert found["greater"].row["name"] == "gt" and found["trapz"].row["name"] == "trapezoid"


def test_every_function_is_called():
    calls, without = function_calls.calls()
    assert len(calls) > 400 and not without
