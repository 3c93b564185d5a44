"""Self-contained HTML pages: of a run, of a study, of a deployment.

Here live the charts and figures of each page, and its words and tables as a template in
``templates``, which escapes whatever files say. What is shown is measured elsewhere.
"""
