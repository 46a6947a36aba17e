"""Finds the files of a cohort by name, whatever the letter case, without ever leaving the data folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from models.errors import InputError
from trainables.cohorts.csvfile import shown

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


class Unusable(Exception):
    """An image name that cannot be used; the message completes the sentence '<sample>: ...'."""


class NotFound(Unusable):
    """An image name that no searched folder has."""


def data_folder(cohort: str, data: Path | None) -> Path:
    """The data folder, resolved; InputError when it was not given, does not exist or is not a folder."""
    if data is None:
        raise InputError(f"cohort {cohort!r} needs a data folder: give it with --data")
    if not os.path.isdir(data):
        what = "is not a folder" if os.path.exists(data) else "does not exist"
        what = "is a link that leads nowhere" if os.path.islink(data) and not os.path.exists(data) else what
        raise InputError(f"data folder {str(data)!r} {what}; give the folder of cohort {cohort!r}")
    return _resolved(data)


def inside(root: Path, name: str, what: str) -> Path:
    """`root / name` of a file or folder that settings name; InputError when it leads outside `root`, or nowhere."""
    path = root / name
    try:
        leads_out = not _resolved(path).is_relative_to(root)
    except ValueError:
        raise InputError(f"{what} {shown(name)}: no file can be called so") from None
    if leads_out:
        raise InputError(f"{what} {shown(name)} leads outside the data folder {root}; give the folder that holds it")
    try:
        os.stat(path)
    except OSError as error:
        if os.path.islink(path):
            message = f"{what} {name!r} is a link that leads nowhere in the data folder {root}; mend the link"
            raise InputError(message) from None
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):  # the reader says so, and in which folder
            raise InputError(f"{what} {shown(name)} cannot be used ({error.strerror})") from None
    return path


def spelled(root: Path, name: str) -> str | None:
    """The relative path under `root` as the disk spells it, letter case ignored; None when there is no such thing.

    An exact spelling goes before others, and of several others the one that sorts first.
    """
    return next(iter(spellings(root, name)), None)


def spellings(root: Path, name: str) -> list[str]:
    """All relative paths under `root` that are `name` but for letter case, the exact one first, the others sorted."""
    found = [PurePosixPath()]
    for part in PurePosixPath(name).parts:
        found = [parent / entry for parent in found for entry in _alike(root / parent, part)]
    return [str(path) for path in found]


def _alike(folder: Path, name: str) -> list[str]:
    same = [entry for entry in _entries(folder) if entry.casefold() == name.casefold()]
    return sorted(same, key=lambda entry: (entry != name, entry))


def find_table(
    title: str, cohort: str, data: Path | None, names: Sequence[str], folders: Sequence[str]
) -> tuple[Path, Path]:
    """A cohort's root folder and its CSV file: the first of `names` in the data folder, or in one of `folders` in it.

    InputError when none is there (`title` is what people call the data set), or when it is a link that leads out.
    """
    given = data_folder(cohort, data)
    for folder in (".", *folders):
        base = spelled(given, folder)
        if base is None:
            continue
        for name in names:
            found = spelled(given / base, name)
            path = given / base / str(found)
            if found is not None and (os.path.isfile(path) or not os.path.exists(path)):  # or a link that leads nowhere
                inside(given, str(PurePosixPath(base, found)), "the metadata file")
                root = _resolved(given / base)
                return root, root / found
    raise InputError(f"data folder {str(given)!r} holds no {names[0]}; give {title}'s own folder")


def image_folders(root: Path, names: Sequence[str]) -> list[str]:
    """Those of the folders that are there, each followed by a folder of its own name inside it, and the root last.

    Archives that are unpacked into a folder of their own name give a nested one.
    """
    nested = [inner for name in names for inner in (name, f"{name}/{PurePosixPath(name).name}")]
    found = [folder for name in nested for folder in spellings(root, name)]
    return [*dict.fromkeys(folder for folder in found if (root / folder).is_dir()), "."]


class ImageFinder:
    """Finds image files by name in some folders under a resolved root, the first folder that has the name first.

    A name may be a file name, a relative path or a bare id (extension optional; letter case matters only where two
    files differ by nothing else; of folders that differ by nothing else, all are searched, the exact one first).
    """

    def __init__(self, root: Path, folders: Sequence[str], extensions: Sequence[str] = EXTENSIONS) -> None:
        self.root = root
        self.folders = tuple(folders)
        self.extensions = tuple(extensions)
        for folder in self.folders:
            inside(root, folder, "the image folder")
        self._listings: dict[PurePosixPath, list[tuple[PurePosixPath, dict[str, list[str]]]]] = {}
        self._inside: dict[PurePosixPath, bool] = {}

    def find(self, name: str) -> str:
        """Path relative to the root, with forward slashes.

        Unusable: the name is blank, leads outside the root or fits two files. NotFound: it fits none.
        """
        path = PureWindowsPath(name)  # takes both separators, and knows a drive from a folder
        if path.anchor or ".." in path.parts:
            raise Unusable(f"image {shown(name)} leads outside the data folder")
        if not path.name:
            raise Unusable("no image is named")
        for folder in self.folders:
            for parent, listing in self._listing(PurePosixPath(folder, *path.parts[:-1])):
                found = self._pick(listing.get(path.name.casefold(), []), path.name)
                if found is not None:
                    return self._checked(parent / found)
        raise NotFound(f"image {shown(name)} not found")

    def where(self) -> str:
        """The folders searched, for a message."""
        return " or ".join(str(self.root / folder) for folder in self.folders)

    def _pick(self, files: list[str], name: str) -> str | None:
        exact = [file for file in files if name in (file, os.path.splitext(file)[0])]
        candidates = exact or files
        if len(candidates) > 1:
            raise Unusable(f"image {name!r} fits several files: {', '.join(sorted(candidates))}")
        return candidates[0] if candidates else None

    def _listing(self, folder: PurePosixPath) -> list[tuple[PurePosixPath, dict[str, list[str]]]]:
        """Folders as the disk spells them, each with its files by case-folded name, with and without extension."""
        if folder not in self._listings:
            actual = [PurePosixPath(name) for name in spellings(self.root, str(folder)) or [str(folder)]]
            self._listings[folder] = [(name, self._names(name)) for name in actual]
        return self._listings[folder]

    def _names(self, folder: PurePosixPath) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        for file in _files(self.root / folder):
            stem, extension = os.path.splitext(file)
            if extension.lower() in self.extensions:
                names.setdefault(file.casefold(), []).append(file)
                names.setdefault(stem.casefold(), []).append(file)
        return names

    def _checked(self, relative: PurePosixPath) -> str:
        if relative.parent not in self._inside:  # resolving 33,000 files one by one takes longer than reading them
            self._inside[relative.parent] = _resolved(self.root / relative.parent).is_relative_to(self.root)
        path = self.root / relative
        linked_out = path.is_symlink() and not _resolved(path).is_relative_to(self.root)
        if linked_out or not self._inside[relative.parent]:
            raise Unusable(f"image {str(relative)!r} is a link that leads outside the data folder")
        return str(relative)


def _resolved(path: Path) -> Path:
    """The path without links; unlike `Path.resolve`, a link that leads to itself stays as it is."""
    return Path(os.path.realpath(path))


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (OSError, ValueError):  # no such folder, or a name that no file system takes
        return []


def _files(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if _is_file(entry)]
    except (OSError, ValueError):  # no such folder, or a name that no file system takes
        return []


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False
