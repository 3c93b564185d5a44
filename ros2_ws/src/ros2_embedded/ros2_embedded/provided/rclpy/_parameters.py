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
from rcl_interfaces.msg import Parameter as ParameterMessage

from rclpy import _names
from rclpy._declarations import declaration, typed
from rclpy._endpoints import EndpointNode
from rclpy._parameter_callbacks import Change, Check, ParameterCallbacks, Tell
from rclpy._parameter_rules import listed, refusal
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

_OK = SetParametersResult(successful=True)


def _refused(reason: str) -> SetParametersResult:
    return SetParametersResult(successful=False, reason=reason)


class ParameterNode(ParameterCallbacks, EndpointNode):
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
            name: Parameter(name, value=value) for name, value in overrides.items()
        }
        self._ros_allow_undeclared_parameters = allow_undeclared
        self._ros_before: list[Change] = []
        self._ros_checks: list[Check] = []
        self._ros_after: list[Tell] = []
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
            ValueError: Neither a value nor a type is given, and the type is not dynamic.
        """
        args = (name,) if value is None and descriptor is None else (
            name, value, descriptor or ParameterDescriptor()
        )  # fmt: skip
        return self.declare_parameters('', [args], ignore_override)[0]

    def declare_parameters(
        self,
        namespace: str,
        parameters: Iterable[tuple[Any, ...]],
        ignore_override: bool = False,
    ) -> list[Parameter]:
        """Declare (name, value, descriptor) tuples; see :meth:`declare_parameter`."""
        wanted = []
        for index, given in enumerate(parameters):
            name, value, descriptor = declaration(index, given)
            full = f'{namespace}{PARAMETER_SEPARATOR_STRING}{name}' if namespace else name
            _names.parameter(full)
            default = typed(full, value, descriptor)
            override = None if ignore_override else self._ros_parameter_overrides.get(full)
            wanted.append((Parameter(full, value=override.value if override else default),
                           descriptor))  # fmt: skip
        if known := [p.name for p, _ in wanted if p.name in self._ros_parameters]:
            raise ParameterAlreadyDeclaredException(known)
        for parameter, descriptor in wanted:
            self._ros_declare(parameter, descriptor)
        return [parameter for parameter, _ in wanted]

    def _ros_declare(self, parameter: Parameter, descriptor: ParameterDescriptor) -> None:
        result = self._ros_checked([parameter], {parameter.name: descriptor})
        if not result.successful:
            if result.reason.startswith('Wrong parameter type'):
                kind = Parameter.Type(descriptor.type).name
                raise InvalidParameterTypeException(parameter, kind)
            raise InvalidParameterValueException(parameter.name, parameter.value, result.reason)
        self._ros_descriptors[parameter.name] = descriptor
        self._ros_store([parameter])

    def undeclare_parameter(self, name: str) -> None:
        """Forget a parameter.

        Raises:
            ParameterNotDeclaredException: It was not declared.
            ParameterImmutableException: It is read-only.
        """
        if name not in self._ros_parameters:
            raise ParameterNotDeclaredException(name)
        if self._ros_descriptors[name].read_only:
            raise ParameterImmutableException(name)
        del self._ros_parameters[name], self._ros_descriptors[name]

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
        return [self.get_parameter(name) for name in _words(names)]

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

    def get_parameter_type(self, name: str) -> Any:  # noqa: ANN401 (as in rclpy)
        """Return the number of a parameter's type (Type.NOT_SET where it may be undeclared).

        Raises:
            ParameterNotDeclaredException: It was not declared.
        """
        if name in self._ros_parameters:
            return self._ros_parameters[name].type_.value
        if self._ros_allow_undeclared_parameters:
            return Parameter.Type.NOT_SET
        raise ParameterNotDeclaredException(name)

    def get_parameter_types(self, names: Sequence[str]) -> list[Any]:
        """Return the types of parameters; see :meth:`get_parameter_type`."""
        return [self.get_parameter_type(name) for name in _words(names)]

    def describe_parameter(self, name: str) -> ParameterDescriptor:
        """Return how a parameter was declared.

        Raises:
            ParameterNotDeclaredException: It was not.
        """
        if name not in self._ros_descriptors:
            if self._ros_allow_undeclared_parameters:
                return ParameterDescriptor()
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
        """Declare a parameter anew; return its value, which is the alternative if it must be.

        Raises:
            ParameterNotDeclaredException: It was not declared.
            ParameterImmutableException: It is read-only.
            InvalidParameterValueException: Neither value fits.
        """
        current = self.get_parameter(name)
        if name not in self._ros_parameters:
            return current.get_parameter_value()
        if self._ros_descriptors[name].read_only:
            raise ParameterImmutableException(name)
        tried = [current]
        if alternative_value is not None:
            message = ParameterMessage(name=name, value=alternative_value)
            tried.append(Parameter.from_parameter_msg(message))
        descriptor.name = name
        for parameter in tried:
            if not (reason := refusal(parameter, descriptor, True, False)):
                self._ros_parameters[name], self._ros_descriptors[name] = parameter, descriptor
                return parameter.get_parameter_value()
        raise InvalidParameterValueException(name, tried[-1].value, reason)

    def list_parameters(self, prefixes: Sequence[str], depth: int) -> ListParametersResult:
        """Return names below any of the prefixes, at most ``depth`` levels deep (0: all).

        Raises:
            TypeError: The prefixes are no list of words, or the depth is no whole number.
            ValueError: The depth is negative.
        """
        if not isinstance(prefixes, list) or not isinstance(depth, int):
            raise TypeError('The prefixes argument must be a list, and the depth an int')
        if depth < 0:
            raise ValueError('The depth must be greater than or equal to zero')
        names = [n for n in self._ros_parameters if listed(n, _words(prefixes), depth)]
        above = [name.rpartition(PARAMETER_SEPARATOR_STRING)[0] for name in names]
        return ListParametersResult(names=names, prefixes=list(dict.fromkeys(filter(None, above))))

    def set_parameters(self, parameter_list: Sequence[Parameter]) -> list[SetParametersResult]:
        """Set parameters one by one; the results say which were refused, and why.

        Raises:
            ParameterNotDeclaredException: One was not declared.
        """
        return [self.set_parameters_atomically([parameter]) for parameter in parameter_list]

    def set_parameters_atomically(
        self, parameter_list: Sequence[Parameter]
    ) -> SetParametersResult:
        """Set all of the parameters or none; one without a value is undeclared.

        Raises:
            ParameterNotDeclaredException: One was not declared.
        """
        wanted = list(parameter_list)
        if self._ros_before:
            wanted = [p for change in self._ros_before for p in change(wanted)]
            if not wanted:
                return _refused('parameter list cannot be empty: a callback left nothing of it')
        if not all(isinstance(parameter, Parameter) for parameter in wanted):
            raise TypeError(f"parameter must be instance of type '{Parameter!r}'")
        unknown = [p.name for p in wanted if p.name not in self._ros_parameters]
        if unknown and not self._ros_allow_undeclared_parameters:
            raise ParameterNotDeclaredException(unknown)
        result = self._ros_checked(wanted)
        if result.successful:
            gone = [p for p in wanted if p.type_ == Parameter.Type.NOT_SET]
            for parameter in gone:
                self._ros_parameters.pop(parameter.name, None)
                self._ros_descriptors.pop(parameter.name, None)
            self._ros_store([p for p in wanted if p not in gone], gone)
        return result

    def _ros_checked(
        self,
        parameters: list[Parameter],
        declaring: dict[str, ParameterDescriptor] | None = None,
    ) -> SetParametersResult:
        """Check values by their descriptors, new ones where they are being declared."""
        descriptors = self._ros_descriptors if declaring is None else declaring
        for parameter in parameters:
            if (descriptor := descriptors.get(parameter.name)) is None:
                continue
            descriptor.name = parameter.name
            declared = parameter.name in self._ros_parameters
            if reason := refusal(parameter, descriptor, declared, declaring is None):
                return _refused(reason)
        for check in self._ros_checks:
            result = check(parameters)
            if not result.successful:
                return result
        return _OK

    def _ros_store(self, parameters: list[Parameter], gone: Sequence[Parameter] = ()) -> None:
        """Keep values, and tell of them."""
        kinds: dict[str, list[Any]] = {'new': [], 'changed': [], 'deleted': []}
        kinds['deleted'] += [parameter.to_parameter_msg() for parameter in gone]
        for parameter in parameters:
            name = parameter.name
            self._ros_descriptors.setdefault(name, ParameterDescriptor(dynamic_typing=True))
            new = self.get_parameter_or(name).type_ == Parameter.Type.NOT_SET
            kinds['new' if new else 'changed'].append(parameter.to_parameter_msg())
            self._ros_parameters[name] = parameter
        if self._ros_parameter_publisher is not None:
            event = ParameterEvent(
                stamp=self.get_clock().now().to_msg(), node=self.get_fully_qualified_name(),
                **{f'{kind}_parameters': found for kind, found in kinds.items()},
            )  # fmt: skip
            self._ros_parameter_publisher.publish(event)
        for told in self._ros_after:
            told([*parameters, *gone])


def _words(names: Sequence[str]) -> Sequence[str]:
    if not all(isinstance(name, str) for name in names):
        raise TypeError('All names must be instances of type str')
    return names
