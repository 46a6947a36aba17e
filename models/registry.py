"""Named, versioned components: a fusion, a loss, a cohort is one file and one registration.

The version of a component is part of every ledger key it takes part in; raise it by hand when the numbers change.
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Generic, TypeVar

from models.errors import InputError

T = TypeVar("T")


def did_you_mean(name: str, choices: Iterable[str], *, limit: int = 1) -> str:
    """Return "; did you mean 'multiply'?" with up to `limit` close names, or "" when nothing is close."""
    lowered = {choice.lower(): choice for choice in choices}
    close = get_close_matches(name.lower(), lowered, n=limit)
    return f"; did you mean {' or '.join(repr(lowered[match]) for match in close)}?" if close else ""


class Registry(Generic[T]):
    """Components of one kind ("fusion", "loss") by name, each with the version of its numbers."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._components: dict[str, tuple[T, int]] = {}

    def register(self, name: str, *, version: int = 1) -> Callable[[T], T]:
        """Return the decorator that registers a component; ValueError when the name is taken."""

        def decorate(component: T) -> T:
            if name in self._components:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._components[name] = (component, version)
            return component

        return decorate

    def get(self, name: str) -> T:
        """Return the component; InputError with the known names and the closest one when there is none."""
        return self._entry(name)[0]

    def version(self, name: str) -> int:
        """Return the version of the component's numbers; InputError when it is unknown."""
        return self._entry(name)[1]

    def names(self) -> tuple[str, ...]:
        """Return the registered names, sorted."""
        return tuple(sorted(self._components))

    def _entry(self, name: str) -> tuple[T, int]:
        if name not in self._components:
            suggestion = did_you_mean(name, self._components)
            raise InputError(f"{self.kind} {name!r} is not known{suggestion} (known: {', '.join(self.names())})")
        return self._components[name]
