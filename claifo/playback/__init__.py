"""A bag played to a policy: what it would do, whether it looks, what it sees.

Here live the policy as it wants to see a bag (``player``), what it did with one (``playback``) and
what lies between the latents of two (``latent_gap``). Open loop: no simulator moves, and nothing
learns.
"""

from claifo.playback.playback import play, tables, to_dict

__all__ = ['play', 'tables', 'to_dict']
