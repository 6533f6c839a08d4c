"""The reference of every key of the YAML files: docs/yaml_keys.md, written from their fields.

`python -m evaluator.api.yaml_keys > docs/yaml_keys.md` writes it anew.
"""

import sys
from collections.abc import Iterable, Iterator

from evaluator import key_tables, typed
from evaluator.api.project import Project
from evaluator.datasets import dataset, split_rules
from evaluator.datasets.reading.kinds import READERS
from evaluator.datasets.reading.row_reader import RowReader
from evaluator.experiment import catalogue
from evaluator.key_tables import Section
from evaluator.probes import protocol
from evaluator.probes.kinds import KINDS

TITLE = "Keys of the YAML files"
INTRODUCTION = """\
Written from the code by `python -m evaluator.api.yaml_keys > docs/yaml_keys.md`. In the names of keys, `[]` stands for each
element of a list and `*` for each name of your choice. A key without a default is empty unless it is given. Templates are
text in which `{column}` stands for a row's value, and `{column:0>6}` for that value filled up with zeros to six characters."""


def sections() -> Iterator[Section]:
    """(title, fields) pairs, (n_sections,), of task files, suites, datasets, readers, split rules, protocols and probes."""
    yield "Your own task: a YAML file anywhere", catalogue.OWN_TASK_FIELDS
    yield "A suite: `tasks/suites/NAME.yaml`", catalogue.SUITE_FIELDS
    yield "A dataset: `tasks/datasets/NAME.yaml`", dataset.FIELDS
    yield "Your own dataset: `dataset:` in a task file", dataset.OWN_FIELDS
    shared = {name: field for name, field in typed.fields_of(RowReader).items() if name != "kind"}
    of_rows = [kind for kind, reader in READERS.items() if issubclass(reader, RowReader)]
    yield f"Every `reader` of kind {', '.join(of_rows[:-1])} or {of_rows[-1]}", shared
    for kind, reader in READERS.items():
        own = {name: field for name, field in typed.fields_of(reader).items() if name not in shared}
        yield f"`reader: {{kind: {kind}}}`" + ", besides those of every reader" * (kind in of_rows), own
    for rule, fields in split_rules.RULES.items():
        yield f"`split: {{by: {rule}}}`", fields
    yield "A protocol: `tasks/protocols/NAME.yaml`", protocol.FIELDS
    for name, probe in KINDS.items():
        yield f"`probe: {{kind: {name}}}`", probe.FIELDS
    yield "A project: `hear-eval.yaml` in the working folder", typed.fields_of(Project)


def page(more: Iterable[Section] = ()) -> str:
    """The page as Markdown, with `more` (title, fields) pairs of other rooms at its end."""
    return key_tables.page(TITLE, INTRODUCTION, [*sections(), *more])


if __name__ == "__main__":
    sys.stdout.write(page())
