"""Conversion of the fact tables from one storage mode to the other, with their rows.

`tables` derives the new tables from the migrations, `copying` fills and compares them, `conversion` does the whole.
"""
