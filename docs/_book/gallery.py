"""The directive `example`: an example's own words and its source, so that its page repeats neither.

```{example} mlp.py
```
"""

import ast
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Example(Directive):
    required_arguments = 1

    def run(self):
        path = EXAMPLES / self.arguments[0]
        self.state.document.settings.env.note_dependency(str(path))
        text = path.read_text()
        said = ast.get_docstring(ast.parse(text)) or ""
        words, source = [], text
        for paragraph in said.split("\n\n"):
            if paragraph.startswith("    "):
                lines = "\n".join(line.strip() for line in paragraph.splitlines())
                words.append(nodes.literal_block(lines, lines, language="sh"))
            else:
                words.append(nodes.paragraph("", paragraph.replace("\n", " ").replace("`", "")))
        if said:
            source = text.split('"""', 2)[2].lstrip("\n")
        title = nodes.rubric("", "The whole program")
        return [*words, title, nodes.literal_block(source, source, language="python")]


def setup(app):
    app.add_directive("example", Example)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
