"""What `ensemble:A+B` and its options say: the members, each as a module by itself, and how they are merged."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evaluator import schema
from evaluator.embedding import bridges, merging
from evaluator.embedding.merging import MERGES, Merge
from evaluator.embedding.spec import KINDS, ModuleSpec
from evaluator.errors import UsageError

PREFIX = "ensemble:"
OF_MEMBERS = ("member_options", "member_paths")


def read(spec: ModuleSpec) -> tuple[Merge, list[ModuleSpec]]:
    """How an ensemble's members are merged, and each member as a module by itself, (n_members,), in the order of the name.

    Raises:
        UsageError: A name is missing, the merge is said twice, weights are given, or an option cannot be.
    """
    try:
        merge, names = _members(spec)
        _refuse_strange(spec, names)
        options = {name: value for name, value in spec.options.items() if name in merging.OPTIONS}
        return merging.merge_of({**options, "merge": merge}), _member_specs(spec, names)
    except UsageError as error:
        raise UsageError(f"{spec.name}: {error}") from error


def _refuse_strange(spec: ModuleSpec, names: Sequence[str]) -> None:
    """Refuse what an ensemble itself does not take: it may be meant for its members.

    Raises:
        UsageError: There is such an option; the sentence says how a member is given it.
    """
    known = (*merging.OPTIONS, *OF_MEMBERS)
    for name in sorted(set(spec.options) - set(known)):
        for_member = json.dumps({names[0]: {name: spec.options[name]}}, default=str)
        raise UsageError(
            f"an ensemble itself has no option {name}: its own are {', '.join(known)}. Give it to each member that it is "
            f"meant for, as --option 'member_options={for_member}'"
        )


def _members(spec: ModuleSpec) -> tuple[str, list[str]]:
    """How members are merged, and their names.

    Raises:
        UsageError: A name is missing, or the merge is said twice.
    """
    text = spec.name.removeprefix(PREFIX)
    merge, colon, rest = text.partition(":")
    if colon and merge in MERGES:
        text = rest
        if spec.options.get("merge", merge) != merge:
            raise UsageError(f"--option merge={spec.options['merge']} says another merge; leave one out")
    else:
        merge = spec.options.get("merge", MERGES[0])
    names = [name.strip() for name in text.split("+")]
    if PREFIX in text:
        raise UsageError("an ensemble cannot be a member of another; list all members once")
    head = names[0].partition(":")[0]
    if ":" in names[0] and len(head) > 1 and head.isidentifier() and head not in (*KINDS, *bridges.kinds()):
        raise UsageError(schema.unknown("merge", head, MERGES))
    if len(names) < 2 or not all(names):
        raise UsageError(
            f"write ensemble:MODULE+MODULE, such as ensemble:hear_ssl.melspec+hear_ssl.crepe_tiny, with "
            f"{' or '.join(f'{name}:' for name in MERGES)} before the members if you like"
        )
    return merge, names


def _member_specs(spec: ModuleSpec, names: Sequence[str]) -> list[ModuleSpec]:
    """Each member as a module of its own.

    Raises:
        UsageError: Weights are given, or an option does not name members.
    """
    if spec.weights:
        raise UsageError(f"whose weights is --weights {spec.weights}? Say --option member_paths={{...}}")
    by_member: dict[str, Mapping[str, Any]] = {}
    for option in OF_MEMBERS:
        value = spec.options.get(option) or {}
        kind = dict if option == "member_options" else str
        if (
            not isinstance(value, dict)
            or set(value) - set(names)
            or not all(isinstance(each, kind) for each in value.values())
        ):
            raise UsageError(f'--option {option}={value!r}: write it as {{"MEMBER": ...}}')
        by_member[option] = value
    return [
        replace(
            spec,
            name=name,
            weights=str(by_member["member_paths"].get(name, "")),
            options=by_member["member_options"].get(name, {}),
        )
        for name in names
    ]
