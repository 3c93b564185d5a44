"""Self-contained HTML pages: of a run, of a study, of a deployment.

Here live what a page shows (figures, scenes, tables of numbers), its templates and how they are
filled. What the numbers are is worked out below: by studies, playback and robustness.
"""
