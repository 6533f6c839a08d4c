"""The probe of a protocol's file: its kind and settings, read and checked, and what a task changes of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evaluator import schema
from evaluator.errors import UsageError
from evaluator.probes.kind import ProbeKind
from evaluator.probes.kinds import KINDS
from evaluator.schema import Document


def read(document: Document, profile: str) -> ProbeKind:
    """The probe of a protocol's file with the profile's own fields; a field stands in one place, for both or for each.

    Raises:
        UsageError: Something is wrong in the file; the sentence names the field.
    """
    shared, keys = document.at(("probe",)), ("profiles", profile, "probe")
    own = document.at(("profiles", profile)).get("probe", {})
    name = shared.get("kind")
    if not isinstance(name, str) or name not in KINDS:
        raise document.error(("probe", "kind"), schema.unknown("kind", name, KINDS))
    kind = KINDS[name]
    for field in own:
        if field in shared:
            raise document.error(
                (*keys, field), "stands under probe too; say it there for both profiles, or here for each"
            )
    fields = {"kind": schema.Field(str), **kind.FIELDS}
    common = document.check({field: fields[field] for field in fields if field not in own}, ("probe",))
    special = document.check({field: fields[field] for field in own if field in fields}, keys) if own else {}
    values = {field: _frozen(value) for field, value in {**common, **special}.items() if field != "kind"}
    probe = kind(**values)
    for field, sentence in probe.problems():
        raise document.error(("probe", field), sentence)
    return probe


def adapted(probe: ProbeKind, changes: Mapping[str, Any], task: str) -> ProbeKind:
    """The probe with some fields as a task wants them; `changes` were checked by `changes_of`.

    Args:
        probe: Of the protocol.
        changes: Fields and their values.
        task: Its name, for the error.

    Raises:
        UsageError: The probe has no such field, or its grid decides it.
    """
    if not changes:
        return probe
    if strange := sorted(set(changes) - set(probe.TASK_FIELDS)):
        raise UsageError(
            f"{task}: probe: {', '.join(strange)} is for networks, but its protocol's probe is of kind {kind_of(probe)}"
        )
    if decided := sorted(probe.fixed_by_grid() & set(changes)):
        raise UsageError(f"{task}: probe.{decided[0]}: the grid of its protocol decides that; leave it out")
    return replace(probe, **changes)  # type: ignore[type-var]  # every kind is a dataclass


def from_plain(plain: Mapping[str, Any]) -> ProbeKind:
    """The probe of plain values that JSON holds: its kind, and the fields of that kind.

    Raises:
        KeyError: No such kind.
        TypeError: A field is missing, or none of that kind.
    """
    return KINDS[plain["kind"]](**{name: _frozen(value) for name, value in plain.items() if name != "kind"})


def kind_of(probe: ProbeKind) -> str:
    """What a probe's kind is called in YAML."""
    return next(name for name, kind in KINDS.items() if type(probe) is kind)


def changes_of(document: Document, keys: tuple[str, ...]) -> dict[str, Any]:
    """What a task changes of its protocol's probe (`probe: {epochs: 25}`), at a path of keys.

    Raises:
        UsageError: No such field, or not what it may hold.
    """
    changed = document.at(keys)
    free = {name: replace(kind.FIELDS[name], required=False) for kind in KINDS.values() for name in kind.TASK_FIELDS}
    return {name: _frozen(value) for name, value in document.check(free, keys).items() if name in changed}


def _frozen(value: Any) -> Any:
    """A value of YAML that cannot be changed: lists as tuples, absent options of a grid's point left out."""
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {name: _frozen(item) for name, item in value.items() if item is not None}
    return value
