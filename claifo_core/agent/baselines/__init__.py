"""What other methods put in place of a part of Algorithm 1 (docs/methods.md)."""
