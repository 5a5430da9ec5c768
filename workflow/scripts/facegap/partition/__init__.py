"""Stage partition: every face of the target on one side of the boundary, or left out.

In the order of trust: a face's own label by people (or the data set's), the label of the person's
other pictures, people's verification of a person, the classifier's pseudo-label. A label by people
is never changed. Paper 3.1.

pseudo_labels: which pseudo-labels are sure enough, and who is to be verified. simulated: verifiers
of drawn faces. merge: one side a face. errors: how many of the sides are wrong. measured: the
estimates.
"""
