"""Formulas as MathML, which browsers draw without a script."""

import latex2mathml.converter
from docutils import nodes


def converted(node, display):
    return latex2mathml.converter.convert(node.astext(), display=display)


def visit_math(self, node):
    self.body.append(converted(node, "inline"))
    raise nodes.SkipNode


def visit_math_block(self, node):
    self.body.append(f'<div class="formula">{converted(node, "block")}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
