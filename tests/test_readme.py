"""What the documents show is what is in the files that they name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "examples/README.md",
    "benchmarks/README.md",
    *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs").rglob("*.md"))),
]


def blocks(document, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


def test_the_python_example_is_the_file_and_learns():
    example = ROOT / "examples" / "mlp.py"
    assert blocks("README.md", "python")[0] == example.read_text()
    assert len(example.read_text().splitlines()) == 15
    done = subprocess.run([sys.executable, example], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert float(re.search(r"test accuracy: ([\d.]+)%", done.stdout)[1]) >= 96.5


def test_the_cpp_example_is_the_file():
    programs = [ROOT / "examples/cpp" / name for name in ("xor.cpp", "spirals.cpp")]
    assert blocks("docs/cpp.md", "cpp") == [program.read_text() for program in programs]
    cmake = blocks("docs/cpp.md", "cmake")[0]
    assert cmake in (ROOT / "examples/cpp/CMakeLists.txt").read_text()


def test_the_readme_stays_short():
    assert len((ROOT / "README.md").read_text().splitlines()) < 250


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    path = ROOT / document
    prose = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", prose)
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_rows_shown_to_contributors_are_in_the_source():
    source = "\n".join(f.read_text() for f in (ROOT / "csrc/wengert/ops").rglob("*.cpp"))
    for block in blocks("CONTRIBUTING.md", "cpp"):
        for line in block.splitlines():
            assert "..." in line or line in source, line
    samples = "\n".join(f.read_text() for f in (ROOT / "tests/rows/samples").glob("*.py"))
    for block in blocks("CONTRIBUTING.md", "python"):
        assert block in samples


def test_notes_are_listed_and_exist():
    listed = set(
        re.findall(r"^\| `\[(.+?)\]`", (ROOT / "docs/design.md").read_text(), re.MULTILINE)
    )
    made = set()
    for folder, pattern in (("csrc", "*.h"), ("csrc", "*.cpp"), ("python", "*.py")):
        for file in (ROOT / folder).rglob(pattern):
            # A note begins its line; elsewhere it is referred to.
            made |= set(re.findall(r"^(?://|#)? ?Note \[(.+?)\]", file.read_text(), re.MULTILINE))
    assert listed == made
