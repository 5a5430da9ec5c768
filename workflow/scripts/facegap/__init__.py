"""facegap: how far face models fall when they cross a demographic boundary. A part per stage."""
