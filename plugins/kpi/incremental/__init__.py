"""Refresh during the day (design, promise 8): changes of learners, and today's rows that follow them.

changes   the list kpi_change: who is to be captured anew
opening   today's rows computed whole, with the exact sums behind them
refresh   a few learners captured, and what their change adds to those sums written to the cells it touches
"""
