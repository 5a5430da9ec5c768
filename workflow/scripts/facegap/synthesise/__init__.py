"""Stage synthesise: StarGAN trained on one side of the boundary, and how real its outputs are.

cast: which faces play which part. networks, losses, training, resume: StarGAN. translation,
sheet: unseen faces of both sides, one attribute changed at a time. recogniser, realism: measures.
"""
