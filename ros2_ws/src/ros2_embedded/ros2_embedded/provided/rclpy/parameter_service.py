"""The services by which others see and set the parameters of a node."""

from __future__ import annotations

import contextlib
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)

from rclpy._parameters import ParameterNode
from rclpy.exceptions import ParameterNotDeclaredException, ParameterUninitializedException
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_parameters


class ParameterService:
    """Answers `ros2 param` for one node."""

    def __init__(self, node: ParameterNode) -> None:
        """Offer the services."""
        self._node = node
        for kind, name, answer in (
            (DescribeParameters, 'describe_parameters', self._describe),
            (GetParameters, 'get_parameters', self._get),
            (GetParameterTypes, 'get_parameter_types', self._types),
            (ListParameters, 'list_parameters', self._list),
            (SetParameters, 'set_parameters', self._set),
            (SetParametersAtomically, 'set_parameters_atomically', self._set_atomically),
        ):
            node.create_service(kind, f'~/{name}', answer, qos_profile=qos_profile_parameters)

    def _describe(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        with contextlib.suppress(ParameterNotDeclaredException):
            response.descriptors = self._node.describe_parameters(request.names)
        return response

    def _get(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        """Answer with nothing at all where one is unknown or has no value."""
        with contextlib.suppress(ParameterNotDeclaredException, ParameterUninitializedException):
            found = self._node.get_parameters(request.names)
            response.values = [parameter.get_parameter_value() for parameter in found]
        return response

    def _types(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        with contextlib.suppress(ParameterNotDeclaredException):
            found = self._node.get_parameter_types(request.names)
            response.types = [Parameter.Type(kind).value for kind in found]
        return response

    def _list(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        response.result = self._node.list_parameters(list(request.prefixes), request.depth)
        return response

    def _set(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        response.results = [self._try([message]) for message in request.parameters]
        return response

    def _set_atomically(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        response.result = self._try(request.parameters)
        return response

    def _try(self, messages: list[Any]) -> SetParametersResult:
        try:
            wanted = [Parameter.from_parameter_msg(message) for message in messages]
            return self._node.set_parameters_atomically(wanted)
        except (ParameterNotDeclaredException, ValueError) as error:
            # A type that is none ends rclpy's node; here it is refused.
            return SetParametersResult(successful=False, reason=str(error))
