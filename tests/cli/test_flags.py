from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import pytest

from carepick.cli.flags import ENVIRONMENT_ONLY, add_setting_flags, flag_name, settings_from, variable_name
from carepick.cli.main import Parser
from carepick.errors import SettingsError
from carepick.settings import Settings, read_settings

FIELDS = [entry for entry in dataclasses.fields(Settings) if entry.name not in ENVIRONMENT_ONLY]


def read(*words: str) -> Settings:
    parser = Parser()
    add_setting_flags(parser)
    return settings_from(parser.parse_args(words))


def another_value(entry: dataclasses.Field[Any]) -> Any:
    """Returns a value of the setting that is allowed and not its default."""
    if isinstance(entry.default, bool):
        return not entry.default
    if entry.metadata["choices"]:
        return next(choice for choice in entry.metadata["choices"] if choice != entry.default)
    if isinstance(entry.default, str):
        return "other"
    return type(entry.default)(entry.metadata["most"])


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for entry in dataclasses.fields(Settings):
        monkeypatch.delenv(variable_name(entry.name), raising=False)


def words_for(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [flag_name(name) if value else "--no-" + flag_name(name)[2:]]
    return [flag_name(name), str(value)]


def test_without_flags_the_defaults_hold() -> None:
    assert read() == Settings()


@pytest.mark.parametrize("entry", FIELDS, ids=lambda entry: entry.name)
def test_every_setting_is_a_flag_that_wins_over_its_variable(
    entry: dataclasses.Field[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    value = another_value(entry)
    assert read(*words_for(entry.name, value)) == dataclasses.replace(Settings(), **{entry.name: value})
    monkeypatch.setenv(variable_name(entry.name), str(value))
    assert getattr(read(), entry.name) == value
    assert getattr(read(*words_for(entry.name, entry.default)), entry.name) == entry.default


@pytest.mark.parametrize("name", ENVIRONMENT_ONLY)
def test_secrets_are_no_flags(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit):
        read(flag_name(name), "secret")
    monkeypatch.setenv(variable_name(name), "secret")
    assert getattr(read(), name) == "secret"


def test_value_out_of_range_names_the_setting() -> None:
    with pytest.raises(SettingsError, match="port must lie within"):
        read("--port", "70000")


def test_only_the_chosen_flags_are_added() -> None:
    parser = argparse.ArgumentParser()
    add_setting_flags(parser, ("bundle", "engine"))
    assert vars(parser.parse_args([])) == {"bundle": None, "engine": None}


def test_what_kubernetes_says_of_a_service_is_no_setting() -> None:
    links = {
        "CAREPICK_SERVICE_HOST": "10.0.0.1",
        "CAREPICK_SERVICE_PORT": "80",
        "CAREPICK_SERVICE_PORT_HTTP": "80",
        "CAREPICK_PORT": "tcp://10.0.0.1:80",
        "CAREPICK_PORT_80_TCP": "tcp://10.0.0.1:80",
        "CAREPICK_PORT_80_TCP_ADDR": "10.0.0.1",
        "CAREPICK_SERVER_SERVICE_HOST": "10.0.0.2",
        "CAREPICK_SERVER_PORT": "tcp://10.0.0.2:80",
        "CAREPICK_SERVER_PORT_80_TCP_PROTO": "tcp",
    }
    assert read_settings(links) == Settings()
    assert read_settings({"CAREPICK_PORT": "8080"}).port == 8080
    with pytest.raises(SettingsError, match="port must be a whole number"):
        read_settings({"CAREPICK_PORT": "http"})
    with pytest.raises(SettingsError, match="CAREPICK_SERVICE is not a setting"):
        read_settings({"CAREPICK_SERVICE": "1"})
