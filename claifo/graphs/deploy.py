"""`deploy_policy`: a policy on a robot's cameras, and the safety node behind it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claifo.graphs.composition import Argument, Graph, Process
from claifo_core.deploy import actors, limits
from claifo_core.deploy import contract as contracts
from claifo_core.errors import ClaifoError

_BOOLEANS = ('true', 'false')


def compose(values: Mapping[str, str]) -> list[Process]:
    """Return the processes of a deployment; what does not fit together is said before.

    Raises:
        ClaifoError: A file is missing or damaged, or they do not fit together.
    """
    policy, shadow = values['policy'], values['shadow'] == 'true'
    actor, known = actors.load(policy)
    source = values['contract'] or policy
    if values['contract'] or known is None:
        known = actors.read_contract(source)
    contracts.check_policy(known, actor.metadata, source)
    topics = [topic.strip() for topic in values['image'].split(',') if topic.strip()]
    if topics:
        contracts.with_topics(known, tuple(topics))
    pilot: dict[str, Any] = {
        'policy': policy, 'input': 'cameras', 'contract': values['contract'], 'topics': topics,
    }  # fmt: skip
    if shadow:
        pilot['compare'] = True
        return [Process('policy_node', 'policy', pilot, {'action': 'shadow/action'}, restart=True)]
    if not values['limits']:
        raise ClaifoError('deploy_policy needs limits:=FILE: without limits nothing moves; '
                          'shadow:=true acts without moving anything')
    limits.check(limits.load(values['limits']), known.action, values['limits'])
    guard = {'contract': str(Path(source)), 'limits': values['limits']}
    return [
        Process('safety_node', 'safety', guard),
        Process('policy_node', 'policy', pilot, restart=True),
    ]


DEPLOY_POLICY = Graph(
    'deploy_policy',
    'act on a robot by its cameras, inside its limits',
    (
        Argument('policy', None, 'export (claifo export) or policy file'),
        Argument('limits', '', 'limits of the robot (YAML), or a contract that has them'),
        Argument('image', '', 'image topic, or several with commas; empty: as in the contract'),
        Argument('contract', '', 'deployment contract (YAML); empty: that of the policy'),
        Argument('shadow', 'false', 'only say what would be done, on shadow/action', _BOOLEANS),
    ),
    compose,
)
