"""What can go wrong with the local stack, said so that a person knows what to do."""


class LocalStackError(Exception):
    """A part of the local stack could not be started, stopped or found; the message says what to do."""
