"""What a table must say about where its numbers come from: mixed devices, library versions or component versions."""

from collections.abc import Iterable, Mapping
from typing import Any

from analysis.ledger.schema import FitRecord


def mix_warnings(records: Iterable[FitRecord]) -> tuple[str, ...]:
    """Return one line for everything recorded about the environment that is not the same in all done fold fits."""
    seen: dict[str, set[str]] = {}
    for record in records:
        if record.state == "done":
            for name, value in _facts(record).items():
                seen.setdefault(name, set()).add(str(value))
    return tuple(
        f"fold fits mix {name}: {', '.join(sorted(values))}" for name, values in sorted(seen.items()) if len(values) > 1
    )


def _facts(record: FitRecord) -> Mapping[str, Any]:
    return {**record.environment, **_components(record.identity.get("components"))}


def _components(versions: Any) -> Mapping[str, Any]:
    return (
        {f"versions of {name}": version for name, version in versions.items()} if isinstance(versions, Mapping) else {}
    )
