"""People answer on pages in a browser: labelling faces, and comparing pictures in pairs.

engine: seats, items and answers in a database. web: the server. commands: what the command line has
in common. labelling, comparing: the two sites.
"""
