"""Studies: methods x tasks x domains x seeds, run side by side and resumed by the same command."""
