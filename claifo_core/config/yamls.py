"""The one place that reads YAML: whatever a file holds becomes values, or one line.

The library raises half a dozen kinds of errors on scalars that it cannot convert, and a few lines
of merge keys or of brackets would fill the memory or the stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 1 << 20
_MOST_MERGED = 10_000
_UNREADABLE = (
    yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
    RecursionError,
)  # fmt: skip


class _Loader(yaml.SafeLoader):
    """Counts what merge keys bring in, which may double line by line."""

    _merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        self._merged += len(node.value)
        if self._merged > _MOST_MERGED:
            raise yaml.YAMLError(f'merge keys bring in more than {_MOST_MERGED} values')


def load(path: Path) -> Any:  # noqa: ANN401 (whatever it holds)
    """Return the content of a YAML file.

    Raises:
        ClaifoError: it is no file, larger than settings are, or not YAML.
    """
    try:
        if not path.is_file():
            raise ClaifoError(f'{path}: no such file')
        if path.stat().st_size > _MOST_BYTES:
            raise ClaifoError(f'{path}: larger than {_MOST_BYTES >> 20} MiB: no settings')
        return _Loader(path.read_text('utf-8')).get_single_data()
    except OSError as error:
        raise ClaifoError(f'{path}: cannot be read ({error.strerror})') from None
    except _UNREADABLE as error:
        said = ' '.join(str(error).split())[:300]
        raise ClaifoError(f'{path}: not valid YAML: {said}') from None
