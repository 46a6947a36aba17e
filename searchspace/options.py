"""The options of a run, resolved: absolute paths or URIs, a validated study, and what an earlier run was asked."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.ledger.credentials import refuse_credentials
from models.errors import InputError
from searchspace.plan import Plan
from searchspace.preparation import Request
from searchspace.study import Study, validate_study
from searchspace.study_files import read_study
from searchspace.workspace import read_request
from trainables.node_cache import default_cache


@dataclass(frozen=True)
class Options:
    """What the user asked for."""

    request: Request
    out: str
    ledger: str | None
    executor: str | None
    address: str | None
    dry_run: bool
    replay: str | None = None
    tables_only: bool = False

    @classmethod
    def of(cls, given: argparse.Namespace, working_directory: Path) -> "Options":
        """Resolve the command line against the working directory; with --resume, against the run's own request.

        Raises:
            InputError: an unknown study, a path that is not there, or settings that cannot be used.
        """
        for option in ("data", "weights", "out", "ledger", "replay", "address"):
            if getattr(given, option) == "":
                raise InputError(f"--{option} is an empty text; leave it out, or say what it is")
        for option in ("data", "weights", "out", "ledger", "replay"):
            refuse_credentials(getattr(given, option) or "", f"--{option}")
        out = _location(given.out, working_directory)
        earlier: dict[str, Any] = {}
        if given.resume:
            out = out or str(working_directory / "runs" / (given.study or "quickstart"))
            earlier = read_request(out)
            study = _study_to_resume(given, earlier, out)
        else:
            study = read_study(
                "quickstart" if given.study is None else given.study, tuple(given.set), working_directory
            )
        request = Request(
            study=study,
            data=_path(given.data or earlier.get("data"), "--data", working_directory),
            weights=_path(given.weights or earlier.get("weights"), "--weights", working_directory),
            skip_bad=given.skip_bad or earlier.get("skip_bad", False),
            cache=default_cache(),
            dry_run=given.dry_run,
        )
        return cls(
            request=request,
            out=out or str(working_directory / "runs" / study.name),
            ledger=_location(given.ledger or earlier.get("ledger"), working_directory),
            executor=given.executor or earlier.get("executor"),
            address=given.address or earlier.get("address"),
            dry_run=given.dry_run,
            replay=_location(given.replay or earlier.get("replay"), working_directory),
            tables_only=given.no_report,
        )

    def executor_for(self, plan: Plan) -> str:
        """Return the executor that was asked for, else the one that suits the plan.

        Raises:
            InputError: it cannot train one fold fit with several processes, as the study asks.
        """
        executor = self.executor or ("train" if plan.fine_tuned else "warm")
        ranks = plan.study.resources.ranks_per_fit
        if ranks > 1 and plan.fine_tuned and executor != "train":
            raise InputError(f"resources.ranks_per_fit={ranks} needs --executor train, not {executor}")
        return executor

    def as_request(self) -> dict[str, Any]:
        """Return the plain JSON that `--resume` reads back."""
        request = self.request
        return {
            "study": request.study.model_dump(mode="json", exclude_unset=True),
            "data": request.data,
            "weights": request.weights,
            "skip_bad": request.skip_bad,
            "ledger": self.ledger,
            "executor": self.executor,
            "address": self.address,
            "replay": self.replay,
        }


def _study_to_resume(given: argparse.Namespace, earlier: dict[str, Any], out: str) -> Study:
    if given.set:
        raise InputError("--resume continues the run as it was asked for; to change settings, leave --resume out")
    study = validate_study(earlier["study"])
    if given.study and given.study != study.name and not given.study.endswith((".yaml", ".yml")):
        raise InputError(f"--resume: {out} holds a run of study {study.name!r}, not {given.study!r}")
    return study


def _location(given: str | None, working_directory: Path) -> str | None:
    if given is None or "://" in given:
        return given
    return str((working_directory / Path(given).expanduser()).absolute())


def _path(given: str | None, option: str, working_directory: Path) -> str | None:
    """Return an absolute path that exists, or a URI as it is: what lies there is looked at when it is opened."""
    location = _location(given, working_directory)
    if location is not None and "://" not in location and not Path(location).exists():
        raise InputError(f"{option} {given}: there is no such file or folder")
    return location
