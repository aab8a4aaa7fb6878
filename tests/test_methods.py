"""The methods of C++ tensors are those that the declarations of ops.h make."""

import pytest

from tests import methods

pytestmark = [
    pytest.mark.quick,
    pytest.mark.skipif(not methods.CSRC.is_dir(), reason="only in a source tree"),
]


def test_what_is_written_is_what_is_declared():
    assert not methods.outdated(), "run python -m tests.methods"


def test_every_kind_of_declaration_is_read():
    found = {f.name: f for f in methods.functions()}
    assert found["sum"].parameters[1:3] == ["Ints dims = {}", "bool keepdim = false"]
    assert found["cummax"].result == "std::pair<Tensor, Tensor>"
    assert found["add_"].in_place
    assert {"relu", "sum", "reshape", "add_", "topk"} <= {f.name for f in methods.methods()}
    assert not {"where", "zeros", "cross_entropy"} & {f.name for f in methods.methods()}
