"""`sim_node`: environments in lock step with a policy, or an expert to be filmed.

Every environment is rendered in a process of its own, by its only thread, so no OpenGL context is
ever shared between threads. Stamps are simulated time: they begin with the system's time at the
start of the node and go on by exactly one control period per step, whatever the speed, with a
pause of one second between two episodes.
"""

from __future__ import annotations

import dataclasses
import sys
import time

import numpy as np
from builtin_interfaces.msg import Time
from claifo_msgs.msg import Action, StepBudget, TimeStep
from claifo_msgs.srv import SetDomain
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import SetBool, Trigger

from claifo.bags.resample import tick_ns
from claifo.bags.topics import camera_topics
from claifo.environments import agent_hz, env_spec
from claifo_core.config import EnvConfig
from claifo_core.errors import ClaifoError
from claifo_nodes import images, params, qos, time_steps
from claifo_nodes.diagnostics import Diagnostics
from claifo_nodes.intake import Refusal
from claifo_nodes.lockstep import LockStep
from claifo_nodes.main import Finished, run
from claifo_nodes.robots import Robot
from claifo_nodes.services import offer
from claifo_nodes.time_steps import Batch
from claifo_nodes.worlds import Driven, Filmed, World

_FRAME_ID = 'camera'
_PAUSE_NS = 1_000_000_000
_PATIENCE_S = 5.0


class SimNode(Node):
    """Shows TimeSteps, and camera images of environment 0."""

    def __init__(self) -> None:
        """Declare the parameters, start the simulators, show the first step."""
        super().__init__('sim')
        self._config: EnvConfig = params.declare_config(self, EnvConfig)
        self._seed: int = params.declare(self, 'seed', 0, 'of the episodes', low=0)
        waits: bool = params.declare(
            self, 'wait_for_budget', False, 'go on only as far as a learner allows'
        )
        self._films: bool = params.declare(
            self, 'expert', False, 'film the expert of the task; nobody else drives'
        )
        self._rate: float = params.declare(
            self, 'rate', 1.0, 'speed of filming, times real time; 0: as fast as possible', low=0
        )
        self._episodes: int = params.declare(
            self, 'episodes', 0, 'end after so many episodes of environment 0; 0: never', low=0
        )
        self._is_robot: bool = params.declare(
            self, 'robot', False, 'be a robot: cameras and joint states out, commands in, at the '
            'rate of the task'
        )  # fmt: skip
        self._check_mode(waits)
        self._diagnostics = Diagnostics(self)
        self._world = self._build(self._config)
        shape = (self._world.num_envs, self._world.action_dim)
        self._lock_step = LockStep(shape, waits)
        self._paused, self._finished, self._shown_s = False, 0, time.monotonic()
        self._begun_ns = self.get_clock().now().nanoseconds
        self._tick = 0
        self._connect()
        if self._films:
            period_s = 0.0 if self._rate == 0 else 1 / (agent_hz(self._config) * self._rate)
            self.create_timer(period_s, self._film)
        elif self._is_robot:
            hz = agent_hz(self._config)
            self._robot = Robot(self, self._diagnostics, self._world, hz)
            self.create_timer(1 / hz, self._live)
        elif not waits:
            self._show(self._world.restart())

    def _connect(self) -> None:
        camera = qos.FILM if self._films else qos.SENSOR
        topics = camera_topics(env_spec(self._config).filmed_by)
        self._images = [self.create_publisher(Image, topic, camera) for topic in topics]
        self._infos = [
            self.create_publisher(
                CameraInfo, topic.replace('image_raw', 'camera_info'), qos.SENSOR
            )
            for topic in topics
        ]  # fmt: skip
        if not self._is_robot:
            self._steps = self.create_publisher(TimeStep, 'time_step', qos.TIME_STEP)
        if not self._films and not self._is_robot:
            self.create_subscription(Action, 'action', self._on_action, qos.ACTION)
            self.create_subscription(StepBudget, 'step_budget', self._on_budget, qos.BUDGET)
        for kind, name, action in (
            (Trigger, 'reset', self._on_reset), (SetBool, 'pause', self._on_pause),
            (Trigger, 'step', self._on_step), (SetDomain, 'set_domain', self._on_set_domain),
        ):  # fmt: skip
            offer(self, kind, f'~/{name}', action)
        self.create_timer(1.0, self._tell_wait)

    def _check_mode(self, waits: bool) -> None:
        if self._is_robot and (self._films or waits or self._config.num_envs > 1):
            raise ClaifoError('parameter robot of sim is true: it has one environment, which '
                              'neither films an expert nor waits for a budget')

    def _build(self, config: EnvConfig) -> World:
        spec = env_spec(config)
        if self._films or self._is_robot:  # a camera; who looks at its pictures sees them his way
            spec = dataclasses.replace(spec, lens=None)
        if self._films:
            return Filmed(spec, self._seed)
        return Driven(spec, config.num_envs, self._seed)

    def destroy_node(self) -> None:
        """End the simulators and leave the graph."""
        self._world.close()
        super().destroy_node()

    def _on_action(self, action: Action) -> None:
        if refusal := self._lock_step.take_action(action):
            if refusal.key == 'old_action':
                self._diagnostics.count(refusal.key)  # a policy that has just joined
            else:
                self._diagnostics.warn(*refusal)
            return
        self._go_on()

    def _on_budget(self, budget: StepBudget) -> None:
        taken = self._lock_step.take_budget(budget)
        if isinstance(taken, Refusal):
            self._diagnostics.warn(*taken)
        elif taken:
            self.get_logger().info('a learner begins a session: new episodes')
            self._show(self._world.restart())
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Do the next step, if everything for it is there."""
        action = self._lock_step.action
        if action is not None and self._lock_step.ready and not self._paused:
            begun_s = time.monotonic()
            self._show(self._world.step(action))
            self._diagnostics.latency.observe(time.monotonic() - begun_s)

    def _film(self) -> None:
        """Let the expert act, as soon as there is somebody to see it."""
        if not self._paused and all(i.get_subscription_count() for i in self._images):
            self._show(self._world.step(np.zeros((1, self._world.action_dim), np.float32)))

    def _live(self) -> None:
        """Go on by one control period, as a robot does, whoever commands it."""
        if not self._paused:
            self._show_live(self._robot.go_on())

    def _show_live(self, batch: Batch) -> None:
        """Publish what cameras and joints show now."""
        stamp = self.get_clock().now().to_msg()
        self._robot.tell_joints(batch, stamp)
        for camera in range(len(self._images)):
            self._show_image(camera, batch.frames[0][..., 3 * camera : 3 * camera + 3], stamp)
        if batch.step_type[0] == TimeStep.LAST:
            self._end_episode()

    def _show(self, batch: Batch) -> None:
        """Publish a step."""
        self._lock_step.shown()
        first = batch.step_type[0] == TimeStep.FIRST
        stamp = self._stamp(first)
        lock = self._lock_step
        message = time_steps.pack(
            batch, task=self._config.task, domain=self._config.domain, run=lock.run,
            session=lock.session, step=lock.step, weights_version=lock.weights_version,
        )  # fmt: skip
        message.header.stamp, message.header.frame_id = stamp, _FRAME_ID
        self._steps.publish(message)
        self._shown_s = time.monotonic()
        for camera in range(len(self._images)):
            self._show_image(camera, batch.frames[0][..., 3 * camera : 3 * camera + 3], stamp)
        if batch.step_type[0] == TimeStep.LAST:
            self._end_episode()

    def _end_episode(self) -> None:
        """Count it; the last one ends the program.

        Raises:
            Finished: after the last one.
        """
        self._finished += 1
        if self._finished == self._episodes:
            for camera in self._images:
                camera.wait_for_all_acked(Duration(seconds=_PATIENCE_S))
            raise Finished

    def _stamp(self, first: bool) -> Time:
        """Return the simulated time of the next step of environment 0."""
        hz = agent_hz(self._config)
        if first and self._tick:
            self._begun_ns += tick_ns(self._tick, hz) + _PAUSE_NS
            self._tick = 0
        now_ns = self._begun_ns + tick_ns(self._tick, hz)
        self._tick += 1
        return Time(sec=now_ns // 10**9, nanosec=now_ns % 10**9)

    def _show_image(self, camera: int, frame: np.ndarray, stamp: Time) -> None:
        if self._images[camera].get_subscription_count():
            self._images[camera].publish(images.to_image(frame, stamp, _FRAME_ID))
        if self._infos[camera].get_subscription_count():
            # An intrinsic matrix of zeros says: not calibrated.
            info = CameraInfo(height=frame.shape[0], width=frame.shape[1])
            info.header.stamp, info.header.frame_id = stamp, _FRAME_ID
            self._infos[camera].publish(info)

    def _tell_wait(self) -> None:
        self._diagnostics.set('step', self._lock_step.step)
        self._diagnostics.set('episodes', self._finished)
        waited_s = time.monotonic() - self._shown_s
        if waited_s > _PATIENCE_S and not (self._paused or self._films or self._is_robot):
            self._diagnostics.warn(
                'waiting', f'nothing came on {self._lock_step.waits_for} for {waited_s:.0f} s'
            )

    def _on_reset(self, _: Trigger.Request) -> str:
        self._restart()
        return 'new episodes'

    def _restart(self) -> None:
        if self._is_robot:
            self._robot.restart(self._world)
        else:
            self._show(self._world.restart())

    def _on_pause(self, request: SetBool.Request) -> str:
        self._paused = request.data
        self._go_on()
        return 'paused; ~/step goes on by one step' if request.data else 'goes on'

    def _on_step(self, _: Trigger.Request) -> str:
        if not self._paused:
            raise ClaifoError('the simulator is not paused; call ~/pause first')
        action = self._lock_step.action
        if action is None:
            action = np.zeros((self._world.num_envs, self._world.action_dim), np.float32)
        self._show(self._world.step(action))
        return f'step {self._lock_step.step}'

    def _on_set_domain(self, request: SetDomain.Request) -> str:
        config = dataclasses.replace(self._config, domain=request.domain)
        world = self._build(config)
        self._world.close()
        self._world, self._config = world, config
        self._restart()
        return f'the world looks like {request.domain}'


def main() -> int:
    """Run the node; returns its exit code."""
    return run(SimNode)


if __name__ == '__main__':
    sys.exit(main())
