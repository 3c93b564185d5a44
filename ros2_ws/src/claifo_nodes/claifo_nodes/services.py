"""Answering services of the kind: do something, say what was done or why not."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from claifo_core.errors import ClaifoError
from claifo_sim.errors import SimError

if TYPE_CHECKING:
    from rclpy.node import Node


def offer(node: Node, kind: type, name: str, action: Callable[[Any], str]) -> None:
    """Offer a service whose response has ``success`` and ``message``.

    Args:
        node: Its node.
        kind: Type of the service.
        name: Its name, relative or private.
        action: Takes the request and returns what was done; a ClaifoError or SimError is the
            reason why not.
    """
    node.create_service(kind, name, functools.partial(_answer, action))


def _answer(action: Callable[[Any], str], request: Any, response: Any) -> Any:  # noqa: ANN401
    try:
        response.message = action(request)
        response.success = True
    except (ClaifoError, SimError) as error:
        response.message = str(error)
    return response
