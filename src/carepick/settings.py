"""Every setting of the server: name, default, help and range in one place.

Flags (`--queue-limit`), environment variables (`CAREPICK_QUEUE_LIMIT`) and docs/settings.md come from these fields.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from carepick.errors import SettingsError

PREFIX = "CAREPICK_"

# What Kubernetes sets for a Service whose name begins with carepick.
_SERVICE_LINK = re.compile(r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://")


def _setting(
    default: Any, help: str, least: float | None = None, most: float | None = None, choices: tuple[str, ...] = ()
) -> Any:
    return dataclasses.field(default=default, metadata={"help": help, "least": least, "most": most, "choices": choices})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one server process; immutable, checked when made."""

    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(10000, "TCP port to listen on.", 1, 65535)
    workers: int = _setting(
        1, "Worker processes; each holds its own sessions, prepacked weights of large models are shared.", 1, 64
    )
    threads: int = _setting(8, "Requests that each worker answers at a time, beside those that wait.", 1, 256)
    pid_file: str = _setting("", "File for the server's process number, which `carepick reload` reads; empty: none.")
    bundle: str = _setting("", "Bundle folder, or several divided by commas; empty: the model inside the package.")
    engine: str = _setting(
        "onnx",
        "Inference engine; deterministic answers without a model, for trials.",
        choices=("onnx", "deterministic"),
    )
    inference_threads: int = _setting(
        0, "Threads in each model session; 0: one, and as many passes at a time as the CPU quota has processors.", 0, 64
    )
    prepacked: bool = _setting(
        True, "Keep prepacked weights of models above 32 MiB in the cache folder, shared between workers."
    )
    cache_dir: str = _setting("", "Folder for prepacked weights; empty: the user's cache folder. Never holds texts.")
    max_text_characters: int = _setting(10_000, "Longest text that is accepted, in characters.", 1, 100_000)
    max_body_bytes: int = _setting(65_536, "Largest request body that is accepted, in bytes.", 1024, 16_777_216)
    max_batch_texts: int = _setting(64, "Most texts in one batch request.", 1, 1024)
    max_windows: int = _setting(
        16, "Most windows that one text is split into; words beyond are reported as unread.", 1, 256
    )
    batch_tokens: int = _setting(128, "Most tokens, padding counted, in one forward pass.", 64, 65_536)
    batch_wait_ms: float = _setting(0.0, "Longest wait for more texts before a forward pass, in milliseconds.", 0, 1000)
    queue_limit: int = _setting(
        32, "Most texts waiting for a forward pass, in at most 1000 requests; past it 429 with Retry-After.", 1, 100_000
    )
    queue_wait_ms: int = _setting(
        60,
        "Longest wait for a forward pass, as reckoned when a text arrives, once the queue has been full and for as long "
        "as texts are refused; past it 429.",
        1,
        600_000,
    )
    read_timeout_ms: int = _setting(
        30_000, "Longest time in which a request must have arrived; then its connection is closed.", 100, 600_000
    )
    request_timeout_ms: int = _setting(10_000, "Deadline of a request that names none, in milliseconds.", 1, 600_000)
    cache_seconds: float = _setting(5.0, "How long an answer may be given again for the same text; 0: never.", 0, 60)
    cache_entries: int = _setting(256, "Most answers kept at a time, by keyed hash of the text.", 0, 100_000)
    disease_enabled: bool = _setting(True, "Answer with diseases; off: /disease answers 403, others leave them out.")
    api_key: str = _setting("", "When set, API calls must carry it in X-API-Key; the page and health checks need none.")
    language: str = _setting("ko", "Language of messages when the caller names none.", choices=("ko", "en"))
    metrics: bool = _setting(True, "Serve Prometheus metrics at /metrics.")
    log_level: str = _setting("info", "Least severity that is logged.", choices=("debug", "info", "warning", "error"))

    def __post_init__(self) -> None:
        for entry in dataclasses.fields(self):
            _check(entry, getattr(self, entry.name))


def read_settings(environment: Mapping[str, str], overrides: Mapping[str, Any] | None = None) -> Settings:
    """Returns the settings from `environment` (`CAREPICK_PORT=8080`), each replaced by `overrides` where not None.

    Raises `SettingsError` for an unknown CAREPICK_ variable, or a value of the wrong type or out of range.
    `CAREPICK_DATA` belongs to training and is passed over, and so are variables that Kubernetes sets for a Service.
    """
    by_name = {entry.name: entry for entry in dataclasses.fields(Settings)}
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        name = variable.removeprefix(PREFIX)
        if name not in (variable, "DATA") and not _is_service_link(name, text):
            name = name.lower()
            if name not in by_name:
                raise SettingsError(f"{variable} is not a setting: see docs/settings.md for the list")
            values[name] = parse_value(by_name[name], text)
    for name, value in (overrides or {}).items():
        if name not in by_name:
            raise SettingsError(f"{name} is not a setting: see docs/settings.md for the list")
        if value is not None:
            values[name] = value
    return Settings(**values)


def parse_value(entry: dataclasses.Field[Any], text: str) -> Any:
    """Returns `text` as the type of the setting `entry`; raises `SettingsError` naming the setting."""
    kind = entry.type if isinstance(entry.type, str) else entry.type.__name__
    try:
        if kind == "bool":
            return {
                "1": True,
                "true": True,
                "yes": True,
                "on": True,
                "0": False,
                "false": False,
                "no": False,
                "off": False,
            }[text.strip().lower()]
        return {"int": int, "float": float, "str": str}[kind](text)
    except (KeyError, ValueError):
        wanted = {"bool": "true or false", "int": "a whole number", "float": "a number"}[kind]
        raise SettingsError(f"{entry.name} must be {wanted}") from None


def _is_service_link(name: str, value: str) -> bool:
    address = name.endswith("PORT") and _SERVICE_ADDRESS.match(value)
    return bool(address or _SERVICE_LINK.fullmatch(name))


def _check(entry: dataclasses.Field[Any], value: Any) -> None:
    least, most, choices = (entry.metadata[key] for key in ("least", "most", "choices"))
    if choices and value not in choices:
        raise SettingsError(f"{entry.name} must be one of {', '.join(choices)}")
    if least is not None and not least <= value <= most:
        raise SettingsError(f"{entry.name} must lie within {least}..{most}")
