"""Parts of a managed node that follow its state."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from rclpy.lifecycle.states import LifecycleState, TransitionCallbackReturn

_SUCCESS = TransitionCallbackReturn.SUCCESS


class ManagedEntity:
    """Is told of every transition of its node."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Be told of configuration."""
        return _SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Be told of cleaning up."""
        return _SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Be told of the end."""
        return _SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Be told of activation."""
        return _SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Be told of deactivation."""
        return _SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Be told of an error."""
        return _SUCCESS


class SimpleManagedEntity(ManagedEntity):
    """Knows whether its node is active."""

    def __init__(self) -> None:
        """Start inactive."""
        self._enabled = False

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Become active."""
        self._enabled = True
        return _SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Become inactive."""
        self._enabled = False
        return _SUCCESS

    @property
    def is_activated(self) -> bool:
        """Whether the node is active."""
        return self._enabled

    @staticmethod
    def when_enabled(
        wrapped: Callable[..., Any] | None = None,
        *,
        when_not_enabled: Callable[..., Any] | None = None,
    ) -> Callable[..., Any]:
        """Decorate a method that does nothing while the node is not active."""
        if wrapped is None:
            return functools.partial(
                SimpleManagedEntity.when_enabled, when_not_enabled=when_not_enabled
            )

        @functools.wraps(wrapped)
        def call(self: SimpleManagedEntity, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            if self._enabled:
                return wrapped(self, *args, **kwargs)
            return when_not_enabled(self, *args, **kwargs) if when_not_enabled else None

        return call
