"""Managed nodes: they are configured, activated, deactivated, cleaned up from outside."""

from __future__ import annotations

from rclpy.lifecycle.managed_entity import ManagedEntity, SimpleManagedEntity
from rclpy.lifecycle.node import LifecycleNode, LifecycleNodeMixin
from rclpy.lifecycle.publisher import LifecyclePublisher
from rclpy.lifecycle.states import LifecycleState, TransitionCallbackReturn

State = LifecycleState
Node = LifecycleNode

__all__ = [
    'LifecycleNode', 'LifecycleNodeMixin', 'LifecyclePublisher', 'LifecycleState', 'ManagedEntity',
    'Node', 'SimpleManagedEntity', 'State', 'TransitionCallbackReturn',
]  # fmt: skip
