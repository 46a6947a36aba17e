"""The error that a user's own input causes, apart from a fault of the program."""


class InputError(ValueError):
    """A value the user gave cannot be used; the message is one line with the field, the value and what to do."""
