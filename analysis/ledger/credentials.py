"""Refuses a URI that carries a credential, before anybody opens, prints or records it.

Where a run lies and what it reads stands in run.json, study.json, logs, error messages and the list of processes. The
libraries behind every scheme find credentials themselves, in the environment, a profile or the machine's own role.
"""

import re
from urllib.parse import parse_qsl, unquote

from analysis.errors import AnalysisError

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/+(.*)", re.DOTALL)
_SECRET = re.compile(
    "secret|passw|passphrase|pwd|token|signature|credential|authorization|privatekey|accesskey|accountkey|apikey"
    "|sharedkey|accessid|^(sig|sas|key|auth|pass)$"
)
"""In the name of a parameter, without its hyphens and underscores."""
_PAIR = re.compile(r"[^/@]*:[^@]*@")
"""`user:password@`, also where the password has slashes, as many AWS keys have."""
_PORT = re.compile(r"[^/@]*:\d{1,5}(/|$)")
_ADVICE = (
    "would stand in files and logs; leave it out and give it in the environment (AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS), a profile (AWS_PROFILE) or the machine's role"
)


def refuse_credentials(location: str, name: str = "") -> None:
    """Refuse a location that holds a key, a password, a token or a signature; the message repeats none of it.

    Args:
        location: a path or a URI; a path is always fine.
        name: of the option or setting that it was given for, for the message.

    Raises:
        AnalysisError: one line that says what was found and where credentials belong.
    """
    found = _URI.match(location)
    what = _credential(found[1].lower(), found[2]) if found else None
    if found and what:
        place = f"{name} {found[1]}://..." if name else f"{found[1]}://..."
        raise AnalysisError(f"{place}: the URI holds a credential ({what}), which {_ADVICE}")


def _credential(scheme: str, rest: str) -> str | None:
    """Return what kind of credential is in a URI after its scheme, in words that do not give it away."""
    place, _, query = rest.replace("#", "?", 1).partition("?")
    plain = unquote(place)
    bucket = scheme in ("s3", "gs", "gcs")
    if _PAIR.match(plain) and (bucket or not _PORT.match(plain)):
        return "user and password before @"
    if bucket and "@" in plain.partition("/")[0] and not plain.startswith("anonymous@"):
        return "a key before @"
    for name, value in parse_qsl(re.sub("[;?#]", "&", query), keep_blank_values=True):
        if _SECRET.search(re.sub("[^a-z]", "", name.lower())):
            return f"parameter {name}" if re.fullmatch(r"[\w.-]{1,40}", name) else "a parameter"
        if _PAIR.search(value):
            return f"user and password in {name}" if re.fullmatch(r"[\w.-]{1,40}", name) else "user and password"
    return None
