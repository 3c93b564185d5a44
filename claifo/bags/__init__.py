"""rosbag2 in and out: camera images of any encoding become episodes of frames, and back.

Here live the readers of whole and broken files, decoding, resampling to the control rate, what
stands beside the pictures (joints, actions, rewards), writers and recorder. What a policy wants to
see is told from outside (``ReadOptions``): nothing here knows a method or starts a simulator.
"""

from __future__ import annotations

from claifo.bags.episodes import read_episodes
from claifo.bags.options import ReadOptions
from claifo.bags.report import BagReport
from claifo.bags.truth import EpisodeTruth, Truth, read_truth
from claifo.bags.writer import BagWriter

__all__ = [
    'BagReport',
    'BagWriter',
    'EpisodeTruth',
    'ReadOptions',
    'Truth',
    'read_episodes',
    'read_truth',
]
