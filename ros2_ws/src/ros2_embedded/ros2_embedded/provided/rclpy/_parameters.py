"""The parameters of a node: declared, checked, changed, told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rcl_interfaces.msg import (
    ListParametersResult,
    ParameterDescriptor,
    ParameterEvent,
    ParameterValue,
    SetParametersResult,
)

from rclpy import _names
from rclpy._endpoints import EndpointNode
from rclpy._parameter_rules import as_kind, as_ros, listed, out_of_range, wrong_type
from rclpy.clock import Clock
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy.parameter import PARAMETER_SEPARATOR_STRING, Parameter
from rclpy.publisher import Publisher

Check = Callable[[list[Parameter]], SetParametersResult]
_OK = SetParametersResult(successful=True)


def _refused(reason: str) -> SetParametersResult:
    return SetParametersResult(successful=False, reason=reason)


class ParameterNode(EndpointNode):
    """What a node can do with parameters."""

    get_clock: Callable[[], Clock]
    get_fully_qualified_name: Callable[[], str]

    def _ros_init_parameters(
        self, overrides: dict[str, Any], allow_undeclared: bool, publisher: Publisher | None
    ) -> None:
        """Start without any.

        Args:
            overrides: Values given from outside; they win over defaults.
            allow_undeclared: Setting what was not declared declares it.
            publisher: Where changes are told.
        """
        self._ros_parameters: dict[str, Parameter] = {}
        self._ros_descriptors: dict[str, ParameterDescriptor] = {}
        self._ros_parameter_overrides = {
            name: Parameter(name, value=as_ros(value)) for name, value in overrides.items()
        }
        self._ros_allow_undeclared_parameters = allow_undeclared
        self._ros_before: list[Callable[[list[Parameter]], list[Parameter]]] = []
        self._ros_checks: list[Check] = []
        self._ros_after: list[Callable[[list[Parameter]], None]] = []
        self._ros_parameter_publisher = publisher

    def declare_parameter(
        self,
        name: str,
        value: Any = None,  # noqa: ANN401 (any parameter value, or a Parameter.Type)
        descriptor: ParameterDescriptor | None = None,
        ignore_override: bool = False,
    ) -> Parameter:
        """Declare a parameter; a value given from outside wins over ``value``.

        Raises:
            ParameterAlreadyDeclaredException: It is declared already.
            InvalidParameterTypeException: The value from outside has another type.
            InvalidParameterValueException: The value is out of range, or refused by a callback.
        """
        return self.declare_parameters('', [(name, value, descriptor)], ignore_override)[0]

    def declare_parameters(
        self,
        namespace: str,
        parameters: Iterable[tuple[Any, ...]],
        ignore_override: bool = False,
    ) -> list[Parameter]:
        """Declare (name, value, descriptor) tuples; see :meth:`declare_parameter`."""
        declared = []
        for name, *rest in parameters:
            value, descriptor = (*rest, None, None)[:2]
            full = f'{namespace}{PARAMETER_SEPARATOR_STRING}{name}' if namespace else name
            declared.append(self._ros_declare(full, value, descriptor, ignore_override))
        return declared

    def _ros_declare(
        self,
        name: str,
        value: Any,  # noqa: ANN401
        descriptor: ParameterDescriptor | None,
        ignore_override: bool,
    ) -> Parameter:
        _names.parameter(name)
        if name in self._ros_parameters:
            raise ParameterAlreadyDeclaredException(name)
        descriptor = descriptor or ParameterDescriptor()
        is_type = isinstance(value, Parameter.Type)
        default = Parameter(name, value=None if is_type else value)
        kind = value if is_type else default.type_
        given = None if ignore_override else self._ros_parameter_overrides.get(name)
        found = default if given is None else as_kind(given, kind)
        if kind == Parameter.Type.NOT_SET:
            descriptor.dynamic_typing = descriptor.dynamic_typing or value is None
        elif not descriptor.dynamic_typing and found.type_ not in (kind, Parameter.Type.NOT_SET):
            raise InvalidParameterTypeException(found, kind)
        descriptor.name, descriptor.type = name, int(kind)
        self._ros_descriptors[name] = descriptor
        result = self._ros_checked([found], declaring=True)
        if not result.successful:
            del self._ros_descriptors[name]
            raise InvalidParameterValueException(name, found.value, result.reason)
        self._ros_store([found], new=True)
        return found

    def undeclare_parameter(self, name: str) -> None:
        """Forget a parameter.

        Raises:
            ParameterNotDeclaredException: It was not declared.
            ParameterImmutableException: It is read-only.
        """
        if self.describe_parameter(name).read_only:
            raise ParameterImmutableException(name)
        gone = self._ros_parameters.pop(name)
        del self._ros_descriptors[name]
        self._ros_tell(deleted=[gone])

    def has_parameter(self, name: str) -> bool:
        """Return whether a parameter is declared."""
        return name in self._ros_parameters

    def get_parameter(self, name: str) -> Parameter:
        """Return a parameter.

        Raises:
            ParameterNotDeclaredException: It was not declared.
            ParameterUninitializedException: It has a fixed type and no value.
        """
        if name not in self._ros_parameters:
            if self._ros_allow_undeclared_parameters:
                return Parameter(name)
            raise ParameterNotDeclaredException(name)
        found = self._ros_parameters[name]
        unset = found.type_ == Parameter.Type.NOT_SET
        if unset and not self._ros_descriptors[name].dynamic_typing:
            raise ParameterUninitializedException(name)
        return found

    def get_parameters(self, names: Sequence[str]) -> list[Parameter]:
        """Return parameters; see :meth:`get_parameter`."""
        return [self.get_parameter(name) for name in names]

    def get_parameter_or(self, name: str, alternative_value: Parameter | None = None) -> Parameter:
        """Return a parameter, or the alternative where it is not declared or has no value."""
        found = self._ros_parameters.get(name)
        if found is None or found.type_ == Parameter.Type.NOT_SET:
            return alternative_value or Parameter(name)
        return found

    def get_parameters_by_prefix(self, prefix: str) -> dict[str, Parameter]:
        """Return the parameters below a prefix, by the rest of their names."""
        start = f'{prefix}{PARAMETER_SEPARATOR_STRING}' if prefix else ''
        return {
            name.removeprefix(start): found
            for name, found in self._ros_parameters.items()
            if name.startswith(start)
        }

    def get_parameter_type(self, name: str) -> Parameter.Type:
        """Return the type of a parameter; raises as :meth:`get_parameter`."""
        return self.get_parameter(name).type_

    def get_parameter_types(self, names: Sequence[str]) -> list[Parameter.Type]:
        """Return the types of parameters."""
        return [self.get_parameter_type(name) for name in names]

    def describe_parameter(self, name: str) -> ParameterDescriptor:
        """Return how a parameter was declared.

        Raises:
            ParameterNotDeclaredException: It was not.
        """
        if name not in self._ros_descriptors:
            if self._ros_allow_undeclared_parameters:
                return ParameterDescriptor(name=name)
            raise ParameterNotDeclaredException(name)
        return self._ros_descriptors[name]

    def describe_parameters(self, names: Sequence[str]) -> list[ParameterDescriptor]:
        """Return how parameters were declared."""
        return [self.describe_parameter(name) for name in names]

    def set_descriptor(
        self,
        name: str,
        descriptor: ParameterDescriptor,
        alternative_value: ParameterValue | None = None,
    ) -> ParameterValue:
        """Raise NotImplementedError: descriptors stay as declared."""
        raise NotImplementedError('ros2_embedded does not change descriptors after declaration')

    def list_parameters(self, prefixes: Sequence[str], depth: int) -> ListParametersResult:
        """Return names below any of the prefixes, at most ``depth`` levels deep (0: all)."""
        result = ListParametersResult()
        names, found = [], set()
        for name in sorted(self._ros_parameters):
            if listed(name, prefixes, depth):
                names.append(name)
                found.add(name.rpartition(PARAMETER_SEPARATOR_STRING)[0])
        result.names, result.prefixes = names, sorted(found - {''})
        return result

    def set_parameters(self, parameter_list: Sequence[Parameter]) -> list[SetParametersResult]:
        """Set parameters one by one; the results say which were refused, and why.

        Raises:
            ParameterNotDeclaredException: One was not declared.
        """
        return [self.set_parameters_atomically([parameter]) for parameter in parameter_list]

    def set_parameters_atomically(
        self, parameter_list: Sequence[Parameter]
    ) -> SetParametersResult:
        """Set all of the parameters or none.

        Raises:
            ParameterNotDeclaredException: One was not declared.
        """
        wanted = list(parameter_list)
        for change in self._ros_before:
            wanted = change(wanted)
        unknown = [p.name for p in wanted if p.name not in self._ros_parameters]
        if unknown and not self._ros_allow_undeclared_parameters:
            raise ParameterNotDeclaredException(unknown)
        for name in unknown:
            self.declare_parameter(name)
        wanted = [as_kind(p, Parameter.Type(self._ros_descriptors[p.name].type)) for p in wanted]
        result = self._ros_checked(wanted)
        if result.successful:
            self._ros_store(wanted)
        return result

    def add_pre_set_parameters_callback(
        self, callback: Callable[[list[Parameter]], list[Parameter]]
    ) -> None:
        """Let ``callback`` change what is to be set, before it is checked."""
        self._ros_before.insert(0, callback)

    def add_on_set_parameters_callback(self, callback: Check) -> None:
        """Let ``callback`` refuse what is to be set."""
        self._ros_checks.insert(0, callback)

    def add_post_set_parameters_callback(
        self, callback: Callable[[list[Parameter]], None]
    ) -> None:
        """Tell ``callback`` what was set."""
        self._ros_after.insert(0, callback)

    def remove_pre_set_parameters_callback(self, callback: Any) -> None:  # noqa: ANN401
        """Ask it no more."""
        self._ros_before.remove(callback)

    def remove_on_set_parameters_callback(self, callback: Check) -> None:
        """Ask it no more."""
        self._ros_checks.remove(callback)

    def remove_post_set_parameters_callback(self, callback: Any) -> None:  # noqa: ANN401
        """Tell it no more."""
        self._ros_after.remove(callback)

    def _ros_checked(
        self, parameters: list[Parameter], declaring: bool = False
    ) -> SetParametersResult:
        for parameter in parameters:
            descriptor = self._ros_descriptors[parameter.name]
            if descriptor.read_only and not declaring:
                return _refused(f'{parameter.name} is read-only')
            reason = wrong_type(parameter, descriptor) or out_of_range(parameter, descriptor)
            if reason and parameter.type_ != Parameter.Type.NOT_SET:
                return _refused(reason)
        for check in self._ros_checks:
            result = check(parameters)
            if not result.successful:
                return result
        return _OK

    def _ros_store(self, parameters: list[Parameter], new: bool = False) -> None:
        self._ros_parameters |= {parameter.name: parameter for parameter in parameters}
        for told in self._ros_after:
            told(parameters)
        self._ros_tell(**{'new' if new else 'changed': parameters})

    def _ros_tell(self, **lists: list[Parameter]) -> None:
        if self._ros_parameter_publisher is None:
            return
        event = ParameterEvent(
            node=self.get_fully_qualified_name(),
            **{f'{kind}_parameters': [p.to_parameter_msg() for p in parameters]
               for kind, parameters in lists.items()},
        )  # fmt: skip
        event.stamp = self.get_clock().now().to_msg()
        self._ros_parameter_publisher.publish(event)
