"""A second, independent implementation of the history, the daily figures and the rollups, in slow Python.

Written from the design, not from the SQL, so that the two can be compared on random worlds. The
package itself uses nothing of it.
"""
