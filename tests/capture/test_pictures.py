"""Pictures of programs."""

import sys
import types

import pytest

import wengert as wg


def test_a_picture_names_what_it_needs(monkeypatch):
    captured = wg.capture(lambda x: x.tanh())
    captured(wg.ones(2))

    class NotFound(Exception):
        pass

    def pipe(self, **options):
        raise NotFound

    source = type("Source", (), {"__init__": lambda self, text: None, "pipe": pipe})
    fake = types.SimpleNamespace(Source=source, ExecutableNotFound=NotFound)
    for found, error, words in (
        (None, ImportError, r"pip install 'wengert\[graph\]'"),
        (fake, RuntimeError, "program dot.*package graphviz"),
    ):
        monkeypatch.setitem(sys.modules, "graphviz", found)
        with pytest.raises(error, match=words):
            captured.program.to_svg()
