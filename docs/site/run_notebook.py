"""Runs `docs/tutorials/notebook.ipynb` from top to bottom and keeps what its cells show: python docs/site/run_notebook.py.

Needs nbclient and ipykernel (extra `test`). What differs from run to run (times, counts of cells) is left out of the file.
"""

import os
import tempfile
from pathlib import Path

import nbclient
import nbformat

NOTEBOOK = Path(__file__).parents[1] / "tutorials" / "notebook.ipynb"


def executed(folder: Path) -> nbformat.NotebookNode:
    """The notebook with what its cells show, after it was run in a folder."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def main() -> None:
    """Run it in a folder of its own, and write it back without what is only of this run."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("HEAR_EVAL_CACHE", str(Path(folder) / "cache"))
        notebook = executed(Path(folder))
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
        for output in cell.get("outputs", []):
            output.pop("execution_count", None)
            if output.output_type == "execute_result":
                output.execution_count = None
                output.data.pop("text/html", None)  # with a style of its own, and the same as the text
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()
