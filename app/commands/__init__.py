"""The sub-commands that have much to do or to print; `app.cli` joins them into one command line."""

from pieces.errors import RipienoError


class UsageProblem(RipienoError):
    """Something was typed that cannot be meant, or that does not go together."""

    exit_code = 2
