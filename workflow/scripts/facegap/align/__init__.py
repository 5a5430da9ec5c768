"""Stage align: every face in one frame.

`shards` aligns one shard of a data set, `gather` joins the shards' tables, `landmarks` finds the
68 points of a face, `geometry` cuts the crops by them.
"""
