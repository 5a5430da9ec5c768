"""Stage measure: what any model does on either side of the boundary, as rows of ESTIMATES.

classification: of the classifiers, by what performance, groups, comparison and transfer compute.
rejected: of the alignment. realism: of translations, by distances and the recogniser. codebook:
docs/estimates.md.
"""
