"""Stage 4, classify: how far a classifier of the boundary falls from the source to the target.

`backbones` has the networks and where they are frozen, `views` the augmentation, `features` the
cache of what the frozen part says of each face, `heads` and `training` the trainable rest,
`cells` one cell of the grid with all its repeats, `runs` what is kept of the grid, `proposals`
what the kept model says of every face of the target.
"""

NOTICE = (
    "Must not be published or used on people: a classifier of persons by a group they belong to."
    " Kept within the study for the proposals of the target's sides, which people verify."
)
