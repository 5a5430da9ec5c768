"""Stage judge: people compare the outputs of both sides of the boundary, blind to which is which.

pairs: what is compared. responses: real answers, or simulated and marked so. estimates: Table 5
and the model behind it.
"""
