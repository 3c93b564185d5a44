"""What the learner sees, as images for people: the expert, and the augmented view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensor_msgs.msg import Image

from claifo_core.agent.augment import Augmenter
from claifo_core.device.seeding import generator
from claifo_nodes import images, qos

if TYPE_CHECKING:
    from rclpy.node import Node
    from torch import Tensor

    from claifo_core.training.learner import Learner


class Views:
    """Publishes two images of a learner, when somebody looks.

    The random numbers have a stream of their own: looking does not change the training.
    """

    def __init__(self, node: Node) -> None:
        """Create the publishers."""
        self._node = node
        self._publishers = {
            name: node.create_publisher(Image, f'learner/{name}_view', qos.STATUS)
            for name in ('expert', 'augmented')
        }
        self._learner: Learner | None = None

    def show(self, learner: Learner) -> None:
        """Show this learner from now on."""
        self._learner = learner
        self._rng = generator(learner.config.seed, 'views', device=learner.device)
        self._augmenter = Augmenter(learner.config.augment, self._rng)

    def publish(self) -> None:
        """Publish a random expert frame, and the agent's newest one in a random look T."""
        learner = self._learner
        if learner is None:
            return
        if self._wanted('expert'):
            self._send('expert', learner.expert.sample(1, self._rng).obs.pictures()[0, -1])
        if self._wanted('augmented') and len(learner.replay):
            stacks = learner.replay.newest()
            view = self._augmenter.view(stacks, 'T', stacks.blank(len(stacks)))
            self._send('augmented', view[0, -3:])

    def _wanted(self, name: str) -> bool:
        return self._publishers[name].get_subscription_count() > 0

    def _send(self, name: str, planar: Tensor) -> None:
        frame = planar.permute(1, 2, 0).clamp(0, 255).byte().cpu().numpy()
        stamp = self._node.get_clock().now().to_msg()
        self._publishers[name].publish(images.to_image(frame, stamp, name))
