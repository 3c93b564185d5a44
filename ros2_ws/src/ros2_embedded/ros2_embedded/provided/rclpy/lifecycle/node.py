"""Managed nodes."""

from __future__ import annotations

import traceback
from typing import Any

from lifecycle_msgs.msg import State as StateMessage
from lifecycle_msgs.msg import Transition, TransitionDescription, TransitionEvent
from lifecycle_msgs.srv import (
    ChangeState,
    GetAvailableStates,
    GetAvailableTransitions,
    GetState,
)

from rclpy._rclpy_pybind11 import RCLError
from rclpy.lifecycle.managed_entity import ManagedEntity
from rclpy.lifecycle.publisher import LifecyclePublisher
from rclpy.lifecycle.states import (
    LABELS,
    STATES,
    STEPS,
    Change,
    LifecycleState,
    Step,
    TransitionCallbackReturn,
    begun,
    find,
)
from rclpy.node import Node

_SUCCESS = TransitionCallbackReturn.SUCCESS
_ERROR = TransitionCallbackReturn.ERROR
_EVENT_DEPTH = 10


class LifecycleNodeMixin(ManagedEntity):
    """The states of a managed node, and the services by which others change them."""

    def __init__(self, *, enable_communication_interface: bool = True) -> None:
        """Start unconfigured."""
        self._ros_managed_entities: set[ManagedEntity] = set()
        self._ros_state = StateMessage.PRIMARY_STATE_UNCONFIGURED
        self._ros_transition_event: Any = None
        if enable_communication_interface:
            self._ros_communicate(self)

    def _ros_communicate(self, node: Any) -> None:  # noqa: ANN401 (itself, as a Node)
        self._ros_transition_event = node.create_publisher(
            TransitionEvent, '~/transition_event', _EVENT_DEPTH
        )
        for kind, name, answer in (
            (ChangeState, 'change_state', self._ros_on_change_state),
            (GetState, 'get_state', self._ros_on_get_state),
            (GetAvailableStates, 'get_available_states', self._ros_on_states),
            (GetAvailableTransitions, 'get_available_transitions', self._ros_on_transitions),
            (GetAvailableTransitions, 'get_transition_graph', self._ros_on_graph),
        ):
            node.create_service(kind, f'~/{name}', answer)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Handle an error of a transition; success leads back to unconfigured."""
        return TransitionCallbackReturn.FAILURE

    def add_managed_entity(self, entity: ManagedEntity) -> None:
        """Tell this entity of transitions."""
        self._ros_managed_entities.add(entity)

    def create_lifecycle_publisher(self, *args: Any, **kwargs: Any) -> LifecyclePublisher:  # noqa: ANN401
        """Return a publisher that is silent while the node is not active."""
        made = self.create_publisher(*args, publisher_class=LifecyclePublisher, **kwargs)
        self.add_managed_entity(made)
        return made

    def destroy_lifecycle_publisher(self, publisher: LifecyclePublisher) -> bool:
        """Close such a publisher."""
        self._ros_managed_entities.discard(publisher)
        return self.destroy_publisher(publisher)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure the managed entities; override to build what the node needs."""
        return self._ros_tell_entities('configure', state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Clean the managed entities up."""
        return self._ros_tell_entities('cleanup', state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Shut the managed entities down."""
        return self._ros_tell_entities('shutdown', state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate the managed entities."""
        return self._ros_tell_entities('activate', state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate the managed entities."""
        return self._ros_tell_entities('deactivate', state)

    def _ros_tell_entities(self, what: str, state: LifecycleState) -> TransitionCallbackReturn:
        for entity in self._ros_managed_entities:
            result = getattr(entity, f'on_{what}')(state)
            if result != _SUCCESS:
                return result
        return _SUCCESS

    def trigger_configure(self) -> TransitionCallbackReturn:
        """Configure the node."""
        return self._ros_trigger('configure')

    def trigger_cleanup(self) -> TransitionCallbackReturn:
        """Clean it up."""
        return self._ros_trigger('cleanup')

    def trigger_shutdown(self) -> TransitionCallbackReturn:
        """Finalize it."""
        return self._ros_trigger('shutdown')

    def trigger_activate(self) -> TransitionCallbackReturn:
        """Activate it."""
        return self._ros_trigger('activate')

    def trigger_deactivate(self) -> TransitionCallbackReturn:
        """Deactivate it."""
        return self._ros_trigger('deactivate')

    def _ros_trigger(self, label: str | int) -> TransitionCallbackReturn:
        change = find(self._ros_state, label)
        if change is None:
            raise RCLError(
                f'Failed to trigger lifecycle state machine transition: {label!r} is not possible '
                f'in the state {LABELS[self._ros_state]!r}'
            )
        return self._ros_change_state(change)

    def _ros_change_state(self, change: Change) -> TransitionCallbackReturn:
        before = STATES[self._ros_state]
        self._ros_go(begun(change))
        result = self._ros_guarded(change.callback, before)
        self._ros_end(result)
        if result == _ERROR:
            self._ros_end(self._ros_guarded('error', before))
        return result

    def _ros_end(self, result: TransitionCallbackReturn) -> None:
        label = f'transition_{result.name.lower()}'
        here = (step for step in STEPS if (step.start, step.label) == (self._ros_state, label))
        self._ros_go(next(here))

    def _ros_guarded(self, callback: str, state: LifecycleState) -> TransitionCallbackReturn:
        """Call a callback; an exception, or an answer of another kind, is an error."""
        try:
            result = getattr(self, f'on_{callback}')(state)
        except Exception:
            self.get_logger().error(f'on_{callback} failed: {traceback.format_exc()}')
            return _ERROR
        return result if isinstance(result, TransitionCallbackReturn) else _ERROR

    def _ros_go(self, step: Step) -> None:
        event = TransitionEvent(
            transition=Transition(id=step.id, label=step.label),
            start_state=_message(step.start), goal_state=_message(step.goal),
        )  # fmt: skip
        self._ros_state = step.goal
        if self._ros_transition_event is not None:
            event.timestamp = self.get_clock().now().nanoseconds
            self._ros_transition_event.publish(event)

    def _ros_on_change_state(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        label, wanted = request.transition.label, request.transition.id
        if label and find(self._ros_state, label) is None:
            response.success = False
        else:  # a number that is not possible ends the program, as in rclpy
            response.success = self._ros_trigger(label or wanted) == _SUCCESS
        return response

    def _ros_on_get_state(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        response.current_state = _message(self._ros_state)
        return response

    def _ros_on_states(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        response.available_states = [_message(number) for number in sorted(LABELS)]
        return response

    def _ros_on_transitions(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        now = [step for step in STEPS if step.start == self._ros_state]
        response.available_transitions = [_description(step) for step in now]
        return response

    def _ros_on_graph(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        response.available_transitions = [_description(step) for step in STEPS]
        return response


def _message(state: int) -> StateMessage:
    return StateMessage(id=state, label=LABELS[state])


def _description(step: Step) -> TransitionDescription:
    return TransitionDescription(
        transition=Transition(id=step.id, label=step.label),
        start_state=_message(step.start), goal_state=_message(step.goal),
    )  # fmt: skip


class LifecycleNode(LifecycleNodeMixin, Node):
    """A node that others configure, activate, deactivate and clean up."""

    def __init__(
        self, node_name: str, *, enable_communication_interface: bool = True, **options: Any  # noqa: ANN401
    ) -> None:
        """Join the graph, unconfigured; options as for :class:`rclpy.node.Node`."""
        Node.__init__(self, node_name, **options)
        LifecycleNodeMixin.__init__(
            self, enable_communication_interface=enable_communication_interface
        )
