"""Every row says its mathematics above itself, and docs/operations.md has it."""

import pytest

from tests.rows import page
from tests.rows.table import ROWS

pytestmark = pytest.mark.skipif(not (page.ROOT / "csrc").is_dir(), reason="only in a source tree")


def test_every_row_says_what_it_computes_and_its_gradient():
    silent = []
    for key, said in page.of_rows().items():
        row = ROWS[key]
        if said is None:
            silent.append(f"{key}: no y = ...")
        elif row["differentiable"] and not row["composite"] and not said.gradient:
            silent.append(f"{key}: no dx = ...")
    assert not silent, "the comment above the row lacks " + ", ".join(silent)


def test_the_page_is_up_to_date():
    assert page.PAGE.read_text() == page.page(), "run python -m tests.rows.page"


@pytest.mark.parametrize(
    ("text", "value", "gradient"),
    [
        ("y = x^2          dx = 2 g x", "y = x^2", "dx = 2 g x"),
        ("---- relu   y = max(x, 0)     dx = g where y > 0", "y = max(x, 0)", "dx = g where y > 0"),
        ("z = x y     dx = g y      dy = g x", "z = x y", "dx = g y; dy = g x"),
        ("y_k = sum x_i     dx_k = sum g_i", "y_k = sum x_i", "dx_k = sum g_i"),
        ("y = 1", "y = 1", ""),
    ],
)
def test_a_comment_is_read(text, value, gradient):
    assert page.split(text) == (value, gradient)
    assert page.split("only words") is None
