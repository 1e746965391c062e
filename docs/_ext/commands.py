"""The reference of the commands, from the parser of the command line."""

from __future__ import annotations

import argparse

from copympi.cli.main import parser

Actions = list[argparse.Action]


def commands() -> dict[str, argparse.ArgumentParser]:
    """name -> its parser."""
    groups = [each for each in parser()._actions if isinstance(each, argparse._SubParsersAction)]
    return dict(groups[0].choices)


def arguments(command: argparse.ArgumentParser) -> Actions:
    """What a command takes, but for --help."""
    return [each for each in command._actions if not isinstance(each, argparse._HelpAction)]


def named(action: argparse.Action) -> str:
    """An argument as one types it."""
    value = action.metavar or (
        "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    )
    if not action.option_strings:
        return str(value)
    return ", ".join(action.option_strings) + (f" {value}" if action.nargs != 0 else "")


def said(action: argparse.Action) -> str:
    """What an argument means, and its default where it has one."""
    default = "" if action.default in (None, False, []) else f" (default: {action.default})"
    text = (action.help or "") + ("" if "default" in (action.help or "") else default)
    return text[:1].upper() + text[1:] + "."


def page() -> str:
    """The reference of all commands, Markdown."""
    lines = [
        "# Every command",
        "Each works alone and under a launcher (`mpiexec -n 4 copympi ...`, `srun copympi ...`); `copympi COMMAND "
        "--help` says the same as this page, which is made from the code. They end with one of four [exit "
        "codes](../exit-codes.md).",
    ]
    for name, command in commands().items():
        usage = " ".join(command.format_usage().removeprefix("usage: ").split())
        lines += [f"## `copympi {name}`", command.description or "", f"```text\n{usage}\n```"]
        lines += [f"`{named(each)}`\n: {said(each)}" for each in arguments(command)]
    return "\n\n".join(lines) + "\n"
