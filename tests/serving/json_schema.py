"""The part of JSON Schema that the service's document uses: does a value fit, and which values fit, nearly fit, or don't.

A keyword that is not known here is an error, so that nothing passes for want of a check.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

SAYS = {"title", "description", "default", "examples"}
CHECKS = {
    "$ref", "anyOf", "type", "enum", "const", "properties", "required", "additionalProperties", "items", "minItems",
    "maxItems", "minLength", "maxLength", "minimum", "maximum",
}  # fmt: skip
TYPES: Mapping[str, Any] = {
    "object": lambda it: isinstance(it, dict),
    "array": lambda it: isinstance(it, list),
    "string": lambda it: isinstance(it, str),
    "boolean": lambda it: isinstance(it, bool),
    "null": lambda it: it is None,
    "integer": lambda it: isinstance(it, int) and not isinstance(it, bool),
    "number": lambda it: isinstance(it, (int, float)) and not isinstance(it, bool),
}
HOSTILE = (
    None, True, False, 0, -1, 3, 10**30, -(10**400), 1e308, -0.0, 5e-324, "", " ", "\0", "é", "😀" * 40, "x" * 5_000, "NULL",
    "nan", "../../etc/passwd", "'; DROP TABLE histories; --", "${jndi:ldap://x}", "\u202e\ufeff", "0001-01-01",
    "9999-12-31T23:59:59Z", "2025-13-45", "1e3", [], {}, [[[[[[]]]]]], {"a": {"b": {"c": None}}}, {"__proto__": 1},
)  # fmt: skip


class MisfitError(AssertionError):
    """A value that the document does not allow."""


def fit(value: Any, schema: Mapping[str, Any], document: Mapping[str, Any], at: str = "$") -> None:
    """Raises MisfitError, with the place, when the value is not what the schema says."""
    unknown = set(schema) - SAYS - CHECKS
    if unknown:
        raise MisfitError(f"{at}: the checker does not know {unknown}")
    if "$ref" in schema:
        fit(value, _named(schema["$ref"], document), document, at)
    if "anyOf" in schema:
        _fit_any(value, schema["anyOf"], document, at)
    _need("type" not in schema or TYPES[schema["type"]](value), at, f"{value!r:.80} is not of type {schema.get('type')}")
    _need("enum" not in schema or value in schema["enum"], at, f"{value!r:.80} is none of {schema.get('enum')}")
    _need("const" not in schema or value == schema["const"], at, f"{value!r:.80} is not {schema.get('const')!r}")
    if isinstance(value, (str, list)):
        least, most = ("minLength", "maxLength") if isinstance(value, str) else ("minItems", "maxItems")
        _need(schema.get(least, 0) <= len(value) <= schema.get(most, len(value)), at, f"its length is {len(value)}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        _need(schema.get("minimum", value) <= value <= schema.get("maximum", value), at, f"it is {value}")
    if isinstance(value, list) and "items" in schema:
        for index, one in enumerate(value):
            fit(one, schema["items"], document, f"{at}[{index}]")
    if isinstance(value, dict):
        _fit_object(value, schema, document, at)


def _fit_any(value: Any, choices: list[Mapping[str, Any]], document: Mapping[str, Any], at: str) -> None:
    said = []
    for choice in choices:
        try:
            return fit(value, choice, document, at)
        except MisfitError as misfit:
            said.append(str(misfit))
    raise MisfitError(" and ".join(said))


def _fit_object(value: dict[str, Any], schema: Mapping[str, Any], document: Mapping[str, Any], at: str) -> None:
    known = schema.get("properties", {})
    missing = set(schema.get("required", ())) - set(value)
    _need(not missing, at, f"{missing} is missing")
    others = schema.get("additionalProperties", True)
    for name, one in value.items():
        if name in known:
            fit(one, known[name], document, f"{at}.{name}")
        else:
            _need(others is not False, at, f"{name!r:.80} is not known")
            if isinstance(others, dict):
                fit(one, others, document, f"{at}.{name:.80}")


def _need(holds: bool, at: str, said: str) -> None:
    if not holds:
        raise MisfitError(f"{at}: {said}")


def _named(ref: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = document
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return found  # type: ignore[no-any-return]


class Maker:
    """Makes values from a schema, with a chance of its own.  words: strings that are worth trying."""

    def __init__(self, chance: random.Random, document: Mapping[str, Any], words: Mapping[str, tuple[str, ...]]) -> None:
        self._chance, self._document, self._words = chance, document, words

    def fitting(self, schema: Mapping[str, Any], name: str = "") -> Any:
        """A value that the schema allows."""
        if "$ref" in schema:
            return self.fitting(_named(schema["$ref"], self._document), name)
        if "anyOf" in schema:
            return self.fitting(self._chance.choice(schema["anyOf"]), name)
        if "enum" in schema:
            return self._chance.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        return getattr(self, f"_{schema['type']}")(schema, name)

    def nearly(self, schema: Mapping[str, Any]) -> Any:
        """A value that fits but for one thing, at a place of any depth."""
        value = self.fitting(schema)
        places = list(_places(value))
        parent, key = self._chance.choice(places)
        if isinstance(parent, dict) and self._chance.random() < 0.3:
            if self._chance.random() < 0.5:
                del parent[key]
            else:
                parent[self._chance.choice(["extra", "user_id ", "", "events", "é", "x" * 300])] = self._chance.choice(HOSTILE)
        else:
            parent[key] = self._chance.choice(HOSTILE)
        return value

    def anything(self, depth: int = 0) -> Any:
        """A value that has nothing to do with any schema."""
        pick = self._chance.randrange(4) if depth < 4 else 0
        if pick < 2:
            return self._chance.choice(HOSTILE)
        if pick == 2:
            return [self.anything(depth + 1) for _ in range(self._chance.randrange(4))]
        names = ["user_ids", "events", "event_id", "user_id", "time", "kind", "tasks", "", "a"]
        return {self._chance.choice(names): self.anything(depth + 1) for _ in range(self._chance.randrange(6))}

    def _object(self, schema: Mapping[str, Any], _: str) -> dict[str, Any]:
        needed = schema.get("required", ())
        return {
            name: self.fitting(part, name)
            for name, part in schema.get("properties", {}).items()
            if name in needed or self._chance.random() < 0.5
        }

    def _array(self, schema: Mapping[str, Any], name: str) -> list[Any]:
        least = schema.get("minItems", 0)
        count = min(least + int(self._chance.expovariate(0.5)), schema.get("maxItems", 50))
        return [self.fitting(schema["items"], name) for _ in range(count)]

    def _string(self, schema: Mapping[str, Any], name: str) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength", 40)
        if name in self._words and self._chance.random() < 0.7:
            return self._chance.choice(self._words[name])[:most]
        if self._chance.random() < 0.1:
            return "界" * most
        letters = "abcXYZ 0189_-:/.+\"\\\n\t\0é😀\u200b"
        return "".join(self._chance.choice(letters) for _ in range(self._chance.randint(least, min(most, 20))))

    def _integer(self, schema: Mapping[str, Any], _: str) -> int:
        return self._chance.randint(schema.get("minimum", -5), schema.get("maximum", 5))

    def _number(self, _: Mapping[str, Any], __: str) -> float:
        return self._chance.choice([0, -1.5, 12.25, 1e12, -1e-9, 1e300, 7])

    def _boolean(self, _: Mapping[str, Any], __: str) -> bool:
        return self._chance.random() < 0.5

    def _null(self, _: Mapping[str, Any], __: str) -> None:
        return None


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        for key in list(value):
            yield value, key
            yield from _places(value[key])
    if isinstance(value, list):
        for key in range(len(value)):
            yield value, key
            yield from _places(value[key])
