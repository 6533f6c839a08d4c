"""Tasks, the datasets they use, and the suites they come from, read from YAML and checked.

A task is named `suite/task`; the bare task name does where only one suite has it. A user's own task needs no name, it
is a path: a folder or table as `evaluator/experiment/own_tasks.py` reads them, such as one sub-folder a class, tables of
Raven beside recordings, or a CSV (`path,start,end,label[,fold or split][,group]`, paths relative to the CSV, times in
seconds or empty, several labels joined by `;`), or a YAML file such as

    name: frogs
    dataset:                        # or the name of one in tasks/datasets
      root: recordings              # relative to this file
      reader:                       # or a table: {kind: table, table: t.csv, path: "{file}", label: "{species}"}
        kind: paths
        files: "*/*.wav"
        pattern: "(?P<group>[^/]+)/(?P<label>[a-z]+)_[0-9]+[.]wav"
    split: {by: group, valid: next}
    clip_seconds: 5                 # empty or absent: whole clips
    labels: single
    metric: accuracy
    protocol: arch

Nothing here reads audio, and only a user's CSV and folders are looked into.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluator import schema
from evaluator.audio.clip_rule import LEAST_EXPANDED, MOST_EXPANDED, refuse_channel
from evaluator.datasets import dataset, split_rules
from evaluator.datasets.dataset import TEXT
from evaluator.datasets.task import Task
from evaluator.errors import UsageError
from evaluator.experiment import own_tasks
from evaluator.probes import protocol, settings
from evaluator.probes.protocol import PROFILES
from evaluator.schema import Document, Field, names_in, tasks_folder
from evaluator.scoring.metrics import METRICS, OF_TASKS

_YAML = (".yaml", ".yml")
_OWN_FILES = (*_YAML, *own_tasks.TABLES)

_METRIC = Field(str, choices=OF_TASKS, meaning="What scores the test clips.")
_SECONDS = Field(
    (float, type(None)),
    required=False,
    min=0.001,
    meaning="Clips are used up to this length, in seconds (of life, with `expand`); empty for whole clips.",
)
_EVALUATION_FIELDS = {
    "variant": replace(TEXT, meaning="Another way to read the dataset, one of its variants."),
    "split": Field(dict, meaning="Which clips train, choose and test: one of the split rules."),
    "clip_seconds": _SECONDS,
    "channel": Field(
        (str, int),
        required=False,
        default="mix",
        meaning="What becomes of several channels: `mix` averages them; `first`, `loudest` or a number from 1 on takes one.",
    ),
    "expand": Field(
        (float, type(None)),
        required=False,
        min=LEAST_EXPANDED,
        max=MOST_EXPANDED,
        meaning="How many times slower than life modules hear the clips, pitch and all, such as 10 for bats; empty for as files play.",
    ),
    "labels": Field(
        str, choices=("single", "multi", "events"), meaning="One label a clip, several, or events with times."
    ),
    "metric": _METRIC,
    "source": replace(TEXT, meaning="Where the rule comes from."),
    "probe": Field(
        dict, required=False, default={}, meaning="What the task changes of its protocol's network, such as epochs."
    ),
    "events": protocol.EVENTS,
}
_ORDER = replace(
    TEXT,
    meaning="Of a seeded split: where the order of the clips before the draw comes from, and whether it can be repeated.",
)
# What the published code did otherwise; a field that is absent is as in the clean profile.
_PUBLISHED_FIELDS = {
    "differs": Field(str, meaning="What the published code does otherwise, in a sentence."),
    "dataset": Field((str, type(None)), required=False, meaning="Another dataset."),
    "variant": Field((str, type(None)), required=False, meaning="Another variant of it."),
    "split": Field((dict, type(None)), required=False, meaning="Another split rule."),
    "clip_seconds": _SECONDS,
    "metric": Field((str, type(None)), required=False, choices=OF_TASKS, meaning="Another metric."),
    "order": replace(_ORDER, kind=(str, type(None)), default=None),
}
_TASK_FIELDS = {
    "dataset": Field(str, meaning="Name of a dataset."),
    **_EVALUATION_FIELDS,
    "order": _ORDER,
    "published": Field(
        (dict, type(None)), required=False, fields=_PUBLISHED_FIELDS, meaning="What the published code did otherwise."
    ),
}
SUITE_FIELDS = {
    "name": Field(str, meaning="Name of the suite, that of its file."),
    "title": Field(str, meaning="What it is, in a line."),
    "citation": Field(str, meaning="What to cite."),
    "source": Field(str, meaning="Where its tasks come from."),
    "protocol": Field(str, meaning="Name of the protocol that its tasks are evaluated under."),
    "tasks": Field(dict, each=Field(dict, fields=_TASK_FIELDS), meaning="Its tasks by name."),
}
OWN_TASK_FIELDS = {
    "name": Field(str, meaning="What to call the task."),
    "title": replace(TEXT, meaning="What it is, in a line."),
    "dataset": Field((str, dict), fields=dataset.OWN_FIELDS, meaning="Name of a dataset, or your own as a mapping."),
    "protocol": Field(
        str,
        required=False,
        default=own_tasks.DEFAULT_PROTOCOL,
        meaning="Protocol that it is evaluated under unless another is given.",
    ),
    **_EVALUATION_FIELDS,
}


def list_tasks(profile: str = "clean") -> list[Task]:
    """Every built-in task in a profile, (n_tasks,), suites by name, tasks in their suite's order."""
    return [task for suite in names_in("suites") for task in _read_suite(suite, profile)]


def find(spec: str, profile: str = "clean") -> list[Task]:
    """The tasks that `spec` names, (n_tasks,), those of a suite in its order.

    Args:
        spec: A suite (`arch`), a task (`arch/esc50`, or `esc10` where one suite has it), or the path of a user's
            YAML file, table or folder. A path that could be a name starts with `./`.
        profile: `clean`, or `published` to ask as the published code did, accidents included.

    Raises:
        UsageError: There is no such task, more than one, or its files are wrong; the sentence says which.
    """
    if profile not in PROFILES:
        raise UsageError(schema.unknown("profile", profile, PROFILES))
    if spec.startswith((".", "/", "~")) or Path(spec).suffix.lower() in _OWN_FILES:
        return [_own_task(Path(spec).expanduser())]
    suites = names_in("suites")
    if spec in suites:
        return _read_suite(spec, profile)
    suite, _, name = spec.rpartition("/")
    among = [each for each in suites if name and suite in ("", each)]
    candidates = [task for each in among for task in _read_suite(each, profile, only=name)]
    if len(candidates) == 1:
        return candidates
    if candidates:
        raise UsageError(
            f"task {spec!r} is in several suites; say which: {', '.join(task.name for task in candidates)}"
        )
    if spec and Path(spec).is_dir():
        return [_own_task(Path(spec))]
    names = [task.name for task in list_tasks()]
    # Of a bare name only bare ones are near, and the other way round.
    known = names if name != spec else [*suites, *(each.split("/")[1] for each in names)]
    raise UsageError(schema.unknown("task", spec, set(known), "`hear-eval list tasks`"))


def _read_suite(name: str, profile: str, only: str = "") -> list[Task]:
    """The tasks of a suite, or the one called `only` if it is there; all its fields are checked in either case."""
    document = schema.parse(tasks_folder() / "suites" / f"{name}.yaml")
    suite = document.check(SUITE_FIELDS)
    if suite["name"] != name:
        raise document.error(("name",), f"is {suite['name']!r}, but the file is called {name!r}; they have to agree")
    _known(document, ("protocol",), suite["protocol"], "protocols")
    tasks = []
    for task_name, fields in suite["tasks"].items():
        keys = ("tasks", task_name)
        fields["split"] = document.check_variant(split_rules.RULES, "by", (*keys, "split"))
        _check_evaluation(document, keys, fields)
        published = fields.pop("published")
        if published and published["split"]:
            published["split"] = document.check_variant(split_rules.RULES, "by", (*keys, "published", "split"))
        if published:
            fields |= {"profile": profile, "differs": published.pop("differs")}
        if published and profile == "published":
            fields |= {field: value for field, value in published.items() if value is not None}
        _known(document, (*keys, "dataset"), fields["dataset"], "datasets")
        if only in ("", task_name):
            fields["dataset"] = dataset.read(fields["dataset"], fields.pop("variant"))
            fields["source"] = fields["source"] or suite["source"]
            tasks.append(Task(name=f"{name}/{task_name}", protocol=suite["protocol"], **fields))
    return tasks


def _check_evaluation(document: Document, keys: tuple[str, ...], fields: dict[str, Any]) -> None:
    """Check what a task changes of its protocol, which channel it takes, and whether its metric fits its labels."""
    try:
        refuse_channel(str(fields["channel"]))
    except ValueError as error:
        raise document.error((*keys, "channel"), str(error)) from error
    fields["channel"] = str(fields["channel"]).lstrip("0")  # 01 asks for the same as 1
    if fields["probe"]:
        fields["probe"] = settings.changes_of(document, (*keys, "probe"))
    fields["events"] = protocol.event_choices(document, (*keys, "events"), fields["events"])
    if METRICS[fields["metric"]].of_events != (fields["labels"] == "events"):
        fitting = [name for name in OF_TASKS if METRICS[name].of_events == (fields["labels"] == "events")]
        raise document.error(
            (*keys, "metric"),
            f"{fields['metric']} does not fit labels: {fields['labels']}; these do: {', '.join(fitting)}",
        )


def _known(document: Document, keys: tuple[str, ...], name: str, folder: str) -> None:
    if name not in names_in(folder):
        raise document.error(keys, schema.unknown(folder.removesuffix("s"), name, names_in(folder)))


# A user's own data ---------------------------------------------------------------------------------------------------


def _own_task(path: Path) -> Task:
    absolute = str(path.absolute())
    suffix = path.suffix.lower()
    if suffix in _YAML and path.is_file():
        return replace(_own_yaml(path), path=absolute)
    if path.is_dir() or (suffix in own_tasks.TABLES and path.is_file()):
        return replace(own_tasks.of_path(path), path=absolute)
    if path.is_file():
        raise UsageError(
            f"{path}: is no folder, YAML file or table ({' '.join(own_tasks.TABLES)}); save a spreadsheet as CSV"
        )
    raise UsageError(f"{path}: there is no such " + ("file" if suffix in _OWN_FILES else "folder, YAML file or CSV"))


def _own_yaml(path: Path) -> Task:
    document = schema.parse(path)
    fields = document.check(OWN_TASK_FIELDS)
    title = fields.pop("title") or fields["name"]
    _known(document, ("protocol",), fields["protocol"], "protocols")
    fields["split"] = document.check_variant(split_rules.RULES, "by", ("split",))
    _check_evaluation(document, (), fields)
    fields["source"] = fields["source"] or path.name
    own, variant = fields["dataset"], fields.pop("variant")
    if isinstance(own, str):
        _known(document, ("dataset",), own, "datasets")
        fields["dataset"] = dataset.read(own, variant)
    elif variant:
        raise document.error(("variant",), "is for built-in datasets; your own is read as its reader says")
    else:
        own["readers"] = dataset.read_readers(document, ("dataset", "reader"))
        dataset.refuse_unused_groups(document, ("dataset", "reader"), own["readers"])
        own.pop("reader")
        own["root"] = path.parent / Path(own["root"]).expanduser()
        own["title"] = own["title"] or title
        fields["dataset"] = dataset.own(fields["name"], **{**own, "known_bad": tuple(own["known_bad"])})
    return Task(**fields)
