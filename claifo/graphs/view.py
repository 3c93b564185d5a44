"""`view`: what is installed for looking at a graph."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from claifo.graphs.composition import Argument, Graph, Process
from claifo.resources import config_dir
from claifo_core.errors import ClaifoError

_PLOTS = ('eval_return', 'reward_mean', 'discriminator_expert_accuracy',
          'discriminator_agent_accuracy')  # fmt: skip


def _viewers() -> dict[str, Process]:
    """Return each program with what it is to show."""
    plots = [f'/learner_status/{name}' for name in _PLOTS]
    return {
        'rviz2': Process('rviz2', 'rviz2', args=('-d', str(config_dir() / 'claifo.rviz')),
                         foreign=True),
        'rqt_plot': Process('rqt_plot', 'rqt_plot', args=plots, foreign=True),
        'foxglove_bridge': Process('foxglove_bridge', 'foxglove_bridge', foreign=True),
    }  # fmt: skip


def compose(values: Mapping[str, Any]) -> list[Process]:
    """Return the viewers that are there.

    Raises:
        ClaifoError: None is.
    """
    wanted = _viewers()
    if values['viewer']:
        wanted = {values['viewer']: wanted[values['viewer']]}
    found = [process for name, process in wanted.items() if shutil.which(name)]
    if not found:
        raise ClaifoError(
            f'none of {", ".join(wanted)} is installed; they come with ROS 2. Without it, record '
            'with recorder_node and open the .mcap file in Foxglove with the layout '
            f'{config_dir() / "claifo_foxglove.json"}'
        )
    return found


VIEW = Graph(
    'view',
    'look at a graph: images of expert and agent, curves',
    (Argument('viewer', '', 'the only one to start; empty: all that are installed',
              ('', 'rviz2', 'rqt_plot', 'foxglove_bridge')),),
    compose,
)  # fmt: skip
