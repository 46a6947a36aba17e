"""Content addresses: one text for one meaning, and its hash.

`digest({"b": 1, "a": 2.0})` is the same whatever the order of the keys, on every machine and Python version.
"""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Return plain JSON with sorted keys and no spaces; NaN and infinity are refused with ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()
