"""Services: answering requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy._decoding import Decoder
from rclpy._destroyable import Destroyable
from rclpy.callback_groups import CallbackGroup
from rclpy.qos import QoSProfile
from ros2_embedded import transport
from ros2_embedded.cdr import to_cdr

_HEADER = slice(4, 20)
"""Where the client's number and the sequence number stand in a request and its response."""


class Service(Destroyable):
    """Answers the requests of a service."""

    def __init__(
        self,
        reader: transport.Reader,
        writer: transport.Writer,
        srv_type: Any,  # noqa: ANN401 (a class with Request and Response)
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        callback_group: CallbackGroup,
        qos_profile: QoSProfile,
        full_name: str,
    ) -> None:
        """Take both ends; nodes make services by ``create_service``."""
        self._reader, self._writer = reader, writer
        self.srv_type, self.srv_name, self.callback = srv_type, srv_name, callback
        self.callback_group, self.qos_profile = callback_group, qos_profile
        self._full_name = full_name
        self._decode = Decoder(srv_type.Request, full_name, prefix=16)

    @property
    def service_name(self) -> str:
        """Full name of the service."""
        self._ros_use()
        return self._full_name

    def destroy(self) -> None:
        """Close; nodes do it by ``destroy_service``."""
        self._ros_destroyed = True
        self._reader.close()
        self._writer.close()

    def send_response(self, response: Any, header: bytes) -> None:  # noqa: ANN401
        """Answer the request that came with ``header``.

        Raises:
            TypeError: The response is of another type.
            InvalidHandle: The service was destroyed.
        """
        self._ros_use()
        if not isinstance(response, self.srv_type.Response):
            raise TypeError(f'Expected {self.srv_type.Response}, got {type(response)}')
        self._writer.write(to_cdr(response, header))

    def _execute(self) -> Any:  # noqa: ANN401
        for sample in self._reader.take():
            request = self._decode(sample.data)
            if request is None:
                return None
            header = sample.data[_HEADER]
            answer = self.callback(request, self.srv_type.Response())
            if hasattr(answer, '__await__'):
                return self._answer_later(answer, header)
            self.send_response(answer, header)
        return None

    async def _answer_later(self, answer: Any, header: bytes) -> None:  # noqa: ANN401
        self.send_response(await answer, header)
