"""`load_run`: from a folder to a `Run`, on any machine that has the folder; neither Ray nor torch is needed.

The folder may be that of a run (`runs/ham10000-screen`), its ledger, or a ledger that several runs share. A ledger
without any manifest, as one that was copied fit by fit, is read as it is: `analysis.inference` says what it holds.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from analysis.errors import AnalysisError
from analysis.importances import read_importances
from analysis.inference import inferred_manifest
from analysis.ledger import Ledger
from analysis.ledger.storage import Storage
from analysis.manifest import IN_LEDGER, IN_RUN, Manifest, PlannedConfiguration, PlannedFold, PlannedPart, read_manifest
from analysis.run import Run, evaluate_run
from analysis.search_record import Entry, SearchRecord
from analysis.study_file import asked_instead, check_study_name, study_file

FEWEST_REPLICATES, MOST_REPLICATES = 100, 1_000_000
"""With fewer a 95 % interval has no tails; memory grows with their number."""


def load_run(location: str | Path, study: str | None = None, *, replicates: int = 0) -> Run:
    """Read a run folder or a ledger and evaluate everything in it.

    Args:
        location: a local folder or a URI (`s3://...`).
        study: of a ledger, the name of one of the studies it holds; or a study file (.yaml), whose name, question and
            tables are used in place of those recorded.
        replicates: of the bootstrap, at least 100; 0: no bootstrap intervals.

    Raises:
        AnalysisError: no run and no ledger is there, the study is unknown or not named where there are several, or the
            fold fits cannot be evaluated.
    """
    check_replicates(replicates)
    storage = existing(location)
    file = study if study and study.endswith((".yaml", ".yml")) else None
    asked = study_file(file) if file else {}
    manifest, ledger = _manifest_and_ledger(storage, None if file else study)
    entries = SearchRecord(storage).load()
    manifest = _with_trials(manifest, entries, ledger)
    if file:
        manifest = asked_instead(manifest, asked, file)
    run = evaluate_run(manifest, ledger, _folder_name(storage), search=entries, replicates=replicates)
    try:
        return replace(run, importances=read_importances(storage))
    except AnalysisError as error:
        return replace(run, unreadable=(str(error),))


@dataclass(frozen=True)
class Planned:
    """What a run planned and where its fold fits are. `shared`: the ledger may hold those of other runs too."""

    folder: Storage
    manifest: Manifest
    ledger: Ledger
    entries: tuple[Entry, ...]
    shared: bool


def open_planned(location: str | Path, study: str | None = None) -> Planned:
    """Open a run folder or a ledger, and evaluate nothing; arguments and errors as `load_run`, without study files."""
    folder = existing(location)
    manifest, ledger = _manifest_and_ledger(folder, study)
    own = ledger.storage.location == folder.folder("ledger").location and folder.read(IN_RUN) is not None
    shared = not own and len(ledger.storage.names(IN_LEDGER, ".json")) > 1
    return Planned(folder, manifest, ledger, tuple(SearchRecord(folder).load()), shared or manifest.ledger is not None)


def check_replicates(replicates: int) -> None:
    """Refuse numbers of bootstrap replicates that give no interval.

    Raises:
        AnalysisError: neither 0 nor a whole number from 100 to 1,000,000.
    """
    is_count = isinstance(replicates, int) and not isinstance(replicates, bool)
    if not is_count or (replicates != 0 and not FEWEST_REPLICATES <= replicates <= MOST_REPLICATES):
        allowed = f"a whole number from {FEWEST_REPLICATES} to {MOST_REPLICATES:,}"
        raise AnalysisError(f"replicates={replicates}: give {allowed}, or 0 for no bootstrap")


def existing(location: str | Path) -> Storage:
    """Open the folder of a run or of a ledger.

    Raises:
        AnalysisError: it is not there, cannot be looked at, or is no folder.
    """
    storage = Storage(location)
    local = storage.local
    try:
        is_there = local is None or local.is_dir()
    except OSError as error:
        raise AnalysisError(f"{location}: cannot be opened ({error.strerror or error})") from error
    if not is_there:
        raise AnalysisError(f"{location}: there is no such folder; give that of a run or of a ledger")
    return storage


def _folder_name(storage: Storage) -> str:
    """Return what a folder is called, in characters that a study may have."""
    local = storage.local
    name = Path(storage.base).name if local is None else local.resolve().name
    plain = "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "-" for one in name)
    return plain.lstrip("._-")[:64] or "ledger"


def _manifest_and_ledger(storage: Storage, study: str | None) -> tuple[Manifest, Ledger]:
    """Return what was planned and the ledger with its fold fits."""
    manifest = read_manifest(storage, IN_RUN)
    if manifest is not None:
        if study is not None and study != manifest.study:
            raise AnalysisError(f"--study {study}: {storage.location} holds a run of {manifest.study!r}")
        return manifest, _ledger_of(storage, manifest)
    ledger = _bare_ledger(storage)
    recorded = _recorded(ledger, study)
    if recorded is not None:
        return recorded, ledger
    name = _folder_name(storage) if study is None else check_study_name(study, "--study")
    return inferred_manifest(ledger, name), ledger


def _ledger_of(storage: Storage, manifest: Manifest) -> Ledger:
    """Return the ledger that the run wrote; one that was copied into the run folder goes before."""
    own = Ledger(storage.folder("ledger"))
    if manifest.ledger is None or own.keys():
        return own
    shared = Ledger(manifest.ledger)
    if not shared.keys() and not shared.storage.names(
        IN_LEDGER, ".json"
    ):  # a run that just began has its manifest there
        raise AnalysisError(
            f"{storage.location}: its fold fits were in the ledger {manifest.ledger}, which is empty or gone; copy "
            "that ledger into the run folder as `ledger`"
        )
    return shared


def _bare_ledger(storage: Storage) -> Ledger:
    """Return the ledger in a folder without a manifest: the folder itself, or `ledger` in it."""
    for ledger in (Ledger(storage), Ledger(storage.folder("ledger"))):
        if ledger.keys():
            return ledger
    raise AnalysisError(
        f"{storage.location}: neither a run (no {IN_RUN}) nor a ledger (no fits/*.json); give the folder that "
        "`python -m searchspace.run --out` or `--ledger` named"
    )


def _recorded(ledger: Ledger, study: str | None) -> Manifest | None:
    """Return the manifest of a study in a ledger; None where the ledger holds none at all."""
    names = ledger.storage.names(IN_LEDGER, ".json")
    if not names:
        return None
    if study is None and len(names) > 1:
        raise AnalysisError(f"{ledger.storage.location} holds several studies; choose one, --study {' | '.join(names)}")
    if study is not None and study not in names:
        raise AnalysisError(f"--study {study}: not in {ledger.storage.location} (it holds: {', '.join(names)})")
    return read_manifest(ledger.storage, f"{IN_LEDGER}/{study or names[0]}.json")


def _with_trials(manifest: Manifest, entries: list[Entry], ledger: Ledger) -> Manifest:
    """Return the manifest with the trials of a killed search, which was last written when they were not yet known."""
    parts = tuple(_completed(part, entries, ledger) if part.role == "search" else part for part in manifest.parts)
    return replace(manifest, parts=parts)


def _completed(part: PlannedPart, entries: list[Entry], ledger: Ledger) -> PlannedPart:
    known = {one.identifier for one in part.configurations}
    found = []
    for entry in entries:
        if entry.configuration is None or entry.configuration in known or entry.state not in ("complete", "pruned"):
            continue
        records = ledger.records(fold.key for fold in entry.folds)
        if not records:
            continue
        known.add(entry.configuration)
        found.append(
            PlannedConfiguration(
                identifier=entry.configuration,
                label=entry.label or entry.configuration,
                configuration=next(iter(records.values())).configuration,
                fits=planned_folds(part, entry),
                dropped=str(entry.dropped["rule"]) if entry.dropped else None,
            )
        )
    return replace(part, configurations=(*part.configurations, *found))


def planned_folds(part: PlannedPart, entry: Entry) -> tuple[PlannedFold, ...]:
    """Return the folds that were trained and, of a dropped trial, those that were spared, whose keys are not known."""
    done = {(fold.repeat, fold.fold): fold.key for fold in entry.folds}
    repeats = range(max([int(part.folds.get("repeats", 1)), *(repeat + 1 for repeat, _ in done)]))
    every = [(repeat, fold) for repeat in repeats for fold in range(int(part.folds["folds"]))]
    return tuple(
        PlannedFold(repeat=repeat, fold=fold, key=done.get((repeat, fold), ""))
        for repeat, fold in sorted({*every, *done})
    )
