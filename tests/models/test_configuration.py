"""Settings out of JSON: what fits a field, and what does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from models.configuration import changed, check_counts


@dataclass(frozen=True)
class Base:
    count: int = 1
    rate: float = 0.5


@dataclass(frozen=True)
class Settings(Base):
    name: str = "x"
    ends: tuple[float, float] = (1.0, 0.0)
    models: tuple[str, ...] = ()
    widths: dict[str, int] = field(default_factory=dict)
    learning: dict[str, Any] = field(default_factory=dict)
    minutes: float | None = None
    loud: bool = False


def test_fields_are_changed_and_lists_are_tuples() -> None:
    fields = {"count": 2, "rate": 1, "ends": [1, 0.5], "models": ["a", "b", "c"], "widths": {"hidden": 3},
              "learning": {"x": [1]}, "minutes": 2, "loud": True}  # fmt: skip
    result = changed(Settings(name="y"), fields)
    expected = Settings(2, 1, "y", (1, 0.5), ("a", "b", "c"), {"hidden": 3}, {"x": [1]}, 2, True)
    assert result == expected
    assert changed(result, {"minutes": None, "models": []}) == changed(
        Settings(name="y"), {**fields, "minutes": None, "models": []}
    )


@pytest.mark.parametrize("fields", [
    {"count": 2.0}, {"count": "2"}, {"count": True}, {"rate": "1"}, {"rate": None}, {"rate": [1.0, 2.0]},
    {"name": 1}, {"ends": 0.5}, {"ends": [1.0]}, {"ends": [1.0, 2.0, 3.0]}, {"ends": ["1", "2"]},
    {"models": "abc"}, {"models": [1]}, {"widths": {"hidden": "3"}}, {"widths": []}, {"learning": [1]},
    {"minutes": "2"}, {"loud": 1},
])  # fmt: skip
def test_a_value_of_another_type_is_named(fields: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"^{next(iter(fields))} is .* should be"):
        changed(Settings(), fields)


@pytest.mark.parametrize("fields", [{"x": 1}, [], None, "name", 1])
def test_what_has_no_such_field_or_is_none_is_refused(fields: Any) -> None:
    with pytest.raises(TypeError):
        changed(Settings(), fields)


def test_what_counts_something_is_large_enough() -> None:
    check_counts(Settings(count=0, rate=-1.0), {"count"})
    for count, may_be_zero in ((0, set()), (-1, {"count"})):
        with pytest.raises(ValueError, match="count is"):
            check_counts(Settings(count=count), may_be_zero)


def test_nan_is_no_number() -> None:
    with pytest.raises(TypeError, match="rate"):
        changed(Settings(), {"rate": float("nan")})
