"""Which callbacks may run at the same time."""

from __future__ import annotations

import threading
from typing import Any


class CallbackGroup:
    """Callbacks that share a rule."""

    def __init__(self) -> None:
        """Start without any."""
        self.entities: set[Any] = set()

    def add_entity(self, entity: Any) -> None:  # noqa: ANN401
        """Let the rule hold for this entity."""
        self.entities.add(entity)

    def has_entity(self, entity: Any) -> bool:  # noqa: ANN401
        """Return whether the rule holds for it."""
        return entity in self.entities

    def can_execute(self, entity: Any) -> bool:  # noqa: ANN401
        """Return whether its callback could begin now."""
        raise NotImplementedError

    def beginning_execution(self, entity: Any) -> bool:  # noqa: ANN401
        """Let its callback begin; return whether it may."""
        raise NotImplementedError

    def ending_execution(self, entity: Any) -> None:  # noqa: ANN401
        """Note that its callback has ended."""
        raise NotImplementedError


class ReentrantCallbackGroup(CallbackGroup):
    """All callbacks may run at the same time."""

    def can_execute(self, entity: Any) -> bool:  # noqa: ANN401
        """Return true."""
        return True

    def beginning_execution(self, entity: Any) -> bool:  # noqa: ANN401
        """Return true."""
        return True

    def ending_execution(self, entity: Any) -> None:  # noqa: ANN401
        """Do nothing."""


class MutuallyExclusiveCallbackGroup(CallbackGroup):
    """One callback at a time."""

    def __init__(self) -> None:
        """Start with none running."""
        super().__init__()
        self._lock = threading.Lock()
        self._active: Any = None

    def can_execute(self, entity: Any) -> bool:  # noqa: ANN401
        """Return whether none is running."""
        return self._active is None

    def beginning_execution(self, entity: Any) -> bool:  # noqa: ANN401
        """Take the place if it is free."""
        with self._lock:
            if self._active is not None:
                return False
            self._active = entity
            return True

    def ending_execution(self, entity: Any) -> None:  # noqa: ANN401
        """Free the place."""
        with self._lock:
            self._active = None
