"""The search space: from a study's `search` section to points that Optuna suggests.

A space is either declared (`dimensions.py`) or a function of the user, `search: {space: "module:function"}`, which gets
an `optuna.Trial` and returns dotted settings (define by run). The function runs in the driver only and is never
pickled, so its module may use lambdas and closures; it has to be importable.
"""

import hashlib
import importlib
import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import optuna

from analysis.ledger import canonical_json, digest
from models.errors import InputError
from models.registry import did_you_mean
from searchspace.search.dimensions import Range, encode, read_dimensions
from trainables.seeds import derive

N_PROBES = 64
"""Random points from which the settings that a function varies are learnt."""


class AbstractSpace(ABC):
    """What a search can vary. `digest` stands for the space; `factors` are the dotted settings that vary."""

    digest: str
    factors: tuple[str, ...]

    @abstractmethod
    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Return the dotted settings of a point; raises InputError when the space itself is at fault."""

    @abstractmethod
    def encode(self, point: dict[str, Any]) -> dict[str, Any]:
        """Return a starting point, given in dotted settings, as Optuna's parameters; InputError: it is outside."""

    def probe(self, n: int, seed: int = 0) -> list[dict[str, Any]]:
        """Return `n` random points, to be checked before anything starts."""
        study = _scratch_study(derive(seed, "probe") % 2**32)
        return [self.suggest(study.ask()) for _ in range(n)]

    def starting_points(self, points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return `strategy.start` as Optuna's parameters.

        Raises:
            InputError: a point names what is not searched, what does not exist beside its other values, or a value
                outside the space.
        """
        parameters = []
        for number, point in enumerate(points):
            try:
                parameters.append(self._checked(self.encode(point)))
            except ValueError as error:
                raise InputError(f"strategy.start.{number}: {' '.join(str(error).split())}") from error
        return parameters

    def _checked(self, parameters: dict[str, Any]) -> dict[str, Any]:
        study = _scratch_study(0)
        study.enqueue_trial(parameters)
        trial = study.ask()
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # so does Optuna say that a value is out of range
            try:
                self.suggest(trial)
            except UserWarning as warning:
                raise InputError(str(warning)) from warning
        unused = sorted(set(parameters) - set(trial.params))
        if unused:
            raise InputError(f"{unused[0]} does not exist beside the other values of this point")
        return parameters


class DeclaredSpace(AbstractSpace):
    """A space of dimensions, some of them conditional."""

    def __init__(self, search: dict[str, Any]) -> None:
        self._dimensions = read_dimensions(search)
        self.factors = tuple(self._dimensions)
        # A list of pairs: the order of the dimensions is the order in which they are drawn.
        self.digest = digest([[name, given.model_dump(mode="json")] for name, (given, _) in self._dimensions.items()])

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Return the dotted settings of a point; a dimension whose conditions do not hold is left out."""
        point: dict[str, Any] = {}
        for name, (dimension, conditions) in self._dimensions.items():
            if all(condition.holds(point) for condition in conditions):
                point[name] = dimension.suggest(trial, name)
        return point

    def encode(self, point: dict[str, Any]) -> dict[str, Any]:
        """Return a starting point as Optuna's parameters; InputError names a value that is not in the space."""
        for name, value in point.items():
            if name not in self._dimensions:
                raise InputError(
                    f"{name} is not searched{did_you_mean(name, self.factors)} (searched: {', '.join(self.factors)})"
                )
            if not self._dimensions[name][0].contains(value):
                raise InputError(f"{name}={value!r} is outside the space")
        ranges = {name for name, (dimension, _) in self._dimensions.items() if isinstance(dimension, Range)}
        return {name: value if name in ranges else encode(value) for name, value in point.items()}


class FunctionSpace(AbstractSpace):
    """The space of a define-by-run function `module:function` of the user."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._function = _load(name)
        self.digest = digest([name, _source(self._function)])
        self.factors = tuple(dict.fromkeys(factor for point in self.probe(N_PROBES) for factor in point))

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Call the function and return its dotted settings; InputError when it fails or returns something else."""
        try:
            point = self._function(trial)
            canonical_json(point)
        except UserWarning:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise InputError(f"search.space={self._name!r} failed: {reason}") from error
        if not isinstance(point, dict) or not all(isinstance(name, str) and "." in name for name in point):
            raise InputError(
                f"search.space={self._name!r} must return dotted settings, "
                f"for example {{'fusion.name': 'concat'}}, not {point!r}"
            )
        return point

    def encode(self, point: dict[str, Any]) -> dict[str, Any]:
        """Return the point as it is: it is written in the names that the function gives to Optuna."""
        return dict(point)


def open_space(search: dict[str, Any]) -> AbstractSpace:
    """Return the space of a study's `search` section.

    Raises:
        InputError: one line that names the dimension, or the function that cannot be used.
    """
    if not search:
        raise InputError("search: name at least one dotted setting with its values")
    if set(search) == {"space"} and isinstance(search["space"], str):
        return FunctionSpace(search["space"])
    return DeclaredSpace(search)


def _load(name: str) -> Callable[[optuna.Trial], dict[str, Any]]:
    module, colon, function = name.partition(":")
    if not (module and colon and function):
        raise InputError(f"search.space={name!r}: write module:function")
    try:
        found: Any = attrgetter(function)(importlib.import_module(module))
    except Exception as error:  # a module of the user may fail in any way while it is imported
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise InputError(
            f"search.space={name!r} cannot be imported ({reason}); install it, or name its folder in PYTHONPATH"
        ) from error
    if not callable(found):
        raise InputError(f"search.space={name!r} is no function")
    return found


def _source(function: Any) -> str:
    """Return the hash of the module that holds the function: another text is another space."""
    path = inspect.getsourcefile(inspect.unwrap(function)) if hasattr(function, "__code__") else None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else ""


def _scratch_study(seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
