"""docs/failures.md: each program fails as the page says, and each mend works."""

import contextlib
import re
import warnings
from pathlib import Path

import pytest

import wengert as wg

PAGE = Path(__file__).resolve().parent.parent / "docs" / "failures.md"
CELL = re.compile(r"```\{code-cell\} python\n((?::tags: \[([^]]*)\]\n\n)?)(.*?)```", re.DOTALL)


def cells(text):
    """(fails, code) of each."""
    return [(tags == "raises-exception", code) for _, tags, code in CELL.findall(text)]


def sections():
    _, *parts = re.split(r"^### ", PAGE.read_text(), flags=re.MULTILINE)
    return {part.partition("\n")[0]: part for part in parts}


@pytest.fixture(scope="module")
def page():
    """What the names of the page mean; cells may use what those above have made."""
    wg.manual_seed(0)
    names = {"__name__": "gallery"}
    for _, code in cells(PAGE.read_text().partition("\n## ")[0]):
        exec(code, names)
    return names


@pytest.fixture(scope="module")
def seen():
    """The sections that have run: another process may run those in between."""
    return set()


def run_above(title, page, seen):
    """What a reader has run who has come so far."""
    for above, part in sections().items():
        if above == title:
            break
        if above not in seen:
            for fails, code in cells(part):
                with contextlib.suppress(Exception) if fails else warnings.catch_warnings():
                    exec(compile(code, f"<{above}>", "exec"), page)
        seen.add(above)
    seen.add(title)


@pytest.mark.parametrize("title", sections())
def test_it_fails_as_the_page_says(title, page, seen):
    run_above(title, page, seen)
    part = sections()[title]
    wanted = re.search(r"^> (\w+): (.*)$", part, re.MULTILINE)
    found = cells(part)
    assert [fails for fails, _ in found] == ([True, False] if wanted else [False, False])
    for fails, code in found:
        # A captured function is looked up by its line.
        compiled = compile(code, f"<{title}>", "exec")
        if not fails:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                exec(compiled, page)
            continue
        with pytest.raises(Exception) as raised:
            exec(compiled, page)
        assert type(raised.value).__name__ == wanted[1]
        assert str(raised.value).startswith(wanted[2]), str(raised.value)


def test_there_are_many():
    assert len(sections()) >= 30
