"""The exports that are known by name, and what a `source` names: one of them, a database or plain files."""

from __future__ import annotations

import re
from urllib.parse import unquote

from features.sources.amplitude import AMPLITUDE
from features.sources.ga4 import GA4
from features.sources.mixpanel import MIXPANEL
from features.sources.preset import Preset
from features.sources.segment import SEGMENT
from features.sources.shopify import SHOPIFY

PRESETS = {one.name: one for one in (AMPLITUDE, MIXPANEL, GA4, SEGMENT, SHOPIFY)}
_DATABASE = re.compile(r"postgres(ql)?://", re.IGNORECASE)


def preset_of(source: str) -> Preset | None:
    """The export that a source such as "amplitude:export.zip" names."""
    return PRESETS.get(source.partition(":")[0].strip()) if ":" in source else None


def files_of(source: str) -> str:
    """The file, folder or glob of a source, without the name of an export in front."""
    return source.partition(":")[2].strip() if preset_of(source) else source


def is_database(source: str) -> bool:
    return bool(_DATABASE.match(source))


def without_password(source: str) -> tuple[str, str]:
    """The URL of a database without its password, and the password; any other source as it is."""
    match = _DATABASE.match(source)
    if match is None:
        return source, ""
    url, mark, options = source.partition("?")
    login, at, place = url[match.end() :].rpartition("@")
    user, _, password = login.partition(":")
    kept = [option for option in options.split("&") if not option.startswith("password=")]
    given = [option.partition("=")[2] for option in options.split("&") if option.startswith("password=")]
    clean = f"{match[0]}{user}{at}{place}" + (mark + "&".join(kept) if kept and mark else "")
    return clean, unquote(password or (given[0] if given else ""))


def recognised(columns: set[str]) -> tuple[Preset, tuple[str, ...]] | None:
    """The export that has such columns, and the ones that show it."""
    for preset in PRESETS.values():
        if shown := preset.fits(columns):
            return preset, shown
    return None
