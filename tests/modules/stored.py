"""What torch gives for the table of modules, kept in `values.json`."""

import json
from pathlib import Path

from tests.modules.table import Case, convert, make

FILE = Path(__file__).with_name("values.json")


def load() -> dict[str, dict]:
    """By the class's name and the case's mark."""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def bad_inputs(case: Case, library) -> dict:
    """What the module is called with in place of its first input."""
    first, *rest = convert(list(case.inputs.args), library, "float64")
    return {
        "no input": [],
        "text": ["text", *rest],
        "int64": [first.to(library.int64), *rest],
        "two dimensions more": [first.expand(3, 2, *first.shape).clone(), *rest],
    }


def errors(name: str, case: Case, library) -> dict[str, Exception | None]:
    """What each of the bad inputs raises."""
    raised = {}
    for what, given in bad_inputs(case, library).items():
        raised[what] = None
        try:
            make(name, case, library)(*given)
        except Exception as error:
            raised[what] = error
    return raised


def kind(error: Exception | None) -> str:
    if isinstance(error, NotImplementedError):  # sometimes its own type, one of RuntimeErrors
        return "RuntimeError"
    return type(error).__name__ if error else ""
