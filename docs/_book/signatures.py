"""The directive `signatures`: the public names of a module, with signatures and docstrings.

    ```{signatures} wengert.optim
    :only: SGD Adam
    ```

lists those of `only`, or all that the module exports but what `without` names. Nothing is written
twice: an operation's signature is its row's, the same from which arguments are parsed.
"""

import importlib
import inspect
import re

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx import addnodes

import wengert

QUOTED = re.compile(r"(: |-> )'([^']*)'")
ADDRESS = re.compile(r" at 0x[0-9a-f]+|<object object>")


def exported(module):
    names = getattr(module, "__all__", None)
    if names is None:
        names = [n for n in vars(module) if not n.startswith("_")]
    return sorted(names, key=str.lower)


def signature_of(thing):
    """As it is written: `(input, dim=-1)`; empty where there is none to be had."""
    text = getattr(thing, "__text_signature__", None)
    try:
        text = str(inspect.signature(thing))
    except (TypeError, ValueError):
        text = text or ""
    text = ADDRESS.sub("", text).replace("NoneType", "None")
    text = QUOTED.sub(r"\1\2", text)  # annotations that are read late are texts
    return text.removesuffix(" -> None") if inspect.isclass(thing) else text


def documented(thing):
    text = inspect.getdoc(thing) or ""
    # What a class without words of its own inherits from `object` or from its base says nothing.
    if inspect.isclass(thing) and "__doc__" in vars(thing) and vars(thing)["__doc__"] is None:
        return ""
    return text.strip()


class Signatures(Directive):
    required_arguments = 1
    option_spec = {"only": directives.unchanged, "without": directives.unchanged}

    def run(self):
        module = importlib.import_module(self.arguments[0])
        names = self.options["only"].split() if "only" in self.options else exported(module)
        without = set(self.options.get("without", "").split())
        found = [name for name in names if name not in without]
        return [node for name in found for node in self.entry(module, name)]

    @staticmethod
    def prefix(owner):
        return owner.__name__ if inspect.ismodule(owner) else f"wengert.{owner.__name__}"

    def entry(self, module, name):
        thing = getattr(module, name, None)
        if inspect.ismodule(thing) or not callable(thing):
            return []
        kind = "class" if inspect.isclass(thing) else "function"
        full = f"{self.prefix(module)}.{name}"
        signature = addnodes.desc_signature("", "", ids=[full], names=[full])
        if kind == "class":
            signature += addnodes.desc_annotation("", "class ")
        signature += addnodes.desc_addname("", f"{self.prefix(module)}.")
        signature += addnodes.desc_name("", name)
        signature += addnodes.desc_annotation("", signature_of(thing))
        content = addnodes.desc_content()
        if text := documented(thing):
            content += nodes.literal_block(text, text, classes=["doc"], language="none")
        description = addnodes.desc("", signature, content, domain="py", objtype=kind)
        self.state.document.note_explicit_target(signature)
        index = addnodes.index(
            entries=[("single", f"{name} ({self.prefix(module)})", full, "", None)]
        )
        return [index, description]


class Methods(Signatures):
    """Of a class: what is no operation, and has words of its own."""

    def run(self):
        module, _, name = self.arguments[0].rpartition(".")
        thing = getattr(importlib.import_module(module), name)
        operations = {row["name"] for row in wengert._native.registry}
        names = [n for n in dir(thing) if not n.startswith("_") and n.rstrip("_") not in operations]
        found = [n for n in sorted(names) if documented(getattr(thing, n, None))]
        return [node for n in found for node in self.entry(thing, n)]


def setup(app):
    app.add_directive("signatures", Signatures)
    app.add_directive("methods", Methods)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
