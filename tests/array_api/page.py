"""Writes the tables of docs/reference/array_api.md: `python -m tests.array_api.page`."""

from pathlib import Path

from tests.array_api import ecosystem, standard

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "array_api.md"
BEGIN, END = "<!-- tables of tests.array_api.page -->\n", "<!-- end of the tables -->\n"


def names(found):
    return ", ".join(f"`{name}`" for name in found)


def of_the_standard():
    missing = standard.missing()
    yield "| part of the standard | here | missing |\n|---|--:|---|"
    for part, functions in standard.FUNCTIONS.items():
        kept = [name for name in functions if name not in missing.get(part, ())]
        absent = missing.get(part, []) if part != "dtypes" else []
        why = "all of the extension" if part == "fft" else names(absent)
        yield f"| {part} | {len(kept)} of {len(functions)} | {why} |"
    count = len(standard.DTYPES) - len(missing["dtypes"])
    yield f"| names of dtypes | {count} of {len(standard.DTYPES)} | {names(missing['dtypes'])} |"
    count = len(standard.ARRAY) - len(missing.get("arrays", ()))
    yield f"| attributes and methods of arrays | {count} of {len(standard.ARRAY)} | |"


def of_a_library(title, tables, lacking):
    yield f"\n| {title} | works |\n|---|---|"
    for part, rows in tables.items():
        yield f"| {part} | {names(rows)} |"
    yield f"| does not work | {names(lacking)} |"


def tables():
    return "\n".join(
        [
            *of_the_standard(),
            *of_a_library("scikit-learn 1.9", ecosystem.SKLEARN, ecosystem.NOT_SKLEARN),
            *of_a_library("SciPy 1.17", ecosystem.SCIPY, ecosystem.NOT_SCIPY),
            "",
        ]
    )


def text():
    """The page with its tables as they should be."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + "\n" + tables() + "\n" + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(text())
