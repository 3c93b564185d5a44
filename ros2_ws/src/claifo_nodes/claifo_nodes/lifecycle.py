"""The base of nodes that own a model or a run."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn

from claifo_core.errors import ClaifoError
from claifo_nodes import params
from claifo_sim.errors import SimError

if TYPE_CHECKING:
    from rclpy.lifecycle import State
    from rclpy.parameter import Parameter

_SUCCESS = TransitionCallbackReturn.SUCCESS


class ManagedNode(LifecycleNode):
    """A lifecycle node that configures and activates itself, unless told not to.

    Subclasses override :meth:`configure`, :meth:`activate`, :meth:`deactivate` and
    :meth:`cleanup`; a ClaifoError or SimError from them is one line in the log and keeps the old
    state. A failure at the start ends the program.
    """

    def __init__(self, name: str) -> None:
        """Join the graph; subclasses declare parameters and create endpoints after this."""
        super().__init__(name)
        self._problem: Exception | None = None
        self.active = False
        self.add_on_set_parameters_callback(self._keep_time)
        self._starting: bool = params.declare(
            self, 'autostart', True, 'configure and activate when started'
        )
        if self._starting:
            # Simulated time may not have begun yet.
            clock = Clock(clock_type=ClockType.STEADY_TIME)
            self._starter = self.create_timer(0.0, self._autostart, clock=clock)
        self._refuse_what_is_impossible()

    def _refuse_what_is_impossible(self) -> None:
        """Answer requests for impossible transitions with no; rclpy would end the program."""
        for service in self.services:
            if service.srv_type is ChangeState:
                service.callback = functools.partial(self._on_change_state, service.callback)

    def _on_change_state(
        self, change: Callable[[Any, Any], Any], request: Any, response: Any  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        try:
            return change(request, response)
        except RuntimeError as error:  # RCLError, which has no public name
            wanted = request.transition.label or request.transition.id
            self.get_logger().warning(f'transition {wanted} is not possible now: {error}')
            response.success = False
            return response

    def _keep_time(self, parameters: list[Parameter]) -> SetParametersResult:
        """Refuse another time while the node works: all its stamps would mean something else."""
        changed = self.active and any(p.name == 'use_sim_time' for p in parameters)
        reason = 'use_sim_time cannot change while the node is active' if changed else ''
        return SetParametersResult(successful=not changed, reason=reason)

    def configure(self) -> None:
        """Build what the node needs."""

    def activate(self) -> None:
        """Begin to work."""

    def deactivate(self) -> None:
        """Stop working, keeping what was built."""

    def cleanup(self) -> None:
        """Let go of what was built."""

    def on_configure(self, state: State) -> TransitionCallbackReturn:
        """Configure."""
        return self._attempt(self.configure) or super().on_configure(state)

    def on_activate(self, state: State) -> TransitionCallbackReturn:
        """Activate."""
        failed = self._attempt(self.activate)
        self.active = failed is None
        return failed or super().on_activate(state)

    def on_deactivate(self, state: State) -> TransitionCallbackReturn:
        """Deactivate."""
        self.active = False
        return self._attempt(self.deactivate) or super().on_deactivate(state)

    def on_cleanup(self, state: State) -> TransitionCallbackReturn:
        """Clean up."""
        return self._attempt(self.cleanup) or super().on_cleanup(state)

    def on_shutdown(self, state: State) -> TransitionCallbackReturn:
        """Stop and clean up, from whatever state."""
        self.active = False
        failed = self._attempt(self.deactivate) or self._attempt(self.cleanup)
        return failed or super().on_shutdown(state)

    def _attempt(self, step: Callable[[], None]) -> TransitionCallbackReturn | None:
        """Do a step; returns nothing, FAILURE after an error that the user can solve, or ERROR.

        Whatever is raised is kept and told here: rclpy would swallow it.
        """
        self._problem = None
        try:
            step()
        except Exception as error:
            self._problem = error
            expected = isinstance(error, ClaifoError | SimError)
            if not self._starting:
                lines = [str(error)] if expected else traceback.format_exception(error)
                self.get_logger().error(''.join(lines))
            return TransitionCallbackReturn.FAILURE if expected else TransitionCallbackReturn.ERROR
        return None

    def _autostart(self) -> None:
        """Configure and activate; a failure ends the program."""
        self._starter.cancel()
        for trigger in (self.trigger_configure, self.trigger_activate):
            if trigger() != _SUCCESS:
                raise self._problem or ClaifoError(f'{self.get_name()} could not be started')
        self._starting = False
