"""How a setting is declared: its default, range, unit and help in one place."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from claifo_core.errors import ClaifoError, check_choice


def option(
    default: Any,  # noqa: ANN401 (any field type)
    text: str,
    *,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401 (stands where a field's default stands)
    """Declare a field with its help, unit and range."""
    metadata = {'help': text, 'unit': unit, 'low': low, 'high': high, 'choices': choices}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Section:
    """A group of options; checks each value against what is declared of it, if anything."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ClaifoError: a value is outside its range or not among its choices.
        """
        for field in dataclasses.fields(self):
            if field.metadata:
                check(field, getattr(self, field.name))


def check(field: dataclasses.Field[Any], value: object) -> None:
    """Check one value against what its field declares.

    Raises:
        ClaifoError: it is out of range or not among the choices.
    """
    rule = field.metadata
    if rule['choices']:
        check_choice(field.name, str(value), rule['choices'])
    if rule['low'] is not None and value is not None:
        for number in value if isinstance(value, tuple) else (value,):
            low, high = rule['low'], rule['high']
            if not low <= number <= (float('inf') if high is None else high):
                allowed = f'at least {low}' if high is None else f'from {low} to {high}'
                raise ClaifoError(f'{field.name} is {value}; it must be {allowed}')
