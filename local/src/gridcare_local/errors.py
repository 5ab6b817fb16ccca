"""The error of the local stack."""


class LocalStackError(Exception):
    """A part of the local stack could not be started, stopped or found. The message says what to do."""
