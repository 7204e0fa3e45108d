"""Reading a request body strictly: what is wrong is named by field and position, with what to send instead."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from features.problems import did_you_mean
from serving.interface.requests import EventRequest, Refusal

SHOWN = 3  # faults named in one message
LISTED = 20_000  # more faults than this are counted, not listed: a list of millions would fill the memory
Request = TypeVar("Request", bound=BaseModel)
_CODES = {
    "missing": "missing_field",
    "extra_forbidden": "unknown_field",
    "too_long": "too_many",
    "too_short": "too_few",
}


def parse(model: type[Request], body: bytes) -> Request:
    """Read a request body; raises Refusal that names field, position and what to send instead."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.error_count() > LISTED:
            said = f"The body has {error.error_count():,} faults."
            raise Refusal(422, "bad_field", said, f"Send a JSON object: {_wanted(model)}.") from None
        faults = error.errors(include_url=False, include_input=False, include_context=False)
    first = faults[0]
    if first["type"] == "json_invalid":
        said = first["msg"].removeprefix("Invalid JSON: ")
        raise Refusal(400, "bad_json", f"The body is not JSON: {said}.", f"Send a JSON object: {_wanted(model)}.")
    said = "; ".join(_fault(fault) for fault in faults[:SHOWN])
    more = f"; and {len(faults) - SHOWN:,} more" if len(faults) > SHOWN else ""
    raise Refusal(422, _CODES.get(first["type"], "bad_field"), f"{said}{more}.", _hint(model, first))


def _fault(fault: Any) -> str:
    where = _where(fault["loc"])
    if fault["type"] == "missing":
        return f"{where} is missing"
    if fault["type"] == "extra_forbidden":
        return f"{where} is not a known field"
    return f"{where}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _where(loc: tuple[str | int, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:60]}" for part in loc)
    return path.removeprefix(".") or "the body"


def _hint(model: type[BaseModel], fault: Any) -> str:
    """What to send instead, in the words of the field's own description."""
    loc: tuple[str | int, ...] = fault["loc"]
    level = model if len(loc) < 2 or fault["type"] != "extra_forbidden" else EventRequest
    if fault["type"] == "extra_forbidden":
        return did_you_mean(str(loc[-1])[:60], level.model_fields)
    fields = EventRequest.model_fields | model.model_fields
    for name in reversed(loc):
        if name in fields:
            return f"Send {fields[str(name)].description}."
    return f"Send a JSON object: {_wanted(model)}."


def _wanted(model: type[BaseModel]) -> str:
    return ", ".join(
        f"{name} = {field.description}" for name, field in model.model_fields.items() if field.is_required()
    )
