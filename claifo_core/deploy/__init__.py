"""What a robot needs that runs a policy: no torch, no simulator, unless a checkpoint is named.

Here live the contract with what its actions mean, limits and the one way through them, ticks, and
policies from whatever file they are in. Nothing that learns; ``export``, which writes such files,
is the only one to need torch.
"""
