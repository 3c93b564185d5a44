"""The machine: which device, how many threads, CUDA graphs, memory, streams of random numbers.

Nothing is handed out: ``devices`` and ``capture`` need torch, ``runtime`` and ``seeding`` work
without it. Nothing here knows what is computed.
"""
