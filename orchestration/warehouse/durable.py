"""Writing small files and names so that a crash leaves the old state or the new one.

What belongs here: fsync, atomic replacement of a file and of a symlink.
What does not: what the files mean. Imported by the warehouse package only.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def fsync_folder(folder: Path) -> None:
    """Make names created, renamed or removed in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_file(path: Path) -> None:
    """Make the bytes of a file durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file so that readers see the old content or the new one, also after a crash."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    fsync_file(temporary)
    temporary.replace(path)
    fsync_folder(path.parent)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return what `replace_json` wrote; None when there is no such file."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return content


def replace_symlink(link: Path, target_name: str) -> None:
    """Point a symlink at another file of its folder; it never names anything but old or new."""
    temporary = link.with_name(f".{link.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target_name)
    temporary.replace(link)
    fsync_folder(link.parent)
