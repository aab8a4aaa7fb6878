"""The book: python -m sphinx -W -b html docs build/book, or `.ci/run book`.

Every page with cells is run while it is built, by the wengert that is installed. Pages need no
network when they are read: formulas become MathML, pictures SVG, and the theme's files are copied.
"""

import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE / "_book"))

project = "wengert"
author = "The wengert authors"
copyright = author

extensions = ["myst_nb", "mathml", "sources", "signatures", "gallery"]
exclude_patterns = ["_book", "_static", "pictures"]
# Tracebacks are no Python; headings of generated pages skip a level.
suppress_warnings = ["misc.highlighting_failure", "myst.header"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

nb_execution_mode = "force"  # -D nb_execution_mode=cache runs only what has changed
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_execution_in_temp = True  # cells may write files
nb_merge_streams = True
nb_render_image_options = {"align": "center"}

html_theme = "furo"
html_title = "wengert"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_math_renderer = "mathml"
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
linkcheck_anchors = False


def prepare_kernels():
    """Gives the processes that run the cells their settings: pictures as SVG, short tracebacks."""
    folder = tempfile.TemporaryDirectory(prefix="wengert-book-")
    profile = Path(folder.name) / "profile_default"
    profile.mkdir()
    (profile / "ipython_config.py").write_text(
        "c.InlineBackend.figure_formats = {'svg'}\n"
        "c.InteractiveShell.xmode = 'Minimal'\n"
        "c.InteractiveShell.colors = 'nocolor'\n"
        "c.HistoryManager.enabled = False\n"
    )
    (profile / "ipython_kernel_config.py").write_text("c.Application.log_level = 'ERROR'\n")
    paths = [str(ROOT / "examples"), os.environ.get("PYTHONPATH", "")]
    os.environ.update(
        IPYTHONDIR=folder.name,
        MATPLOTLIBRC=str(HERE / "_book" / "matplotlibrc"),
        PYTHONPATH=os.pathsep.join(filter(None, paths)),
        IPYKERNEL_CELL_NAME="<cell>",
        PYDEVD_DISABLE_FILE_VALIDATION="1",
    )
    return folder  # removed when the build ends


_kernels = prepare_kernels()
