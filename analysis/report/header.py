"""What stands at the head of a report: the data, the folds, the seeds, and which code made the numbers."""

from collections.abc import Iterable
from dataclasses import dataclass

from analysis.ledger import digest
from analysis.run import Part, Run
from analysis.study_file import TABLES_CHOSEN_AFTER
from analysis.tables.caption import data_sentence
from analysis.tables.formatting import plural

LIBRARIES = ("torch", "timm", "scikit-learn", "numpy", "python")

CHOSEN_AFTER = "chosen after the run, by a study file in place of those recorded with it: exploratory"


@dataclass(frozen=True)
class Fact:
    """A term and what is to be said of it, one line each."""

    term: str
    lines: tuple[str, ...]


def header_facts(run: Run, date: str | None) -> tuple[Fact, ...]:
    """Return the facts of a run, in order; `date` is printed as it was given."""
    manifest = run.manifest
    facts = [
        Fact("Source", (manifest.source,) if manifest.source else ()),
        Fact("Expected before the run", (manifest.expected,) if manifest.expected else ()),
        Fact("Tables", (CHOSEN_AFTER,) if _chosen_after(run) else ()),
        Fact("Data", _per_part(run, _data)),
        Fact("Models", _per_part(run, lambda part: part.planned.trained_on)),
        Fact("Fold fits", _per_part(run, _progress)),
        Fact("Seeds", _seeds(run)),
        Fact("Code", _code(run)),
        Fact("Configuration hash", (configuration_hash(run),)),
        Fact("Date", (date,) if date else ()),
    ]
    return tuple(fact for fact in facts if fact.lines)


def _chosen_after(run: Run) -> bool:
    return any(TABLES_CHOSEN_AFTER in part.planned.declarations for part in run.parts)


def configuration_hash(run: Run) -> str:
    """Return the first 16 digits of the hash of all planned fold-fit keys.

    A key covers configuration, data, folds, seeds, weights and the versions of components, so that equal hashes mean
    that the same was asked.
    """
    keys = [fit.key for part in run.parts for one in part.planned.configurations for fit in one.fits]
    return digest(sorted(keys))[:16]


def _per_part(run: Run, tell: object) -> tuple[str, ...]:
    assert callable(tell)
    told = [(part.planned.name or part.planned.role, str(tell(part))) for part in run.parts]
    if len({text for _, text in told}) == 1:
        return (told[0][1],) if told[0][1] else ()
    return tuple(f"{name}: {text}" for name, text in told if text)


def _data(part: Part) -> str:
    if part.context is None:
        return "no fold fit yet"
    cohort = part.context.cohort
    classes = "; ".join(
        f"{f'{target}: ' if len(cohort.classes) > 1 else ''}"
        + ", ".join(f"{count.name} {count.n_samples:,} / {count.n_groups:,}" for count in counts)
        for target, counts in cohort.classes.items()
    )
    sentence = data_sentence(part.context).removeprefix("Data: ").removesuffix(".")
    return f"{sentence}; {cohort.sample}s / {cohort.group}s by class: {classes}"


def _progress(part: Part) -> str:
    done = sum(len(result.metrics) for result in part.results)
    planned = sum(len(one.fits) for one in part.planned.configurations)
    return f"{done:,} of {planned:,} done, of {plural(len(part.planned.configurations), 'configuration')}"


def _seeds(run: Run) -> tuple[str, ...]:
    folds = sorted({part.planned.folds["seed"] for part in run.parts if "seed" in part.planned.folds})
    identities = [record.identity for part in run.parts for record in part.records.values()]
    training = sorted({identity["seed"] for identity in identities if "seed" in identity})
    strategy = run.manifest.settings.get("strategy")
    search = [strategy["seed"]] if isinstance(strategy, dict) and "seed" in strategy else []
    found = (("folds", folds), ("training", training), ("search", search))
    told = "; ".join(f"{what} {_listed(seeds)}" for what, seeds in found if seeds)
    return (told,) if told else ()


def _listed(seeds: Iterable[object]) -> str:
    return ", ".join(map(str, seeds))


def _code(run: Run) -> tuple[str, ...]:
    environments = [record.environment for part in run.parts for record in part.records.values()]
    found = []
    for name in LIBRARIES:
        versions = sorted({environment[name] for environment in environments if name in environment})
        if versions:
            found.append(f"{name} {' and '.join(versions)}")
    software = f"fusesearch {run.manifest.software}" if run.manifest.software else ""
    return tuple(text for text in (software, ", ".join(found)) if text)
