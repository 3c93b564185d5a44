"""Clients: asking services."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy._decoding import Decoder
from rclpy._destroyable import Destroyable
from rclpy.callback_groups import CallbackGroup
from rclpy.context import Context
from rclpy.qos import QoSProfile
from rclpy.task import Future
from ros2_embedded import transport
from ros2_embedded.cdr import to_cdr

_HEADER = struct.Struct('<Qq')
_POLL_S = 0.02


class Client(Destroyable):
    """Sends requests to a service and receives the responses."""

    def __init__(
        self,
        context: Context,
        reader: transport.Reader,
        writer: transport.Writer,
        srv_type: Any,  # noqa: ANN401 (a class with Request and Response)
        srv_name: str,
        qos_profile: QoSProfile,
        callback_group: CallbackGroup,
        full_name: str,
    ) -> None:
        """Take both ends; nodes make clients by ``create_client``."""
        self.context, self._reader, self._writer = context, reader, writer
        self.srv_type, self.srv_name = srv_type, srv_name
        self.qos_profile, self.callback_group = qos_profile, callback_group
        self._full_name = full_name
        self._decode = Decoder(srv_type.Response, full_name, prefix=16)
        self._lock = threading.Lock()
        self._sequence = 0
        self._pending: dict[int, Future] = {}
        self._new_future: Callable[[], Future] = Future

    @property
    def service_name(self) -> str:
        """Full name of the service."""
        self._ros_use()
        return self._full_name

    def call_async(self, request: Any) -> Future:  # noqa: ANN401
        """Send a request; the future will hold the response.

        Raises:
            TypeError: The request is of another type.
            InvalidHandle: The client was destroyed.
        """
        self._ros_use()
        if not isinstance(request, self.srv_type.Request):
            raise TypeError(f'Expected {self.srv_type.Request}, got {type(request)}')
        future = self._new_future()
        with self._lock:
            self._sequence += 1
            sequence = self._sequence
            self._pending[sequence] = future
        future.add_done_callback(self.remove_pending_request)
        self._writer.write(to_cdr(request, _HEADER.pack(self._writer.handle, sequence)))
        return future

    def call(self, request: Any, timeout_sec: float | None = None) -> Any:  # noqa: ANN401
        """Send a request and wait; another thread must spin.

        Returns:
            The response; None after the time.
        """
        answered = threading.Event()
        future = self.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(timeout_sec):
            self.remove_pending_request(future)
            return None
        return future.result()

    def get_pending_request(self, sequence_number: int) -> Future:
        """Return the future of a request that was not answered yet.

        Raises:
            KeyError: There is no such request.
        """
        return self._pending[sequence_number]

    def remove_pending_request(self, future: Future) -> None:
        """Wait for this response no more."""
        with self._lock:
            self._pending = {s: f for s, f in self._pending.items() if f is not future}

    def service_is_ready(self) -> bool:
        """Return whether a server is there."""
        self._ros_use()
        return self._writer.matches()[1] > 0 and self._reader.matches()[1] > 0

    def wait_for_service(self, timeout_sec: float | None = None) -> bool:
        """Wait for a server; return whether it is there."""
        end = None if timeout_sec is None else time.monotonic() + timeout_sec
        while self.context.ok() and not self.service_is_ready():
            if end is not None and time.monotonic() >= end:
                return False
            time.sleep(_POLL_S)
        return self.service_is_ready()

    def destroy(self) -> None:
        """Close; nodes do it by ``destroy_client``."""
        self._ros_destroyed = True
        self._reader.close()
        self._writer.close()

    def _execute(self) -> None:
        for sample in self._reader.take():
            response = self._decode(sample.data)
            if response is None:
                continue
            client, sequence = _HEADER.unpack_from(sample.data, 4)
            future = self._pending.get(sequence) if client == self._writer.handle else None
            if future is not None and not future.cancelled():
                future.set_result(response)
