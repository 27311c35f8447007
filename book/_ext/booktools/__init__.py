"""Build tools of the book: a Sphinx extension, and tools for the notebooks (`python book/_ext`).

`_config.yml` loads the extension (`local_extensions`). It is not part of the installed package, and `covidlib` never
imports it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx. If the fingerprint changes, pages are read again and cells are executed again."""
    # Imported here, because the tools for notebooks work without Sphinx.
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
    """Set the environment of kernels: they find these tools, and do not log to the terminal, which shows progress."""
    tools = str(Path(__file__).parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (tools, os.environ.get("PYTHONPATH"))))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # no debugger is used, so its warnings are not needed
    # ipykernel's log level can only be set in a profile. A separate profile also keeps the user's start-up files out.
    os.environ["IPYTHONDIR"] = str(profiles)
    profile = profiles / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.json").write_text('{"IPKernelApp": {"log_level": "ERROR"}}')
    # Both print their whole configuration.
    for name in ("myst_parser.sphinx_ext.main", "myst_nb.sphinx_ext"):
        logging.getLogger(f"sphinx.{name}").setLevel(logging.WARNING)


def _drop_thebe(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Remove the script for live cells: Jupyter Book loads it twice from a CDN, which gives a console error."""
    texts = {script: f"{script.filename} {script.attributes}" for script in context.get("script_files", [])}
    context["script_files"] = [script for script, text in texts.items() if "thebe" not in text.lower()]


def _drop_dead_launches(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Remove the launch button from Markdown pages with cells: Colab opens notebooks only."""
    if not str(app.env.doc2path(page)).endswith(".ipynb"):
        buttons = context.get("header_buttons", [])
        context["header_buttons"] = [button for button in buttons if button.get("label") != "launch-buttons"]
