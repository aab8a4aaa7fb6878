"""Formulas as MathML, which browsers draw without a script."""

import re

import latex2mathml.converter
from docutils import nodes
from sphinx.util import logging

# What the converter leaves as it is where it does not know a command or an environment.
NOT_CONVERTED = re.compile(r"<m[io]>(&(?!#|\w+;)|\\)")
# Its \overline is a character that no font stretches: the style sheet draws a line instead.
BAR = re.compile(r'<mover>((?:(?!<mover>).)*?)<mo accent="true">&#x02015;</mo></mover>')


def converted(node, display):
    text = latex2mathml.converter.convert(node.astext(), display=display)
    if NOT_CONVERTED.search(text):
        logging.getLogger(__name__).warning("no MathML for %s", node.astext(), location=node)
    return BAR.sub(r'<mrow class="bar">\1</mrow>', text)


def visit_math(self, node):
    self.body.append(converted(node, "inline"))
    raise nodes.SkipNode


def visit_math_block(self, node):
    self.body.append(f'<div class="formula">{converted(node, "block")}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
