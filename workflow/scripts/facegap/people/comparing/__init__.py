"""Comparing: which of two pictures is better, blind to which is which."""
