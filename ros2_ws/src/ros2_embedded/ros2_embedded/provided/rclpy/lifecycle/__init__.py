"""Managed nodes: they are configured, activated, deactivated, cleaned up from outside."""

from __future__ import annotations

from rclpy.lifecycle.managed_entity import ManagedEntity, SimpleManagedEntity
from rclpy.lifecycle.node import LifecycleNode, LifecycleNodeMixin
from rclpy.lifecycle.publisher import LifecyclePublisher
from rclpy.lifecycle.states import LifecycleState, TransitionCallbackReturn

State = LifecycleState
Node = LifecycleNode
NodeMixin = LifecycleNodeMixin
Publisher = LifecyclePublisher

__all__ = [
    'LifecycleNode', 'LifecycleNodeMixin', 'LifecyclePublisher', 'LifecycleState', 'ManagedEntity',
    'Node', 'NodeMixin', 'Publisher', 'SimpleManagedEntity', 'State', 'TransitionCallbackReturn',
]  # fmt: skip
