"""Options of the world the agent acts in, and of the films it learns from."""

from __future__ import annotations

from dataclasses import dataclass

from claifo_core.config.options import Section, option
from claifo_core.data import KINDS


@dataclass(frozen=True)
class EnvConfig(Section):
    """The world in which the agent acts and learns."""

    task: str = option('walker_walk', 'task name (see `claifo tasks`)')
    domain: str = option('light/target', 'how the agent sees its world (see `claifo domains`)')
    size_px: int = option(64, 'side of the square frame', unit='px', low=16, high=512)
    frame_stack: int = option(3, 'frames in one observation', low=1, high=16)
    action_repeat: int = option(1, 'control steps for which an action is held', low=1, high=16)
    cameras: tuple[str, ...] = option(
        (), 'cameras whose pictures make one observation; empty: those of the task'
    )
    proprio: bool = option(
        False, 'actor and critic also see what the robot measures of itself (proprioception)'
    )
    observation: str = option(
        'rgb',
        'what the agent sees of its frames: colours, grey levels, events (where the light '
        'changes), or, in simulation alone, depth, segmentation, or cloud: depth as the camera '
        'would see it where it belongs',
        choices=KINDS,
    )
    camera_jitter: float = option(
        0.0,
        'largest random move of the camera, drawn for each training episode: a turn by so many '
        'degrees about each axis, and a shift by so many hundredths of the scene along each; '
        '0: none',
        unit='deg',
        low=0,
        high=45,
    )
    profile: str = option('fast', 'rendering quality', choices=('fast', 'faithful'))
    num_envs: int = option(1, 'environments, each in a process of its own', low=1, high=256)
    episode_steps: int = option(
        0, 'training episodes are cut after so many agent steps; 0: the limit of the task', low=0
    )


@dataclass(frozen=True)
class ExpertConfig(Section):
    """Where the expert's videos are and how they are read."""

    bag: str = option('', 'a rosbag2, or a folder of them, with the videos of the expert')
    topic: str = option(
        '',
        'image topic, or those of several cameras with commas between; empty: the only one, or '
        'those that `claifo expert record` writes for env.cameras',
    )
    action_topic: str = option(
        '',
        'topic of what the expert did (claifo_msgs/msg/Action), for agent.cloning and '
        'agent.demonstrations; empty: films are images alone',
    )
    reward_topic: str = option(
        '',
        'topic of what that earned (claifo_msgs/msg/TimeStep), for agent.demonstrations; empty: '
        'not known',
    )
    split: str = option('bag', 'what ends an episode', choices=('bag', 'gap', 'marker'))
    gap_s: float = option(1.0, 'pause that ends an episode (split: gap)', unit='s', low=0.001)
    marker_topic: str = option('', 'topic whose messages start an episode (split: marker)')
    crop: tuple[int, int, int, int] | None = option(
        None, 'part of the image that is kept: x, y, width, height; null: all', unit='px', low=0
    )
    max_episodes: int = option(0, 'use only the first so many episodes; 0: all', low=0)
    random_bag: str = option(
        '',
        "films of random actions in the expert's world, for methods that need them; empty: where "
        '`claifo expert record --random` puts them',
    )
    random_agent_bag: str = option('', "the same in the agent's world")
