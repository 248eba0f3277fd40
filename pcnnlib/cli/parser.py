"""The parser that follows from the flags' classes, and the command that follows from its result."""

import argparse
import ast
import dataclasses
import difflib
import inspect
import io
import pathlib
import re
import shlex
import textwrap
import tokenize
import types
import typing
from collections.abc import Sequence
from typing import Any

from pcnnlib._internal.errors import UsageError, parse_integers
from pcnnlib.cli.cluster import CLUSTER
from pcnnlib.cli.flags import NAMES, OPEN, Settings
from pcnnlib.data import short_name

# The groups by name, each an object that holds its flags' defaults.
GROUPS: dict[str, Any] = vars(Settings())
DEFAULTS = {name: value for group in GROUPS.values() for name, value in vars(group).items()}
# Commands of published runs name their flags in this order, and are compared as text. A flag that
# came later is named at the end.
ORDER = (
    "data model levels layers f_map dilations distribution components code_size dropout flip epochs"
    " batch_size devices accumulate precision optimizer learning_rate weight_decay grad_clip ema"
    " seed publish pretrained profile n_samples temperature classes complete keep animate"
).split()
# Where such a file lies is not what it is.
BARE = {"data", "complete", "export"}


class Parser(argparse.ArgumentParser):
    """Answers a mistake in one line."""

    def error(self, message: str) -> typing.NoReturn:
        raise UsageError(message)

    def _print_message(self, message: str, file: typing.Any = None) -> None:
        print(message, end="", file=file)  # argparse's own is silent where this fails

    def parse_args(  # type: ignore[override]  # argparse's own has overloads for other namespaces
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            flag = unknown[0].split("=")[0]
            if not flag.startswith("-"):
                raise UsageError(f"unexpected argument {flag}; --help lists what there is")
            near = difflib.get_close_matches(flag, [f"--{name}" for name in DEFAULTS], n=1)
            hint = f"; did you mean {near[0]}?" if near else "; --help lists them"
            raise UsageError(f"unknown flag {flag}{hint}")
        return known


class Integers(argparse.Action):
    """Integers with commas between them, kept as a tuple."""

    def __call__(self, parser, namespace, values, option_string=None):
        example = self.metavar or "1,2"
        setattr(namespace, self.dest, parse_integers(f"--{self.dest}", values, example))


class Labels(argparse.Action):
    """Labels with commas between them, kept as a tuple: integers where they are such."""

    def __call__(self, parser, namespace, values, option_string=None):
        names = [name.strip() for name in values.split(",")]
        if not all(names):
            parse_integers(f"--{self.dest}", values, self.metavar or "1,2")  # says what is wanted
        # A class may be called 01: what a number would not be written like stays a text.
        numbers = [
            int(name) if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", name) else name for name in names
        ]
        setattr(namespace, self.dest, tuple(numbers))


class HelpFormatter(argparse.HelpFormatter):
    """Leaves the lines of a help text apart, and wraps each."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return [part for line in text.splitlines() for part in textwrap.wrap(line, width)]


def make_parser() -> Parser:
    """The parser of all flags, a group of `--help` for each field of `Settings`."""
    parser = Parser(
        prog="main.py",
        description="Train a Gated PixelCNN and draw images from it.",
        allow_abbrev=False,
        formatter_class=HelpFormatter,
    )
    titles = field_comments(Settings)
    for name, group in GROUPS.items():
        section = parser.add_argument_group(titles[name])
        comments, annotations = field_comments(type(group)), typing.get_type_hints(type(group))
        for flag in dataclasses.fields(group):
            default = getattr(group, flag.name)
            section.add_argument(
                f"--{flag.name}",
                default=default,
                help=_help(flag.name, comments[flag.name], default),
                **_options(flag, annotations[flag.name]),
            )
    return parser


def settings_of(args: argparse.Namespace) -> Settings:
    """The flags by group, each value checked.

    Raises:
        UsageError: a value out of range.
    """
    return Settings(
        **{
            name: type(group)(**{f.name: getattr(args, f.name) for f in dataclasses.fields(group)})
            for name, group in GROUPS.items()
        }
    )


def command(args: argparse.Namespace) -> str:
    """The command of a run: every flag that is not as by default, but for paths and processes.

    Args:
        args: what `make_parser().parse_args()` returns.
    """
    parts = ["python main.py"]
    for name, value in sorted(changed(args).items(), key=lambda item: _rank(item[0])):
        if name.endswith("_path") or name in CLUSTER:
            continue
        if isinstance(value, bool):
            parts.append(f"--{name}" if value else f"--no-{name}")
        else:
            # Where a file lies is not what it is.
            text = as_text(value)
            if name == "data":
                text = short_name(value)
            elif name in BARE:
                text = pathlib.Path(value).name
            parts.append(f"--{name}={shlex.quote(text)}")
    return " ".join(parts)


def typed(args: Sequence[str] | None = None) -> list[str]:
    """Names of the flags that are given, as by default or not.

    Args:
        args: flags; None: those of the process.
    """
    untyped = argparse.Namespace(**dict.fromkeys(DEFAULTS, argparse.SUPPRESS))
    given = vars(make_parser().parse_args(args, untyped))
    return [name for name, value in given.items() if value is not argparse.SUPPRESS]


def changed(args: argparse.Namespace) -> dict[str, Any]:
    """Flags with another value than by default."""
    return {name: value for name, value in vars(args).items() if value != DEFAULTS[name]}


def field_comments(cls: type) -> dict[str, str]:
    """The comment behind each field of a dataclass, with the lines of comment that follow it."""
    source = textwrap.dedent(inspect.getsource(cls))
    lines = source.splitlines()
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    by_line = {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}
    (definition,) = ast.parse(source).body
    comments = {}
    for node in definition.body:  # type: ignore[attr-defined]  # of a class
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            line = node.end_lineno or node.lineno
            parts = [by_line.get(line, "")]
            while line + 1 in by_line and lines[line].lstrip().startswith("#"):
                line += 1
                parts.append(by_line[line])
            comments[node.target.id] = " ".join(parts)
    return comments


def _options(flag: dataclasses.Field, annotation: Any) -> dict[str, Any]:
    """Arguments of `add_argument` that follow from a field's annotation."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):  # X | None
        (annotation,) = [a for a in typing.get_args(annotation) if a is not type(None)]
    options: dict[str, Any] = {}
    if "example" in flag.metadata:
        options["metavar"] = flag.metadata["example"]
    if flag.name in NAMES and flag.name not in OPEN:
        options["choices"] = tuple(NAMES[flag.name])
    if annotation is bool:
        options["action"] = argparse.BooleanOptionalAction
    elif typing.get_origin(annotation) is typing.Literal:
        options["choices"] = typing.get_args(annotation)
    elif typing.get_origin(annotation) is tuple:
        options["action"] = Integers if typing.get_args(annotation)[0] is int else Labels
    elif annotation in (int, float, str):
        options["type"] = annotation
    else:
        raise TypeError(f"no flag can be made of the field {flag.name}: {annotation}")
    return options


def _help(name: str, comment: str, default: Any) -> str:
    lines = [f"{known}: {line}" for known, line in NAMES.get(name, {}).items() if line]
    # Python 3.11 and 3.12 write the default of a boolean flag themselves.
    if default not in (None, "") and not isinstance(default, bool):
        if lines:
            lines.append(f"(default: {as_text(default)})")
        else:
            comment += f" (default: {as_text(default)})"
    return "\n".join([comment, *lines]).replace("%", "%%")


def as_text(value: Any) -> str:
    """A value as it is written behind a flag."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _rank(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)
