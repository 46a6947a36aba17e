"""Files that a user names: read where they are files, refused where reading would block or never end."""

import errno
import stat
from pathlib import Path


def read_file(path: Path) -> bytes:
    """Return the bytes of a regular file, links followed.

    Raises:
        OSError: it is not there, cannot be read, or is a pipe, a socket or a device.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return path.read_bytes()
