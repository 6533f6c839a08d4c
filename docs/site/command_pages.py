"""The page of every command, from the parser itself."""

import argparse
import re
from collections.abc import Iterator

from as_markdown import code, escape, sentence, table

from evaluator import cli
from hear_ssl.pretraining import cli as pretraining


def commands_page() -> str:
    """Every command with its arguments, read from the parser."""
    introduction = (
        "# Every command\n\nRead from the parser itself when this site was built; each says the same after `--help`. "
        "What exit codes mean, and the options that every command takes, stand [here](../command_line.md).\n"
    )
    return "\n".join([introduction, *_command(cli.parser(), level=1), *_command(pretraining.parser(), level=1)])


def _command(parser: argparse.ArgumentParser, level: int) -> Iterator[str]:
    """A command as a section, and those inside it."""
    if level > 1:
        yield f"{'#' * level} `{parser.prog}`\n"
    if level > 1 and parser.description:
        yield f"{sentence(parser.description)}\n"
    for title, shown in _groups(parser).items():
        if title:
            yield f"**{sentence(title).rstrip('.')}**\n"
        yield table(("argument", "meaning"), [_argument(action, parser) for action in shown])
    if level > 1 and parser.epilog:
        yield from _epilog(parser.epilog)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in dict.fromkeys(action.choices.values()):
                yield from _command(sub, level + 1)


def _groups(parser: argparse.ArgumentParser) -> dict[str, list[argparse.Action]]:
    """Arguments that have a row, by the group that they stand in; the commands inside have sections instead."""
    groups: dict[str, list[argparse.Action]] = {}
    for group in parser._action_groups:
        title = "" if group.title in (None, "positional arguments", "options") else str(group.title)
        for action in group._group_actions:
            hidden = action.help == argparse.SUPPRESS or isinstance(action, argparse._SubParsersAction)
            if not hidden and "--help" not in action.option_strings:
                groups.setdefault(title, []).append(action)
    return groups


def _argument(action: argparse.Action, parser: argparse.ArgumentParser) -> tuple[str, str]:
    """An argument and what it means, as cells."""
    formatter = parser.formatter_class(parser.prog)
    value = formatter._format_args(action, formatter._get_default_metavar_for_optional(action))
    if action.option_strings:
        name = ", ".join(action.option_strings) + (f" {value}" if action.nargs != 0 else "")
    else:
        name = formatter._format_args(action, formatter._get_default_metavar_for_positional(action))
    meaning = formatter._expand_help(action) if action.help else ""
    needed = " (needed)" if action.option_strings and action.required else ""
    return code(name), escape(meaning) + needed


def _epilog(text: str) -> Iterator[str]:
    """What stands below the arguments: examples as code, sentences as they are."""
    for line in text.strip("\n").splitlines():
        is_code = re.match(r"\s+\S|hear-eval ", line)
        yield (
            f"    {line.strip()}" if is_code else f"\n{escape(line[:1].upper() + line[1:])}\n" if line.strip() else ""
        )
    yield ""
