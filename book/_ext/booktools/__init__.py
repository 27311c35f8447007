"""What only the book needs: an extension of Sphinx, and tools for the notebooks (`python book/_ext`).

`_config.yml` loads it by `local_extensions`. It is no part of the installed package, and `covidlib` never imports it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx: pages are read again, and cells executed again, when the fingerprint changes."""
    # Here and not above: the tools for notebooks need no Sphinx, and Sphinx need not load them.
    from booktools import execution_cache

    app.add_config_value("covidlib_fingerprint", execution_cache.fingerprint(), "env")
    app.connect("config-inited", execution_cache.name_cache, priority=100)
    app.connect("html-page-context", _drop_thebe, priority=900)
    app.connect("html-page-context", _drop_dead_launches, priority=900)
    for part in ("api_docstrings", "build_status", "glossary_links"):
        app.setup_extension(f"booktools.{part}")
    _prepare_kernels(Path(app.srcdir) / "_build" / ".ipython")
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _prepare_kernels(profiles: Path) -> None:
    """Kernels find these tools, and leave the terminal, which they inherit, to progress: their logs are for nobody."""
    tools = str(Path(__file__).parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (tools, os.environ.get("PYTHONPATH"))))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # no debugger is used: it need not warn of its limits
    # ipykernel's level stands in a profile only. A profile of the book's own also keeps the user's start-up files out.
    os.environ["IPYTHONDIR"] = str(profiles)
    profile = profiles / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.json").write_text('{"IPKernelApp": {"log_level": "ERROR"}}')
    # Both print their whole configuration.
    for name in ("myst_parser.sphinx_ext.main", "myst_nb.sphinx_ext"):
        logging.getLogger(f"sphinx.{name}").setLevel(logging.WARNING)


def _drop_thebe(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Jupyter Book adds a script for live cells that would come from a CDN, twice, which is an error in the console."""
    texts = {script: f"{script.filename} {script.attributes}" for script in context.get("script_files", [])}
    context["script_files"] = [script for script, text in texts.items() if "thebe" not in text.lower()]


def _drop_dead_launches(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Colab opens notebooks alone: a Markdown page with cells would get a button that leads nowhere."""
    if not str(app.env.doc2path(page)).endswith(".ipynb"):
        buttons = context.get("header_buttons", [])
        context["header_buttons"] = [one for one in buttons if one.get("label") != "launch-buttons"]
