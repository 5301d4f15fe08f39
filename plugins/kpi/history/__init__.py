"""What the source said and when: the adapter, captures, and taking one back (design, "History")."""
