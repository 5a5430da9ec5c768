"""Stage report: every table and figure beside the published one, on one page; computes nothing."""
