"""A module for each kind of data set: `read` gives its faces, and what had to be rejected.

`facegap.acquire.reading` looks a reader up by its name in the registry (`facegap.kinds`), so that
an edit of one reads the data sets of its kind again, and no others.
"""
