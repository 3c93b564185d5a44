"""Streams of random numbers: named, independent, and the same on every machine."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from claifo_core.device.seeding import episode_seed, generator, resume, seed_for

PATH = st.lists(st.text(max_size=8) | st.integers(0, 2**31), min_size=1, max_size=3).map(tuple)


@given(seed=st.integers(0, 2**63), path=PATH)
def test_seeds_depend_on_nothing_else_and_fit_their_users(seed, path):
    assert seed_for(seed, *path) == seed_for(seed, *path)
    assert 0 <= seed_for(seed, *path) < 2**63
    assert 0 <= episode_seed(seed, *path) < 2**31


def test_values_are_fixed_for_ever():
    """A run must be repeatable with a later version: these are not to change."""
    assert seed_for(0, 'networks') == 8595189049168749455
    assert seed_for(1, 'episode', 0, 3) == 7819959526078330822


def test_neighbours_share_no_stream():
    seeds = [
        seed_for(seed, name, *numbers)
        for seed in range(5)
        for name in ('agent', 'replay', 'expert', 'explore', 'networks', 'augment')
        for numbers in ((), *((i, j) for i in range(4) for j in range(4)))
    ]
    assert len(set(seeds)) == len(seeds)
    assert len({seed >> 32 for seed in seeds}) == len(seeds)


def test_generators_by_name():
    first, again, other, elsewhere = (
        torch.rand(4, generator=generator(seed, name))
        for seed, name in ((3, 'agent'), (3, 'agent'), (3, 'replay'), (4, 'agent'))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, elsewhere)


def test_streams_go_on_and_those_of_another_device_begin_anew(capsys):
    saved = {'own': generator(3, 'own'), 'foreign': generator(3, 'foreign')}
    torch.rand(5, generator=saved['own'])
    states = {f'rng.{name}': rng.get_state() for name, rng in saved.items()}
    resume(dict(saved), states, 3, 0, 7)
    assert capsys.readouterr().err == ''
    states['rng.foreign'] = torch.zeros(16, dtype=torch.uint8)  # as long as that of a GPU
    draws = []
    for updates in (7, 7, 8):
        rngs = {name: generator(9, name) for name in saved}
        resume(rngs, states, 3, 0, updates)
        draws.append([torch.rand(4, generator=rng) for rng in rngs.values()])
    assert torch.equal(draws[0][0], torch.rand(4, generator=saved['own']))
    assert torch.equal(draws[0][1], draws[1][1]) and not torch.equal(draws[0][1], draws[2][1])
    assert capsys.readouterr().err.splitlines() == 3 * [
        'claifo: saved on another device; draws begin anew: foreign'
    ]
