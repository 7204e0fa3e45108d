"""Which model it is, byte for byte."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from training.bundle import Bundle

SHA256 = "bundle_sha256"  # the tag of a registered version


def bundle_sha256(bundle: Bundle) -> str:
    """The SHA-256 of a bundle's folder: the same data, configuration and libraries give the same 64 hex digits."""
    with tempfile.TemporaryDirectory() as made:
        bundle.save(Path(made))
        return folder_sha256(Path(made))


def folder_sha256(folder: Path) -> str:
    """One SHA-256 over all files of a folder: their names, sizes and bytes, in the order of the names."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name, body = path.relative_to(folder).as_posix().encode(), path.read_bytes()
        total.update(b"%d:%s%d:%s" % (len(name), name, len(body), body))
    return total.hexdigest()
