"""One module per command of `claifo`."""
