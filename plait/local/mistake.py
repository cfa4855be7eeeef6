"""What a person can mend: a sentence and an exit code, never a traceback."""

FAILED = 1
USAGE = 2
NOT_RUNNING = 3
RUNNING = 4
REFUSED = 5


class Mistake(Exception):
    """Ends a command with one message: what was expected, what was found, where, what to do.

    `code` is the exit code of the command, one of those above.
    """

    def __init__(self, message: str, /, *, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code
