"""Logging: lines on standard error, and on the topic /rosout."""

from __future__ import annotations

from pathlib import Path

from rclpy.impl.logging_severity import LoggingSeverity
from rclpy.impl.rcutils_logger import RcutilsLogger, levels

__all__ = [
    'LoggingSeverity', 'clear_config', 'get_logger', 'get_logging_directory', 'initialize',
    'set_logger_level', 'shutdown',
]  # fmt: skip

_UNSET = LoggingSeverity.UNSET
_root_logger = RcutilsLogger('')


def get_logger(name: str) -> RcutilsLogger:
    """Return the logger of that name.

    Raises:
        ValueError: The name is empty.
    """
    if not name:
        raise ValueError('Logger name must not be empty.')
    return RcutilsLogger(name)


def initialize() -> None:
    """Begin with the level of the root alone."""
    levels.setdefault('', LoggingSeverity.INFO)


def shutdown() -> None:
    """Forget all levels."""
    levels.clear()


def clear_config() -> None:
    """Forget all levels but the first one of the root."""
    shutdown()
    initialize()


def set_logger_level(name: str, level: int, detailed_error: bool = False) -> None:
    """Set from which severity on a logger, and those below it, say anything."""
    levels[name] = LoggingSeverity(level)


def get_logger_level(name: str) -> LoggingSeverity:
    """Return the level set for a logger itself; UNSET where its parent decides."""
    return levels.get(name, _UNSET)


def get_logger_effective_level(name: str) -> LoggingSeverity:
    """Return the level that counts for a logger."""
    return RcutilsLogger(name).get_effective_level()


def get_logging_severity_from_string(log_severity: str) -> LoggingSeverity:
    """Return the severity of that name.

    Raises:
        RuntimeError: There is none.
    """
    if log_severity.upper() not in LoggingSeverity.__members__:
        raise RuntimeError(f'failed to get severity from string {log_severity!r}')
    return LoggingSeverity[log_severity.upper()]


def get_logging_directory() -> Path:
    """Return where files would go; this package writes none."""
    return Path.home() / '.ros' / 'log'
