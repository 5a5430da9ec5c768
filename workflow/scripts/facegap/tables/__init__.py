"""The tables that stages hand to each other: one schema each, checked when written and read."""
