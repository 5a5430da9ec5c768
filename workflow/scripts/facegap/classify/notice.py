"""What every file of trained weights says of itself."""

NOTICE = (
    "Must not be published or used on people: a classifier of persons by a group they belong to."
    " Part of one study, for the pseudo-labels of the target's faces, which people verify."
)
