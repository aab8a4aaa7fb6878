"""Links from pages to files of the repository, and files of its top folder as pages.

A link to a page of the book stays one, in whichever form it is written; one to another file gives
that file; one to a folder becomes its name.
"""

import os
import re
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent
ROOT = DOCS.parent
#: Pages that are files from outside docs/.
WHOLE = {
    "contributing": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
    "benchmarks": "benchmarks/README.md",
}
#: Files of the repository that the book has as something else.
INSTEAD = {
    "README.md": "index",
    "examples/README.md": "examples/index",
    "examples": "examples/index",
}
LINK = re.compile(r"\[([^\]\n]*(?:\n[^\]\n]+)?)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^(`{3,}|:{3,}).*?^\1", re.MULTILINE | re.DOTALL)


def page_of(path):
    """The name of the page that has this file of the repository, or None."""
    name = os.path.relpath(path, ROOT)
    for page, file in WHOLE.items():
        if file == name:
            return page
    if name in INSTEAD:
        return INSTEAD[name]
    inside = os.path.relpath(path, DOCS)
    if inside.endswith(".md") and not inside.startswith(".."):
        return inside[: -len(".md")]
    return None


def relinked(text, base, docname):
    """The text of a page, whose links count from the folder `base`."""

    def replace(match):
        words, target, anchor = match[1], match[2], match[3] or ""
        path = (base / target).resolve()
        page = page_of(path)
        here = os.path.dirname(docname)
        if page is not None:
            anchor = "" if os.path.relpath(path, ROOT) in INSTEAD else anchor
            return f"[{words}]({os.path.relpath(page, here or '.')}.md{anchor})"
        if path.is_file() and path.suffix != ".md":
            return f"[{words}]({os.path.relpath(path, DOCS / here)})"
        if path.exists():
            return words if words.startswith("`") else f"`{os.path.relpath(path, ROOT)}`"
        return match[0]  # which Sphinx warns of

    parts, at = [], 0
    for fence in FENCE.finditer(text):
        parts += [LINK.sub(replace, text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, LINK.sub(replace, text[at:])])


def source_read(app, docname, source):
    base = (DOCS / docname).parent
    if docname in WHOLE:
        file = ROOT / WHOLE[docname]
        source[0], base = file.read_text(), file.parent
    source[0] = relinked(source[0], base, docname)


def setup(app):
    app.connect("source-read", source_read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
