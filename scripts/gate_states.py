"""The states of the gate, as a picture and a table, from what the code says.

    python scripts/gate_states.py          # write them into docs/deploy.md

A test runs it and compares.
"""

from __future__ import annotations

from pathlib import Path

from claifo_core.deploy.events import MEANS, TRANSITIONS, State

FILE = Path(__file__).resolve().parents[1] / 'docs' / 'deploy.md'
BEGIN, END = '<!-- states of the gate -->', '<!-- end of states -->'


def picture() -> str:
    """Return the states and their changes as a Mermaid diagram."""
    lines = ['```mermaid', 'stateDiagram-v2', f'    [*] --> {State.INACTIVE.value}']
    lines += [
        f'    {state.value} --> {after.value}: {cause.value}'
        for (state, cause), after in TRANSITIONS.items()
    ]
    return '\n'.join([*lines, '```'])


def table() -> str:
    """Return what is sent in each state, and how it is left."""
    rows = ['| state | what is sent | it is left by |', '|---|---|---|']
    for state in State:
        ways = [f'{cause.value}: **{after.value}**'
                for (before, cause), after in TRANSITIONS.items() if before == state]  # fmt: skip
        rows.append(f'| **{state.value}** | {MEANS[state]} | {"; ".join(ways)} |')
    return '\n'.join(rows)


def written(text: str) -> str:
    """Return a page with the picture and the table between the marks."""
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    return f'{head}{BEGIN}\n{picture()}\n\n{table()}\n{END}{tail}'


if __name__ == '__main__':
    FILE.write_text(written(FILE.read_text()))
