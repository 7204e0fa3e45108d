"""The configuration that a training was made with, as TOML that a later one reads back."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from features.business import Business, parse_business
from features.problems import InputProblem


def to_toml(business: Business) -> str:
    """Every value of a configuration, those that winback.toml leaves to winback too; without a database's password,
    and without how the service stands in the world."""
    tables = business.model_dump(exclude_none=True, exclude={"service"})
    return "\n".join(_table(name, values) for name, values in tables.items() if isinstance(values, Mapping))


def from_toml(text: str, path: Path) -> Business:
    """The configuration again, as if winback.toml at `path` said so.

    Raises InputProblem when this version of winback does not understand it any more.
    """
    try:
        return parse_business(tomllib.loads(text), path)
    except tomllib.TOMLDecodeError as error:
        raise InputProblem(f"The run's own winback.toml cannot be read: {error}.", "broken_config") from None


def _table(name: str, values: Mapping[str, Any]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {_value(value)}" for key, value in values.items()), ""])


def _value(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_value(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
