"""Finds the files of a cohort by name, whatever the letter case, without ever leaving the data folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from models.errors import InputError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


class Unusable(Exception):
    """An image name that cannot be used; the message completes the sentence '<sample>: ...'."""


def data_folder(cohort: str, data: Path | None) -> Path:
    """The data folder, resolved; InputError when it was not given, does not exist or is not a folder."""
    if data is None:
        raise InputError(f"cohort {cohort!r} needs a data folder: give it with --data")
    if not data.is_dir():
        what = "is not a folder" if data.exists() else "does not exist"
        raise InputError(f"data folder {str(data)!r} {what}; give the folder of cohort {cohort!r} with --data")
    return data.resolve()


def inside(root: Path, name: str, what: str) -> Path:
    """`root / name` of a file or folder that settings name; InputError when it leads outside `root`."""
    path = root / name
    if not path.resolve().is_relative_to(root):
        raise InputError(f"{what} {name!r} leads outside the data folder {root}; give --data the folder that holds it")
    return path


def spelled(root: Path, name: str) -> str | None:
    """The relative path under `root` as the disk spells it, letter case ignored; None when there is no such thing.

    An exact spelling goes before others, and of several others the one that sorts first.
    """
    found = PurePosixPath()
    for part in PurePosixPath(name).parts:
        entries = _entries(root / found)
        same = sorted(entry for entry in entries if entry.casefold() == part.casefold())
        if not same:
            return None
        found /= part if part in same else same[0]
    return str(found)


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
            if found is not None and (given / base / found).is_file():
                inside(given, str(PurePosixPath(base, found)), "the metadata file")
                root = (given / base).resolve()
                return root, root / found
    raise InputError(f"data folder {str(given)!r} holds no {names[0]}; give {title}'s own folder with --data")


def image_folders(root: Path, names: Sequence[str]) -> list[str]:
    """Those of the folders that are there, each followed by a folder of its own name inside it, and the root last.

    Archives that are unpacked into a folder of their own name give a nested one.
    """
    nested = [inner for name in names for inner in (name, f"{name}/{PurePosixPath(name).name}")]
    found = [folder for folder in (spelled(root, name) for name in nested) if folder is not None]
    return [*dict.fromkeys(folder for folder in found if (root / folder).is_dir()), "."]


class ImageFinder:
    """Finds image files by name in some folders under a resolved root, the first folder that has the name first.

    A name may be a file name, a relative path or a bare id (extension optional; letter case matters only where two
    files differ by nothing else, and is ignored in folders).
    """

    def __init__(self, root: Path, folders: Sequence[str], extensions: Sequence[str] = EXTENSIONS) -> None:
        self.root = root
        self.folders = tuple(folders)
        self.extensions = tuple(extensions)
        for folder in self.folders:
            inside(root, folder, "the image folder")
        self._listings: dict[PurePosixPath, tuple[PurePosixPath, dict[str, list[str]]]] = {}
        self._inside: dict[PurePosixPath, bool] = {}

    def find(self, name: str) -> str:
        """Path relative to the root, with forward slashes. Unusable: nothing found, two found, or outside the root."""
        path = PureWindowsPath(name)  # takes both separators, and knows a drive from a folder
        if path.anchor or ".." in path.parts:
            raise Unusable(f"image {name!r} leads outside the data folder")
        if not path.name:
            raise Unusable("no image is named")
        for folder in self.folders:
            parent, listing = self._listing(PurePosixPath(folder, *path.parts[:-1]))
            found = self._pick(listing.get(path.name.casefold(), []), path.name)
            if found is not None:
                return self._checked(parent / found)
        raise Unusable(f"image {name!r} not found in {self.where()}")

    def where(self) -> str:
        """The folders searched, for a message."""
        return " or ".join(str(self.root / folder) for folder in self.folders)

    def _pick(self, files: list[str], name: str) -> str | None:
        exact = [file for file in files if name in (file, os.path.splitext(file)[0])]
        candidates = exact or files
        if len(candidates) > 1:
            raise Unusable(f"image {name!r} fits several files: {', '.join(sorted(candidates))}")
        return candidates[0] if candidates else None

    def _listing(self, folder: PurePosixPath) -> tuple[PurePosixPath, dict[str, list[str]]]:
        """A folder as the disk spells it, and its files by case-folded name, with and without extension."""
        if folder not in self._listings:
            names: dict[str, list[str]] = {}
            there = os.path.isdir(self.root / folder)
            actual = folder if there else PurePosixPath(spelled(self.root, str(folder)) or folder)
            for file in _files(self.root / actual):
                stem, extension = os.path.splitext(file)
                if extension.lower() in self.extensions:
                    names.setdefault(file.casefold(), []).append(file)
                    names.setdefault(stem.casefold(), []).append(file)
            self._listings[folder] = actual, names
        return self._listings[folder]

    def _checked(self, relative: PurePosixPath) -> str:
        if relative.parent not in self._inside:  # resolving 33,000 files one by one takes longer than reading them
            self._inside[relative.parent] = (self.root / relative.parent).resolve().is_relative_to(self.root)
        path = self.root / relative
        linked_out = path.is_symlink() and not path.resolve().is_relative_to(self.root)
        if linked_out or not self._inside[relative.parent]:
            raise Unusable(f"image {str(relative)!r} is a link that leads outside the data folder")
        return str(relative)


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (OSError, ValueError):  # no such folder, or a name that no file system takes
        return []


def _files(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file()]
    except (OSError, ValueError):  # no such folder, or a name that no file system takes
        return []
