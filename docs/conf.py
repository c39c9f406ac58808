"""The documentation site: `make docs` builds it offline, runs the tutorial, and takes a warning for an error."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

import headstart

HERE = Path(__file__).parent
ROOT = HERE.parent

project = "Headstart"
copyright = "the Headstart maintainers"
version = release = headstart.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "myst-nb"}
exclude_patterns = ["_build", "tutorial/saved"]
# One backtick in a docstring is a name of ours where there is one, and a word of code where not.
default_role = "py:obj"

# The pages are read in a browser on the machine that built them too: nothing comes from the network.
html_theme = "furo"
html_title = f"Headstart {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
strip_signature_backslash = True  # or classes_ loses its last sign
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100


def _tutorial_digest() -> str:
    """Return a digest of what the tutorial's outputs depend on: the package, and the code of every chapter.

    A chapter reads what those before it saved, so that a change in one runs all of them again.
    """
    found = hashlib.sha256()
    for path in sorted((ROOT / "src" / "headstart").rglob("*.py")):
        found.update(path.read_bytes())
    for path in sorted((HERE / "tutorial").glob("*.md")):
        for cell in re.findall(r"```\{code-cell\}.*?```", path.read_text(encoding="utf-8"), re.DOTALL):
            found.update(cell.encode())
    return found.hexdigest()[:16]


nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "out" / "docs" / f"tutorial-{_tutorial_digest()}")
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 0)]
# What the chapters save goes here, and what they compute has one thread, as everywhere in the project's own runs.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def _by_last_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contents: nodes.Element
) -> nodes.Element | None:
    """Return a link for a bare name in a docstring, ``Batch``, where one object of ours ends with it."""
    if node.get("refdomain") != "py":
        return None
    known, last = env.domains["py"].objects, node["reftarget"].rpartition(".")[2]
    kinds = (
        "class",
        "exception",
        "function",
        "data",
    )  # a bare name of a method or an attribute may be that of any class
    found = [name for name in known if name.endswith(f".{last}") and known[name].objtype in kinds]
    if len(found) != 1:
        return None
    return make_refnode(
        app.builder, node["refdoc"], known[found[0]].docname, known[found[0]].node_id, contents, found[0]
    )


def _is_routing(_app: Sphinx, _what: str, name: str, _obj: object, skip: bool, _options: object) -> bool | None:
    """Leave out what scikit-learn adds to every estimator to hand metadata on."""
    return True if name == "get_metadata_routing" or (name.startswith("set_") and name.endswith("_request")) else None


def setup(app: Sphinx) -> None:
    """Add what the pages need beyond the extensions."""
    app.connect("autodoc-skip-member", _is_routing)
    app.connect("missing-reference", _by_last_name)
    app.add_lexer("mermaid", TextLexer)  # a diagram needs a script from the network; its source reads well too
