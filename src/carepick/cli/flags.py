"""The settings as flags of a command: `--queue-limit` for `queue_limit`, read together with the environment."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Iterable
from typing import Any

from carepick.errors import SettingsError
from carepick.settings import PREFIX, Settings, parse_value, read_settings

# Other users of a machine can read the flags of its processes, so secrets come from the environment alone.
ENVIRONMENT_ONLY = ("api_key",)
# What a command that answers without a server can be told about the model.
MODEL_SETTINGS = ("bundle", "engine", "inference_threads", "prepacked", "cache_dir", "max_windows")


def flag_name(setting: str) -> str:
    """Returns the flag of a setting: "queue_limit" -> "--queue-limit"."""
    return "--" + setting.replace("_", "-")


def variable_name(setting: str) -> str:
    """Returns the environment variable of a setting: "queue_limit" -> "CAREPICK_QUEUE_LIMIT"."""
    return PREFIX + setting.upper()


def add_setting_flags(parser: argparse.ArgumentParser, names: Iterable[str] | None = None) -> None:
    """Adds to `parser` a flag for each of the settings `names`; default: all but `ENVIRONMENT_ONLY`."""
    wanted = None if names is None else set(names)
    for entry in dataclasses.fields(Settings):
        chosen = entry.name not in ENVIRONMENT_ONLY if wanted is None else entry.name in wanted
        if chosen:
            _add_flag(parser, entry)


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Returns the settings from the environment, replaced by the flags that were given; raises `SettingsError`."""
    names = {entry.name for entry in dataclasses.fields(Settings)}
    overrides = {name: value for name, value in vars(arguments).items() if name in names}
    return read_settings(os.environ, overrides)


def _add_flag(parser: argparse.ArgumentParser, entry: dataclasses.Field[Any]) -> None:
    name, help_line = flag_name(entry.name), entry.metadata["help"].replace("%", "%%")
    if entry.default != "":
        help_line += f" Default: {shown_default(entry)}."
    if isinstance(entry.default, bool):
        parser.add_argument(name, action=argparse.BooleanOptionalAction, default=None, help=help_line)
        return
    choices = "{" + ",".join(entry.metadata["choices"]) + "}" if entry.metadata["choices"] else ""
    metavar = choices or ("TEXT" if isinstance(entry.default, str) else "N")
    parser.add_argument(name, type=_reader(entry), default=None, metavar=metavar, help=help_line)


def shown_default(entry: dataclasses.Field[Any]) -> str:
    """Returns the default of a setting as a reader would type it."""
    if isinstance(entry.default, bool):
        return "on" if entry.default else "off"
    return str(entry.default) if entry.default != "" else "empty"


def _reader(entry: dataclasses.Field[Any]) -> Any:
    def read(text: str) -> Any:
        try:
            return parse_value(entry, text)
        except SettingsError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def seed(text: str) -> int:
    """Returns a seed from a command line: a whole number that every generator takes."""
    value = int(text)
    if not 0 <= value < 1 << 32:
        raise argparse.ArgumentTypeError("must lie within 0..4294967295")
    return value
