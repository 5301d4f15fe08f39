"""The package's errors: each message is one sentence naming the thing, the value and the way out."""

from __future__ import annotations


class KpiError(Exception):
    """Something the package refuses or cannot do; the message says what to do about it."""


class InputError(KpiError):
    """A date, an instant or a parameter given to a run is wrong; nothing has been written."""


class ConnectionProblem(KpiError):
    """A connection is missing, points nowhere, or its account lacks a right."""


class NoConnectionFree(ConnectionProblem):
    """A server has as many connections as it takes: to try again later may do."""
