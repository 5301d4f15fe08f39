"""A second, independent implementation of the history and of the daily figures, in plain slow Python.

Written from the design, not from the SQL, so that the two can be compared on random worlds. Nothing here is used by the package.
"""
