"""The graphs of this package."""

from __future__ import annotations

from claifo.graphs import deploy, film, train, view
from claifo.graphs.composition import Graph
from claifo_core.errors import ClaifoError, did_you_mean

GRAPHS = {
    graph.name: graph
    for graph in (
        train.TRAIN_SIM, film.RECORD_EXPERT, film.REPLAY_EXPERT, deploy.DEPLOY_POLICY, view.VIEW,
    )
}


def find(name: str) -> Graph:
    """Return the graph of that name, or of that launch file.

    Raises:
        ClaifoError: There is none.
    """
    short = name.removesuffix('.launch.py')
    if short not in GRAPHS:
        raise ClaifoError(
            f'{name}: no such graph{did_you_mean(short, GRAPHS)}; there are {", ".join(GRAPHS)}'
        )
    return GRAPHS[short]
