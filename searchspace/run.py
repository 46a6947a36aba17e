"""The command: `python -m searchspace.run`, or `fusesearch`.

    python -m searchspace.run                              the quickstart study, on generated pictures
    python -m searchspace.run list                         the built-in studies
    python -m searchspace.run ham10000-screen --data <folder> --weights <file>
    python -m searchspace.run my-study.yaml --data <folder> --set training.epochs=10 --dry-run

`python -m` puts the working directory first on the import path, where a folder named `models` would hide ours: this
file moves our own root to its place before anything of ours is imported.
"""

import sys
from pathlib import Path


def _isolate_imports() -> None:
    """Take the working directory off the import path; a checkout that is not installed takes its place."""
    here = {"", str(Path.cwd()), str(Path.cwd().resolve())}
    root = str(Path(__file__).resolve().parent.parent)
    sys.path[:] = [entry for entry in sys.path if entry not in here and entry != root]
    if root.endswith(("site-packages", "dist-packages")):
        sys.path.append(root)
    else:
        sys.path.insert(0, root)


def main() -> int:
    """Run the command line and return its exit code."""
    _isolate_imports()
    from searchspace.command_line import run_command

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
