"""The errors a user can cause. Any thread may raise them; `app.cli` and the toasts print them as one line.

The message of each says what happened and what to do about it.
"""


class RipienoError(Exception):
    """An error that a person caused or can mend; `exit_code` is what the command line returns for it."""

    exit_code = 1


class BadScore(RipienoError):
    """A score that cannot be opened: missing, damaged, hostile, too large or not sheet music."""

    exit_code = 2


class Unusable(RipienoError):
    """A piece that cannot be part of a test: not engraved, or something of it is missing or does not fit."""


class UnknownPiece(RipienoError):
    """A name that is neither in the library nor a file."""

    exit_code = 2


class BundledPiece(RipienoError):
    """What is asked for can be done only to pieces that the user added."""

    exit_code = 2
