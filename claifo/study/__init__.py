"""Studies: methods x tasks x domains x seeds, run side by side and resumed by the same command.

Here live the study file and what follows from it (``config``, ``plan``), the runner and where its
runs run (``runner``, ``executor``, ``cluster``), what the folder holds (``store``, ``progress``)
and what it says (``results``, ``statistics``, ``export``). A run itself is `claifo train`, in a
process of its own; pages belong to the report.
"""
