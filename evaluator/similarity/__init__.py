"""Representational similarity: what modules, layers, acoustic descriptors and labels have in common."""
