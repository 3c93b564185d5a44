"""The logger: one line per call, in the format of ROS 2."""

from __future__ import annotations

import inspect
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from rclpy.impl.logging_severity import LoggingSeverity

levels: dict[str, LoggingSeverity] = {'': LoggingSeverity.INFO}
"""Levels that were set, by logger name; '' is the root."""

_FORMAT = os.environ.get(
    'RCUTILS_CONSOLE_OUTPUT_FORMAT', '[{severity}] [{time}] [{name}]: {message}'
)
_COLOURS = {
    LoggingSeverity.DEBUG: 32, LoggingSeverity.WARN: 33, LoggingSeverity.ERROR: 31,
    LoggingSeverity.FATAL: 31,
}  # fmt: skip
_FEATURES = ('once', 'throttle_duration_sec', 'throttle_time_source_type', 'skip_first')


def _coloured() -> bool:
    wish = os.environ.get('RCUTILS_COLORIZED_OUTPUT', '')
    return wish == '1' or (wish != '0' and sys.stderr.isatty())


class RcutilsLogger:
    """Logs under a name; loggers of one name share nothing but their level."""

    def __init__(self, name: str = '') -> None:
        """Take the name; dots separate parents from children."""
        self.name = name
        self._publish: Callable[[dict[str, Any]], None] | None = None
        self._seen: dict[tuple[str, int], float] = {}

    def get_child(self, name: str) -> RcutilsLogger:
        """Return the logger below this one.

        Raises:
            ValueError: The name is empty.
        """
        if not name:
            raise ValueError('Child logger name must not be empty.')
        child = RcutilsLogger(f'{self.name}.{name}' if self.name else name)
        child._publish = self._publish
        return child

    def set_level(self, level: int) -> None:
        """Set from which severity on something is said."""
        levels[self.name] = LoggingSeverity(level)

    def get_effective_level(self) -> LoggingSeverity:
        """Return the level of this logger, or of the nearest parent that has one."""
        name = self.name
        while name:
            if levels.get(name, LoggingSeverity.UNSET):
                return levels[name]
            name = name.rpartition('.')[0]
        return levels['']

    def is_enabled_for(self, severity: int) -> bool:
        """Return whether lines of that severity are said."""
        return severity >= self.get_effective_level()

    def log(self, message: str, severity: int, **features: Any) -> bool:  # noqa: ANN401
        """Say a line.

        Args:
            message: What to say.
            severity: How grave it is.
            features: ``once``, ``skip_first``: of this line in the code;
                ``throttle_duration_sec``: not more often than once in so many seconds.

        Returns:
            Whether it was said.

        Raises:
            TypeError: There is no such feature.
        """
        for feature in features:
            if feature not in _FEATURES:
                known = ', '.join(_FEATURES)
                raise TypeError(f'logger has no feature {feature!r}; it has {known}')
        severity = LoggingSeverity(severity)
        if not self.is_enabled_for(severity):
            return False
        caller = inspect.currentframe()
        while caller and caller.f_code.co_filename == __file__:
            caller = caller.f_back
        place = (caller.f_code.co_filename, caller.f_lineno) if caller else ('', 0)
        if features and not self._allowed(place, features):
            return False
        self._say(str(message), severity)
        if self._publish:
            function = caller.f_code.co_name if caller else ''
            self._publish({
                'level': int(severity), 'name': self.name, 'msg': str(message), 'file': place[0],
                'function': function, 'line': place[1],
            })  # fmt: skip
        return True

    def _allowed(self, place: tuple[str, int], features: dict[str, Any]) -> bool:
        last, now = self._seen.get(place), time.monotonic()
        if features.get('once') and last is not None:
            return False
        if features.get('skip_first') and last is None:
            self._seen[place] = float('-inf')
            return False
        pause = features.get('throttle_duration_sec')
        if pause is not None and last is not None and now - last < pause:
            return False
        self._seen[place] = now
        return True

    def _say(self, message: str, severity: LoggingSeverity) -> None:
        seconds, nanoseconds = divmod(time.time_ns(), 10**9)
        line = _FORMAT
        for token, value in (
            ('severity', severity.name), ('time_as_nanoseconds', seconds * 10**9 + nanoseconds),
            ('time', f'{seconds}.{nanoseconds:09}'), ('name', self.name), ('message', message),
        ):  # fmt: skip
            line = line.replace(f'{{{token}}}', str(value))
        if severity in _COLOURS and _coloured():
            line = f'\033[{_COLOURS[severity]}m{line}\033[0m'
        print(line, file=sys.stderr, flush=True)

    def debug(self, message: str, **features: Any) -> bool:  # noqa: ANN401
        """Say a line for people who look for a fault; see :meth:`log`."""
        return self.log(message, LoggingSeverity.DEBUG, **features)

    def info(self, message: str, **features: Any) -> bool:  # noqa: ANN401
        """Say what happens; see :meth:`log`."""
        return self.log(message, LoggingSeverity.INFO, **features)

    def warning(self, message: str, **features: Any) -> bool:  # noqa: ANN401
        """Say what may be wrong; see :meth:`log`."""
        return self.log(message, LoggingSeverity.WARN, **features)

    warn = warning

    def error(self, message: str, **features: Any) -> bool:  # noqa: ANN401
        """Say what is wrong; see :meth:`log`."""
        return self.log(message, LoggingSeverity.ERROR, **features)

    def fatal(self, message: str, **features: Any) -> bool:  # noqa: ANN401
        """Say what ends the program; see :meth:`log`."""
        return self.log(message, LoggingSeverity.FATAL, **features)
