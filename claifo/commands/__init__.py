"""One module per command of `claifo`.

Here live options, and what is printed. The work is done elsewhere, and imported by the function
that runs: `claifo --help` must be instant.
"""
