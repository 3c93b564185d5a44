"""What a robot needs that runs a policy: no torch, no simulator, unless a checkpoint is named."""
