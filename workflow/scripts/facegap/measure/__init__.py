"""Stage measure: what any model does on either side of the boundary, as rows of ESTIMATES.

classification: of the classifiers, by what performance, groups, comparison and transfer compute.
rejected: of the alignment. roles: who is measured, and how many of them lie on the other side.
recogniser: the networks that judge translations; recognition: what they are worth. realism: of
translations (outputs: by image; distances, sets: of sets), by gaps, the estimator. codebook:
docs/estimates.md.
"""
