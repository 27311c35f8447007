"""Clean, check, refresh and run the notebooks of the book.

On the command line: `python book/_ext notebooks refresh|clean|check|run NOTEBOOK…`.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbstripout import strip_output

from covidlib.errors import InputError
from covidlib.utils.files import write_text

CHECK_TAG = "nbval-check-output"
KEPT_METADATA = ("tags", "mystnb")


def read_notebook(path: str | Path) -> Any:
    """Read a notebook file, in version 4 of the format.

    Raises
    ------
    InputError
        If the file does not exist or is not a notebook.
    """
    try:
        return nbformat.read(path, as_version=4)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "Check the path of the notebook") from error
    except Exception as error:  # nbformat fails in many ways on other files: always name the file
        raise InputError(path, f"not a notebook ({type(error).__name__})", "Choose a notebook file") from error


def parameters_of(path: str | Path) -> dict[str, str]:
    """Read the names and defaults in the cell tagged `parameters`, as text.

    Raises
    ------
    InputError
        If the file is not a notebook, does not have exactly one such cell, or the cell contains more than constants.
    """
    # `papermill.inspect_notebook` does the same, but uses the first of several such cells.
    from papermill.translators import PythonTranslator

    cells = [cell for cell in read_notebook(path).cells if "parameters" in cell.metadata.get("tags", [])]
    remedy = "Tag one cell `parameters` and only assign constants in it"
    if len(cells) != 1:
        raise InputError(path, f"has {len(cells)} cells tagged parameters, expected 1", remedy)
    for statement in ast.parse(cells[0].source).body:
        if not isinstance(getattr(statement, "value", None), ast.Constant):
            raise InputError(
                path, f"the parameters cell contains `{ast.unparse(statement)}`, expected only constants", remedy
            )
    return {parameter.name: parameter.default for parameter in PythonTranslator.inspect(cells[0])}


def run_notebook(path: str | Path, output: str | Path, parameters: dict[str, object] | None = None) -> None:
    """Execute a notebook with papermill, after checking that it has the given parameters.

    papermill only logs an unknown name and uses the default, which gives a wrong result that looks right.

    Raises
    ------
    InputError
        If the notebook does not have one of the parameters.
    """
    import papermill

    known = parameters_of(path)
    for name in parameters or {}:
        if name not in known:
            raise InputError(path, f"no parameter {name}", f"Choose one of {', '.join(known)}")
    papermill.execute_notebook(
        str(path),
        str(output),
        parameters=parameters or {},
        kernel_name="python3",
        language="python",
        cwd=str(Path(path).resolve().parent),
        progress_bar=False,
        log_output=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )


def is_checked(cell: Any) -> bool:
    """Whether a cell's output is compared by tests and therefore kept in git."""
    return CHECK_TAG in cell.metadata.get("tags", [])


def clean(notebook: Any) -> Any:
    """Clean a notebook for git: keep outputs of checked cells only, no counts, times or widget state."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key in KEPT_METADATA}
    for cell in code:
        cell.metadata["keep_output"] = is_checked(cell)  # read by nbstripout; the last argument removes it again
    strip_output(notebook, False, False, keep_id=True, extra_keys=["cell.metadata.keep_output"])
    for position, cell in enumerate(code, start=1):
        if is_checked(cell):
            cell.execution_count = position  # nbval treats a cell without a count as never executed
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def output_problems(path: str | Path) -> list[str]:
    """List stored outputs that should not be there, and checked cells without output, whose check would always pass."""
    stored, kept = read_notebook(path), clean(read_notebook(path))
    # GitHub refuses to show a notebook with stored widget state.
    problems = [] if stored.metadata == kept.metadata else ["stored metadata of a kernel or of widgets"]
    for cell, cleaned in zip(stored.cells, kept.cells, strict=True):
        if cell != cleaned:
            problems.append(f"outputs, counts or metadata that no test compares: {cell.source[:60]!r}")
        if is_checked(cell) and not cell.get("outputs"):
            problems.append(f"a checked cell without a stored output: {cell.source[:60]!r}")
    return problems


def write_clean(path: str | Path, notebook: Any) -> None:
    """Write a cleaned notebook; the file is written completely or not at all."""
    write_text(Path(path), nbformat.writes(clean(notebook)) + "\n")


def refresh(path: str | Path) -> None:
    """Execute a notebook with its default parameters and store the outputs that tests compare."""
    with tempfile.TemporaryDirectory() as scratch:
        executed = Path(scratch) / Path(path).name
        run_notebook(path, executed)
        fresh = read_notebook(executed)
    notebook = read_notebook(path)
    for cell, run in zip(notebook.cells, fresh.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs = run.outputs
    write_clean(path, notebook)


def main(argv: list[str] | None = None) -> int:
    """Run `python book/_ext notebooks refresh|clean|check|run NOTEBOOK…`; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python book/_ext notebooks", description="Tools for the notebooks of the book."
    )
    parser.add_argument("action", choices=("refresh", "clean", "check", "run"))
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter (run)")
    parser.add_argument("-o", "--output", type=Path, default=Path("."), help="folder for executed notebooks (run)")
    arguments = parser.parse_args(argv)
    problems = 0
    try:
        for path in arguments.notebooks:
            if arguments.action == "run":
                arguments.output.mkdir(parents=True, exist_ok=True)
                run_notebook(path, arguments.output / f"{path.stem}.executed.ipynb", dict(arguments.p))
            elif arguments.action == "refresh":
                refresh(path)
            elif arguments.action == "clean":
                write_clean(path, read_notebook(path))
            else:
                for problem in output_problems(path):
                    problems += 1
                    print(f"{path}: {problem}")
    except InputError as error:
        print(f"covidlib: {error}", file=sys.stderr)
        return 2
    return 1 if problems else 0
