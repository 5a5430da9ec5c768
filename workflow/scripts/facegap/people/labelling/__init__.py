"""Labelling: on which side of the boundary a face lies, one face at a time."""
