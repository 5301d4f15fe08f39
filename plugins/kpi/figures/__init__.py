"""How rows of fact tables are written: slices, rollups, ranges of days, dry runs (design, "Slice protocol")."""
