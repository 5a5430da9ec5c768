"""Stage 4, classify: how well a classifier of the boundary transfers from source to target.

`backbones` has the networks and where they are frozen, `augmentation` the augmented copies,
`features` the cache of the frozen part's activations, `heads` and `training` the trainable rest,
`grid` which configurations there are, `configurations` their trainings, `selection` which of them
is selected, `pseudo_labels` the selected model on every face of the target.
"""
