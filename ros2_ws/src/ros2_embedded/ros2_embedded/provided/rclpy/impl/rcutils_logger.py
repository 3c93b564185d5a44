"""The logger: one line per call, in the format of ROS 2."""

from __future__ import annotations

import inspect
import os
import re
import sys
import time
from collections.abc import Callable
from datetime import datetime
from types import FrameType
from typing import Any

from rclpy.impl.logging_severity import LoggingSeverity

levels: dict[str, LoggingSeverity] = {'': LoggingSeverity.INFO}
"""Levels that were set, by logger name; '' is the root."""

console = True
"""Whether lines are written; --disable-stdout-logs says no."""

_FORMAT = os.environ.get(
    'RCUTILS_CONSOLE_OUTPUT_FORMAT', '[{severity}] [{time}] [{name}]: {message}'
)
_TOKEN = re.compile(r'\{(\w+)\}')
_COLOURS = {
    LoggingSeverity.DEBUG: 32, LoggingSeverity.WARN: 33, LoggingSeverity.ERROR: 31,
    LoggingSeverity.FATAL: 31,
}  # fmt: skip
# Filters by the option that asks for each, in the order in which they are asked.
_FILTERS = {'throttle_duration_sec': 'throttle', 'skip_first': 'skip_first', 'once': 'once'}
_CLOCK = 'throttle_time_source_type'


class RcutilsLogger:
    """Logs under a name; loggers of one name share nothing but their level."""

    def __init__(self, name: str = '') -> None:
        """Take the name; dots separate parents from children."""
        self.name = name
        self._publish: Callable[[dict[str, Any]], None] | None = None
        self._places: dict[tuple[Any, ...], dict[str, Any]] = {}

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
        return levels.get('', LoggingSeverity.INFO)

    def is_enabled_for(self, severity: int) -> bool:
        """Return whether lines of that severity are said."""
        return severity >= self.get_effective_level()

    def log(self, message: str, severity: int, **features: Any) -> bool:  # noqa: ANN401
        """Say a line.

        Args:
            message: What to say.
            severity: How grave it is.
            features: ``name``: instead of the logger's; ``once``, ``skip_first``: of this line in
                the code; ``throttle_duration_sec``: not more often than once in so many seconds
                of the clock ``throttle_time_source_type``.

        Returns:
            Whether it was said.

        Raises:
            TypeError: There is no such feature, or the message is no text.
            ValueError: One line of code logs with another severity or other features than before.
        """
        if not self.is_enabled_for(severity):
            return False
        frame = inspect.currentframe()
        while frame and frame.f_code.co_filename == __file__:
            frame = frame.f_back
        name = features.pop('name', self.name)
        if not self._allowed(frame, LoggingSeverity(severity), name, features):
            return False
        if not isinstance(message, str):
            raise TypeError(f'incompatible function arguments: {message!r} is no str')
        self._say(message, LoggingSeverity(severity), name, frame)
        return True

    def _allowed(
        self,
        frame: FrameType | None,
        severity: LoggingSeverity,
        name: str,
        features: dict[str, Any],
    ) -> bool:
        """Return whether the filters of this line in the code let it pass."""
        for feature in features:
            if feature not in (*_FILTERS, _CLOCK):
                raise TypeError(f'parameter "{feature}" is not one of the recognized logging '
                                f'options "{[*_FILTERS, _CLOCK]}"')  # fmt: skip
        wanted = {option: features[option] for option in _FILTERS if features.get(option)}
        if features.get(_CLOCK) and 'throttle_duration_sec' not in wanted:
            raise TypeError('required parameter "throttle_duration_sec" not specified')
        place = (frame.f_code, frame.f_lineno, frame.f_lasti) if frame else ()
        now = {'severity': severity, 'name': name, 'filters': wanted}
        known = self._places.setdefault(place, now | {'said': 0, 'last_ns': 0})
        for what, text in (('severity', 'Logger severity'), ('name', 'Logger name'),
                           ('filters', 'Requested logging filters')):  # fmt: skip
            if known[what] != now[what]:
                raise ValueError(f'{text} cannot be changed between calls.')
        return all(_passes(option, value, known, features) for option, value in wanted.items())

    def _say(
        self, message: str, severity: LoggingSeverity, name: str, frame: FrameType | None
    ) -> None:
        function, file = (frame.f_code.co_name, frame.f_code.co_filename) if frame else ('', '')
        line = frame.f_lineno if frame else 0
        if console:
            self._print(message, severity, {
                'name': name, 'function_name': function, 'file_name': file, 'line_number': line,
            })  # fmt: skip
        if self._publish:
            self._publish({
                'level': int(severity), 'name': name, 'msg': message, 'file': file,
                'function': function, 'line': line,
            })  # fmt: skip

    def _print(self, message: str, severity: LoggingSeverity, tokens: dict[str, Any]) -> None:
        now = time.time_ns()
        tokens |= {
            'severity': severity.name, 'message': message, 'time_as_nanoseconds': now,
            'time': f'{now // 10**9}.{now % 10**9:09}',
            'date_time_with_ms': datetime.fromtimestamp(now / 1e9).isoformat(' ', 'milliseconds'),
        }  # fmt: skip
        line = _TOKEN.sub(lambda match: str(tokens.get(match[1], match[0])), _FORMAT)
        stream = sys.stdout if os.environ.get('RCUTILS_LOGGING_USE_STDOUT') == '1' else sys.stderr
        wish = os.environ.get('RCUTILS_COLORIZED_OUTPUT', '')
        if severity in _COLOURS and (wish == '1' or (wish != '0' and stream.isatty())):
            line = f'\033[{_COLOURS[severity]}m{line}\033[0m'
        print(line, file=stream, flush=True)

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


def _passes(option: str, value: Any, place: dict[str, Any], features: dict[str, Any]) -> bool:  # noqa: ANN401
    """Ask one filter; it counts what it lets pass."""
    if option == 'throttle_duration_sec':
        clock = features.get(_CLOCK)
        now = clock.now().nanoseconds if clock else time.time_ns()
        if now < place['last_ns'] + value * 1e9:
            return False
        place['last_ns'] = now
        return True
    seen = option in place
    place[option] = True
    return seen if option == 'skip_first' else not seen
