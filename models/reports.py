"""The files that an evaluation leaves: JSON for programs, and beside it Markdown for people.

Used in the process that evaluates; writes only where it is told to.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pieces.files import replace_file, saving


def as_json(document: Mapping[str, Any]) -> str:
    """The text of a JSON file; a float that is NaN or infinite becomes null."""
    return json.dumps(_finite(document), indent=1, allow_nan=False) + "\n"


def save_report(path: Path, json_text: str, markdown: str = "") -> None:
    """Write one to `path` and the other, if there is any, beside it, each in one stroke.

    Raises:
        RipienoError: they cannot be written there.
    """
    with saving(path):
        replace_file(path, json_text.encode())
        if markdown and not is_stream(path):
            replace_file(path.with_suffix(".md"), markdown.encode())


def is_stream(path: Path) -> bool:
    """A pipe, a terminal or /dev/null: nothing is kept there, and nothing lies beside it."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
