"""Stage report: every table and figure beside the published one, on one page.

results: Tables 1 to 5. gap: the fall across the boundary, and the verdict on it. figures: Figures
1 to 4 and the tables as plots. page: index.html.
"""
