"""Stage synthesise: StarGAN trained on one side of the boundary, tried on faces of both.

roles: who trains, who is measured. networks, losses, training: StarGAN. translation, sheet,
browse: unseen faces of both sides, one attribute changed at a time.
"""
