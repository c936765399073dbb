# SPDX-License-Identifier: Apache-2.0
"""What is in a sparse file."""

import os

PAGE = 4096


def pages(path):
    """The pages of a sparse file that hold data."""
    found = set()
    with open(path, "rb") as f:
        at, end = 0, os.path.getsize(path)
        while at < end:
            try:
                at = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError:  # there is no more
                break
            hole = os.lseek(f.fileno(), at, os.SEEK_HOLE)
            found.update(os.pread(f.fileno(), PAGE, offset) for offset in range(at, hole, PAGE))
            at = hole
    return found
