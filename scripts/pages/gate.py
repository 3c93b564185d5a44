"""docs/deploy.md: the states of the gate, a picture and a table, as the code has them."""

from __future__ import annotations

from claifo_core.deploy.events import MEANS, TRANSITIONS, State
from pages.markdown import table


def sections() -> dict[str, str]:
    """Return the picture and the table, for the page."""
    rows = ((f'**{state.value}**', MEANS[state], _ways(state)) for state in State)
    head = ('state', 'what is sent', 'it is left by')
    return {'docs/deploy.md': f'{_picture()}\n\n{table(head, rows)}'}


def _picture() -> str:
    """Return the states and their changes as a Mermaid diagram."""
    changes = [
        f'    {state.value} --> {after.value}: {cause.value}'
        for (state, cause), after in TRANSITIONS.items()
    ]
    first = f'    [*] --> {State.INACTIVE.value}'
    return '\n'.join(['```mermaid', 'stateDiagram-v2', first, *changes, '```'])


def _ways(state: State) -> str:
    return '; '.join(
        f'{cause.value}: **{after.value}**'
        for (before, cause), after in TRANSITIONS.items()
        if before == state
    )
