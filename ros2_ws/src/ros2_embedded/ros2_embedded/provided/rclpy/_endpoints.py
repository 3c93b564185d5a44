"""How a node makes its publishers, subscriptions, services and clients, and closes them."""

from __future__ import annotations

import dataclasses
import struct
import threading
from collections.abc import Callable
from typing import Any

from rclpy import _names
from rclpy._destroyable import Destroyable
from rclpy._discovery import user_data
from rclpy._rclpy_pybind11 import RCLError
from rclpy.callback_groups import CallbackGroup
from rclpy.client import Client
from rclpy.event_handler import EventHandler, PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.exceptions import NoTypeSupportImportedException
from rclpy.guard_condition import GuardCondition
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, _profile_of, qos_profile_services_default
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer
from ros2_embedded import transport
from ros2_embedded.messages import typename_of

_ids_lock = threading.Lock()


class EndpointNode(Destroyable):
    """The part of a node that others see in the graph."""

    _ros_context: Any
    _ros_participant: transport.Participant
    _ros_arguments: tuple[Any, ...]
    _ros_name: str
    _ros_namespace: str
    _ros_logger: Any
    _ros_default_callback_group: CallbackGroup
    _ros_entities: list[Any]
    _ros_dds: list[transport.Reader | transport.Writer]
    _ros_guards: list[GuardCondition]
    _ros_timers: list[Timer]
    _ros_event_handlers: list[EventHandler]
    _ros_endpoint_handlers: dict[Any, EventHandler]
    _ros_change: Callable[[], None]

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """Return the full name of a topic, remapped."""
        return self._ros_resolve(topic, False, only_expand)

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        """Return the full name of a service, remapped."""
        return self._ros_resolve(service, True, only_expand)

    def _ros_resolve(self, name: str, is_service: bool, only_expand: bool = False) -> str:
        self._ros_use()
        full = _names.expand(name, self._ros_name, self._ros_namespace, is_service)
        for arguments in () if only_expand else self._ros_arguments:
            names = (self._ros_name, self._ros_namespace)
            if (changed := arguments.remap(full, *names, is_service)) is not None:
                return changed
        return full

    def _ros_named(self, name: str, is_service: bool) -> str:
        """Return the full name of what is to be created.

        Raises:
            ValueError: It has a substitution that is not known.
        """
        try:
            return self._ros_resolve(name, is_service)
        except RCLError as error:
            raise ValueError(str(error)) from None

    def create_publisher(
        self,
        msg_type: type,
        topic: str,
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: PublisherEventCallbacks | None = None,
        qos_overriding_options: Any = None,  # noqa: ANN401
        publisher_class: type[Publisher] = Publisher,
    ) -> Publisher:
        """Publish on a topic.

        Raises:
            NoTypeSupportImportedException: The type is no message.
            InvalidTopicNameException: The name is not allowed.
        """
        _refuse(qos_overriding_options, 'QoS overrides by parameters')
        name, typename = self._ros_named(topic, False), _typename(msg_type)
        profile = _profile_of(qos_profile)
        writer = self._ros_participant.writer(
            f'rt{name}', typename, self._ros_qos(name, profile), user_data=user_data(typename)
        )
        made = publisher_class(writer, msg_type, topic, profile, lambda: name)
        self._ros_add(made, writer)
        events = event_callbacks or PublisherEventCallbacks()
        self._ros_watch(made, writer, events, callback_group, name)
        return made

    def create_subscription(
        self,
        msg_type: type,
        topic: str,
        callback: Callable[..., Any],
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        qos_overriding_options: Any = None,  # noqa: ANN401
        raw: bool = False,
        content_filter_options: Any = None,  # noqa: ANN401
    ) -> Subscription:
        """Call back for every message of a topic; ``raw``: with its serialized bytes.

        Raises:
            NoTypeSupportImportedException: The type is no message.
            InvalidTopicNameException: The name is not allowed.
        """
        _refuse(qos_overriding_options, 'QoS overrides by parameters')
        _refuse(content_filter_options, 'content filters')
        name, typename = self._ros_named(topic, False), _typename(msg_type)
        profile = _profile_of(qos_profile)
        group = callback_group or self._ros_default_callback_group
        reader = self._ros_participant.reader(
            f'rt{name}', typename, self._ros_qos(name, profile, reads=True),
            user_data=user_data(typename),
        )  # fmt: skip
        made = Subscription(reader, msg_type, topic, callback, group, profile, raw, lambda: name)
        group.add_entity(made)
        self._ros_add(made, reader)
        self._ros_watch(made, reader, event_callbacks or SubscriptionEventCallbacks(), group, name)
        return made

    def _ros_qos(self, topic: str, profile: QoSProfile, reads: bool = False) -> transport.Qos:
        """Return a profile for the transport; the best available one suits those that are there.

        A publisher offers everything; a subscription asks for what all publishers offer.
        """
        found = profile._transport()
        if not reads or not profile._best_available:
            return found
        peers = [e.qos for e in self._ros_participant.endpoints()
                 if e.is_writer and e.topic == f'rt{topic}']  # fmt: skip
        return dataclasses.replace(
            found,
            reliable=found.reliable and all(peer.reliable for peer in peers),
            transient_local=found.transient_local and all(p.transient_local for p in peers),
        )

    def _ros_watch(
        self,
        owner: Any,  # noqa: ANN401
        endpoint: transport.Reader | transport.Writer,
        callbacks: Any,  # noqa: ANN401
        group: CallbackGroup | None,
        topic: str,
    ) -> None:
        if callbacks.wanted:
            handler = EventHandler(
                endpoint, callbacks, group or self._ros_default_callback_group, topic,
                self._ros_logger.name,
            )  # fmt: skip
            self._ros_endpoint_handlers[owner] = handler
            self._ros_event_handlers.append(handler)

    def create_service(
        self,
        srv_type: type,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Service:
        """Answer the requests of a service by ``callback(request, response)``.

        Raises:
            NoTypeSupportImportedException: The type is no service.
            InvalidServiceNameException: The name is not allowed.
        """
        name = self._ros_named(srv_name, True)
        group = callback_group or self._ros_default_callback_group
        reader, writer = self._ros_service_ends(srv_type, name, qos_profile, server=True)
        made = Service(reader, writer, srv_type, srv_name, callback, group, qos_profile, name)
        group.add_entity(made)
        self._ros_add(made, reader, writer)
        return made

    def create_client(
        self,
        srv_type: type,
        srv_name: str,
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Client:
        """Ask a service.

        Raises:
            NoTypeSupportImportedException: The type is no service.
            InvalidServiceNameException: The name is not allowed.
        """
        name = self._ros_named(srv_name, True)
        group = callback_group or self._ros_default_callback_group
        reader, writer = self._ros_service_ends(srv_type, name, qos_profile, server=False)
        made = Client(
            self._ros_context, reader, writer, srv_type, srv_name, qos_profile, group, name
        )
        group.add_entity(made)
        self._ros_add(made, reader, writer)
        return made

    def _ros_service_ends(
        self, srv_type: type, name: str, profile: QoSProfile, server: bool
    ) -> tuple[transport.Reader, transport.Writer]:
        typename, qos = _typename(srv_type), profile._transport()
        request = (f'rq{name}Request', f'{typename}_Request')
        reply = (f'rr{name}Reply', f'{typename}_Response')
        inward, outward = (request, reply) if server else (reply, request)
        told = f'{"service" if server else "client"}id={self._ros_unique_id()};'
        open_reader, open_writer = self._ros_participant.reader, self._ros_participant.writer
        return (
            open_reader(*inward, qos, user_data=told + user_data(inward[1]), service=True),
            open_writer(*outward, qos, user_data=told + user_data(outward[1]), service=True),
        )

    def _ros_unique_id(self) -> str:
        """Return a new name for a client or server, in the form of rmw_cyclonedds."""
        with _ids_lock:
            count = self._ros_context._ids = getattr(self._ros_context, '_ids', 0) + 1
        data = self._ros_participant.guid[:12] + struct.pack('>I', count)
        return '.'.join(f'{byte:x}' for byte in data)

    def _ros_add(self, entity: Any, *endpoints: transport.Reader | transport.Writer) -> None:  # noqa: ANN401
        self._ros_entities.append(entity)
        self._ros_dds += endpoints
        self._ros_context._discovery.tell()
        self._ros_change()

    def _ros_destroy(self, entity: Any) -> bool:  # noqa: ANN401
        """Close an entity; return whether it was one of this node."""
        for group in (self._ros_entities, self._ros_timers, self._ros_guards):
            if entity in group:
                group.remove(entity)
                break
        else:
            return False
        handler = self._ros_endpoint_handlers.pop(entity, None)
        if handler is not None:
            self._ros_event_handlers.remove(handler)
        ends = [getattr(entity, end, None) for end in ('_reader', '_writer')]
        self._ros_dds = [e for e in self._ros_dds if e not in ends]
        self._ros_change()
        entity.destroy()
        self._ros_context._discovery.tell()
        return True

    destroy_publisher = destroy_subscription = destroy_client = destroy_service = _ros_destroy
    destroy_timer = destroy_guard_condition = _ros_destroy


def _typename(kind: type) -> str:
    try:
        return typename_of(kind)
    except TypeError:
        raise NoTypeSupportImportedException from None


def _refuse(option: object, what: str) -> None:
    if option is not None:
        raise NotImplementedError(f'ros2_embedded has no {what}')
