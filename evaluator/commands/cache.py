"""`hear-eval cache`."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from evaluator.commands._arguments import CACHE
from evaluator.commands._console import print_table
from evaluator.errors import UsageError

if TYPE_CHECKING:
    from evaluator.embedding.uses import StoreSize

SUMMARY = "show what the cache holds of which module and task, and remove some of it"

EXAMPLES = """
hear-eval cache  # what each module's embeddings take, and when they were used last
hear-eval cache --prune --older-than 90 --dry-run  # what would go
hear-eval cache --prune --module hear_ssl.hubert_base --module ./my_model.py
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Where the cache is, and what of it goes."""
    command.add_argument("--cache", type=Path, metavar="DIR", help=CACHE)
    command.add_argument("--prune", action="store_true", help="remove the embeddings that the next options name")
    command.add_argument(
        "--older-than",
        type=_days,
        metavar="DAYS",
        help="that no command has used for so many days; with --module, both have to hold",
    )
    command.add_argument(
        "--module",
        action="append",
        default=[],
        metavar="MODULE",
        help="of this module and no other, as the table names it; repeatable",
    )
    command.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    command.add_argument("--json", action="store_true", help="print one JSON object per store")


def _days(text: str) -> float:
    days = float(text) if text.replace(".", "", 1).isdecimal() else -1.0
    if days < 0:
        raise argparse.ArgumentTypeError(f"{text} is no number of days, 0 or more")
    return days


def run(parsed: argparse.Namespace) -> int:
    """`hear-eval cache`: sizes in bytes, the largest first; with --prune 1 if something could not be removed."""
    from evaluator.embedding import names, uses
    from evaluator.files import cache_folder

    cache = cache_folder(parsed.cache)
    if not cache.is_dir():
        raise UsageError(f"--cache {cache}: there is no such folder")
    criteria = parsed.module or parsed.older_than is not None
    if parsed.prune and not criteria:
        raise UsageError("--prune: say what goes, with --older-than DAYS or --module MODULE")
    if not parsed.prune and (criteria or parsed.dry_run):
        raise UsageError("--older-than, --module and --dry-run are for --prune; give it too")
    stores = uses.sizes(cache)
    if not parsed.prune:
        _show(cache, stores, parsed.json)
        return 0
    wanted = {*parsed.module, *map(names.full_name, parsed.module)}
    if strange := [each for each in parsed.module if not _of_modules(stores, {each, names.full_name(each)})]:
        known = sorted({name for store in stores for name in store.modules})
        raise UsageError(
            f"--module {strange[0]}: no embeddings of it are in {cache}; there are {', '.join(known) or 'none'}"
        )
    chosen = [
        each
        for each in stores
        if (not parsed.module or (each.modules and set(each.modules) <= wanted))
        and (parsed.older_than is None or each.age_days > parsed.older_than)
    ]
    return _prune(chosen, parsed.dry_run, parsed.json)


def _of_modules(stores: "list[StoreSize]", names: set[str]) -> "list[StoreSize]":
    """The stores that one of these modules used."""
    return [each for each in stores if names & set(each.modules)]


def _show(cache: Path, stores: "list[StoreSize]", as_json: bool) -> None:
    """What each store takes, and what the cache holds beside them."""
    from evaluator.embedding.uses import size_on_disk

    if as_json:
        for each in stores:
            print(json.dumps(_as_plain(each)))
        return
    rows = [
        (_name(each), _size(each.n_bytes), f"{each.age_days:.0f}", _tasks(each), "yes" * each.is_claimed)
        for each in stores
    ]
    if rows:
        print_table(("module", "size", "days since use", "tasks", "in use now"), rows)
    others = sorted(path for path in cache.iterdir() if path.is_dir() and path.name != "embeddings")
    beside = ", ".join(f"{path.name} {_size(size_on_disk(path))}" for path in others)
    total = sum(each.n_bytes for each in stores)
    print(f"{cache}: {_size(total)} of embeddings" + f"; beside them {beside}" * bool(beside))


def _prune(chosen: "list[StoreSize]", dry_run: bool, as_json: bool) -> int:
    """Remove stores, and say which; those that a process embeds into stay."""
    from evaluator.embedding import uses

    n_bytes, n_kept = 0, 0
    for each in chosen:
        is_gone = not each.is_claimed if dry_run else uses.remove(each)
        n_bytes += each.n_bytes * is_gone
        n_kept += not is_gone
        what = f"{_name(each)}, {_size(each.n_bytes)}, used {each.age_days:.0f} days ago"
        if as_json:
            print(json.dumps({**_as_plain(each), "removed": is_gone and not dry_run}))
        elif is_gone:
            print(f"{'would be removed' if dry_run else 'removed'}: {what}")
        if not is_gone:
            print(f"hear-eval: kept, since another process embeds into it: {what} ({each.folder})", file=sys.stderr)
    if not as_json:
        print(f"{'would be freed' if dry_run else 'freed'}: {_size(n_bytes)}")
    return int(n_kept > 0 and not dry_run)


def _name(store: "StoreSize") -> str:
    return ", ".join(store.modules) or f"not noted ({store.about or store.folder.name})"


def _tasks(store: "StoreSize") -> str:
    return ", ".join(f"{task} {_size(n_bytes)}" for task, n_bytes in sorted(store.tasks.items()))


def _size(n_bytes: float) -> str:
    from evaluator.files import describe_bytes

    return describe_bytes(n_bytes)


def _as_plain(store: "StoreSize") -> dict[str, object]:
    return {
        "folder": str(store.folder),
        "modules": list(store.modules),
        "about": store.about,
        "bytes": store.n_bytes,
        "tasks": store.tasks,
        "days_since_use": round(store.age_days, 2),
        "in_use": store.is_claimed,
    }
