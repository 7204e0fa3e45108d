"""The business in one small file: where its events are, and what active, converted and value mean to it."""

from __future__ import annotations

import os
import re
import tomllib
import zoneinfo
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from features.problems import InputProblem, did_you_mean
from features.sources.exports import files_of, is_database, preset_of, without_password
from features.sources.preset import Preset

STATE = "WINBACK_STATE"
Days = Annotated[int, Field(ge=1, le=3650)]
Kind = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A frozen table of winback.toml; an unknown key is an error, not a surprise."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class EventsSection(Section):
    """Where the events are and which column means what; an empty name means the source has no such column.

    source: files, a known export such as "amplitude:export.zip" (which says itself what its columns mean; a key written
    here comes first), or a PostgreSQL URL together with `query`. A password in it is kept apart and never shown.
    A name may list alternatives, "user_id | device_id": the first that is filled in each row.
    hash_users: user ids are kept as keyed hashes (`features.pseudonyms`).
    """

    source: Annotated[str, Field(min_length=1)]
    user: Annotated[str, Field(min_length=1)]
    time: Annotated[str, Field(min_length=1)]
    kind: Annotated[str, Field(min_length=1)]
    value: str = ""
    item: str = ""
    event_id: str = ""
    ingested_at: str = ""
    currency: str = ""
    time_format: str = ""
    time_zone: str = "UTC"
    max_kinds: Annotated[int, Field(ge=1, le=10_000)] = 200
    query: str = ""
    hash_users: bool = False
    _password: SecretStr = PrivateAttr(default_factory=lambda: SecretStr(""))

    @model_validator(mode="wrap")
    @classmethod
    def known_source(cls, said: Any, read: ModelWrapValidatorHandler[EventsSection]) -> EventsSection:
        if not isinstance(said, dict) or not isinstance(said.get("source"), str):
            return read(said)
        source, password = without_password(said["source"].strip())
        preset = preset_of(source)
        section = read({**(preset.columns if preset else {}), **said, "source": source})
        section._password = SecretStr(password)
        return section

    @model_validator(mode="after")
    def whole_source(self) -> EventsSection:
        if self.database and not self.query:
            raise ValueError('a database needs query = "SELECT ..." that gives one row an event')
        if self.query and not self.database:
            raise ValueError('`query` is for a source such as "postgresql://user@host/database"')
        if not self.location:
            raise ValueError(f'source = "{self.source}" names no file after the colon')
        return self

    @field_validator("time_zone")
    @classmethod
    def known_zone(cls, name: str) -> str:
        if name not in zoneinfo.available_timezones():
            raise ValueError(f"'{name}' is not a time zone. {did_you_mean(name, zoneinfo.available_timezones())}")
        return name

    @property
    def constant_kind(self) -> str | None:
        """The kind that every event has, when the file writes `kind = "=order"`."""
        return self.kind[1:] if self.kind.startswith("=") else None

    @property
    def preset(self) -> Preset | None:
        """What is known about the export that `source` names, if it names one."""
        return preset_of(self.source)

    @property
    def location(self) -> str:
        """The source without the name of an export in front."""
        return files_of(self.source)

    @property
    def database(self) -> bool:
        return is_database(self.source)

    @property
    def password(self) -> str:
        """Of the database, as `source` gave it; "" when it is to come from PGPASSWORD or ~/.pgpass."""
        return self._password.get_secret_value()

    def reading(self, source: str, folder: Path) -> EventsSection:
        """The same meaning for another source; a relative path is relative to `folder`.

        A path that names no export is one of the same; columns that an export filled in are not kept for another.
        """
        preset, old = preset_of(source) or self.preset, self.preset
        kept = {key: value for key, value in self if old is preset or old is None or old.columns.get(key) != value}
        if not is_database(source):
            place = os.path.abspath(folder / Path(files_of(source)).expanduser())
            source = f"{preset.name}:{place}" if preset else place
        return EventsSection.model_validate({**kept, "source": source})


class ChurnSection(Section):
    """Left = nothing of the activity kinds within the horizon, or a cancel event within it; or the end of a contract.

    contract: the kinds that begin or continue a contract. Then the question is asked of those under contract alone, and
    left = out of it at some moment of the horizon. `cancel` ends a contract at once; with `term_days` each contract
    event covers so many days (and `grace_days` to be late in), and cover that runs out without a renewal ends it too.
    """

    activity: tuple[Kind, ...] = ()
    horizon_days: Days
    gap_days: Annotated[int, Field(ge=0, le=365)] = 0
    cancel: tuple[Kind, ...] = ()
    contract: tuple[Kind, ...] = ()
    term_days: Days | None = None
    grace_days: Annotated[int, Field(ge=0, le=365)] = 0

    @model_validator(mode="after")
    def something_to_lose(self) -> ChurnSection:
        if not self.activity and not self.contract:
            raise ValueError("name the kinds of event that show a customer is there: activity = [...]")
        if not self.contract and (self.term_days or self.grace_days):
            raise ValueError("term_days and grace_days are of a contract; name its kinds: contract = [...]")
        if self.contract and not self.cancel and not self.term_days:
            raise ValueError("nothing ends this contract; add cancel = [...], or term_days where it expires by itself")
        if self.grace_days and not self.term_days:
            raise ValueError("grace_days follow a term; add term_days")
        if both := sorted(set(self.contract) & set(self.cancel)):
            raise ValueError(f"'{both[0]}' cannot both begin a contract and end it")
        return self


class ConversionSection(Section):
    """Of those eligible, who does the target within the horizon."""

    target: Annotated[tuple[Kind, ...], Field(min_length=1)]
    eligible: str = "any"
    horizon_days: Days
    gap_days: Annotated[int, Field(ge=0, le=365)] = 0

    @field_validator("eligible")
    @classmethod
    def readable(cls, rule: str) -> str:
        eligibility(rule)
        return rule


class LtvSection(Section):
    """Sum of the value of these kinds within the horizon; refunds are negative values."""

    of: Annotated[tuple[Kind, ...], Field(min_length=1)]
    horizon_days: Days
    gap_days: Annotated[int, Field(ge=0, le=365)] = 0


class FeaturesSection(Section):
    """How far back the windows of the features reach, in days, and a module of the business's own features.

    custom: a Python file, relative to winback.toml (`features.custom`).
    """

    windows_days: Annotated[tuple[Days, ...], Field(min_length=1, max_length=12)] = (7, 30, 90, 180, 365)
    custom: str = ""

    @field_validator("windows_days")
    @classmethod
    def ascending(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(days)))


class TrainingSection(Section):
    """How the models learn.  users_share: of all users, chosen by hash of the id, where everybody is too many."""

    users_share: Annotated[float, Field(gt=0, le=1)] = 1.0


class ServiceSection(Section):
    """How the service stands in the world.

    local_without_key: callers need no API key while the service listens on this machine's own address alone.
    flush_minutes: how often it carries posted events into the event log, where there is one; 0 is never.
    """

    local_without_key: bool = False
    flush_minutes: Annotated[int, Field(ge=0, le=1440)] = 15


class Business(Section):
    """What one business says about its events and its questions; immutable once read."""

    events: EventsSection
    churn: ChurnSection | None = None
    conversion: ConversionSection | None = None
    ltv: LtvSection | None = None
    features: FeaturesSection = FeaturesSection()
    training: TrainingSection = TrainingSection()
    service: ServiceSection = ServiceSection()
    root: Path = Field(default=Path("."), exclude=True)

    @model_validator(mode="after")
    def asks_something(self) -> Business:
        if self.churn is None and self.conversion is None and self.ltv is None:
            raise ValueError("no question is asked: add a [churn], [conversion] or [ltv] table")
        return self

    def reading(self, source: str, folder: Path) -> Business:
        """The same business with another source; a relative path is relative to `folder`."""
        return self.model_copy(update={"events": self.events.reading(source, folder)})

    @property
    def state(self) -> Path:
        """The folder where models, log and online histories are kept: beside winback.toml, or WINBACK_STATE."""
        return Path(os.environ.get(STATE) or self.root / ".winback")

    @property
    def source(self) -> Path:
        """The files of the event source as a path; a relative one is relative to winback.toml."""
        return self.root / Path(self.events.location).expanduser()


class Eligibility(Section):
    """Who a conversion model speaks about: users with fewer than `below` (or at least `least`) events of a kind."""

    kind: str = ""
    least: int = 0
    below: int | None = None


def eligibility(rule: str) -> Eligibility:
    """Read a sentence such as "any", "no order", "fewer than 2 order" or "at least 1 signup".

    Raises ValueError that lists the sentences that are understood.
    """
    text = rule.strip()
    if text in ("", "any"):
        return Eligibility()
    if match := re.fullmatch(r"no (.+)", text):
        return Eligibility(kind=match[1], below=1)
    if match := re.fullmatch(r"fewer than (\d+) (.+)", text):
        return Eligibility(kind=match[2], below=int(match[1]))
    if match := re.fullmatch(r"at least (\d+) (.+)", text):
        return Eligibility(kind=match[2], least=int(match[1]))
    raise ValueError(f'\'{rule}\' is not understood; write "any", "no KIND", "fewer than N KIND" or "at least N KIND"')


def read_business(path: Path) -> Business:
    """Read winback.toml into a frozen object.

    Raises InputProblem when the file is missing, is not TOML (with the line), has an unknown key or a wrong value.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise InputProblem(
            f"{path} does not exist. Write one with `winback init SOURCE`, or name another with --config.",
            "missing_config",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputProblem(f"{path} cannot be read as a text file: {error}.", "unreadable_config") from None
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputProblem(
            f"{path} is not valid TOML: {error}. Mend that line; nothing was changed.", "broken_config"
        ) from None
    return parse_business(tables, path)


def parse_business(tables: dict[str, Any], path: Path) -> Business:
    """Check the tables of a winback.toml that was at `path`; raises InputProblem that names every wrong key at once."""
    if "root" in tables:
        raise InputProblem(f"{path}: unknown key 'root'. {did_you_mean('root', _known_keys(()))}", "bad_config")
    try:
        return Business(**tables, root=path.resolve().parent)
    except ValidationError as error:
        said = "; ".join(_one_fault(fault) for fault in error.errors())
        raise InputProblem(f"{path}: {said}. Nothing was changed.", "bad_config") from None


def _one_fault(fault: Any) -> str:
    where = tuple(str(part) for part in fault["loc"])
    key = ".".join(where)
    if fault["type"] == "extra_forbidden":
        return f"unknown key '{key}'. {did_you_mean(where[-1], _known_keys(where[:-1]))}"
    if fault["type"] == "missing":
        return f"'{key}' is missing"
    message = fault["msg"].removeprefix("Value error, ")
    return f"'{key}': {message}" if key else message


def _known_keys(table: tuple[str, ...]) -> list[str]:
    sections: dict[tuple[str, ...], type[Section]] = {
        ("events",): EventsSection,
        ("churn",): ChurnSection,
        ("conversion",): ConversionSection,
        ("ltv",): LtvSection,
        ("features",): FeaturesSection,
        ("training",): TrainingSection,
        ("service",): ServiceSection,
    }
    fields = sections.get(table, Business).model_fields
    return [name for name in fields if name != "root"]
