# SPDX-License-Identifier: Apache-2.0
"""Failure injection into cxlbox-inject: the page that tests/inject/inject.h describes."""

import mmap
import os
import struct
import tempfile

CALLS = 64
HEAD = 7
SIZE = 8 * (HEAD + 2 * CALLS) + 1024
FAIL_AT, ONE_IN, RANDOM, FAILED, LAST, HOLD, HELD = range(HEAD)


def binary():
    """The cxlbox whose calls can be made to fail."""
    return os.environ["CXLBOX_INJECT"]


class Injector:
    """One control page; environment() is for the process that shall use it."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="cxlbox-inject-")
        self.file.truncate(SIZE)
        self.page = mmap.mmap(self.file.fileno(), SIZE)

    def environment(self):
        return dict(os.environ, CXB_FAIL_CONTROL=self.file.name)

    def word(self, n):
        return struct.unpack_from("<Q", self.page, 8 * n)[0]

    def set_word(self, n, value):
        struct.pack_into("<Q", self.page, 8 * n, value)

    def arm(self, n):
        """The nth point from now fails."""
        self.set_word(LAST, 0)
        self.set_word(FAIL_AT, n)

    def disarm(self):
        """The call that failed since arm(), or None."""
        self.set_word(FAIL_AT, 0)
        last = self.word(LAST)
        return self.names()[last - 1] if last else None

    def random(self, one_in, seed=1):
        self.set_word(RANDOM, seed)
        self.set_word(ONE_IN, one_in)

    def hold(self, call):
        """From now on, whoever makes the call waits in it; None: go on."""
        self.set_word(HOLD, self.names().index(call) + 1 if call else 0)

    def held(self):
        """How many calls have waited so far."""
        return self.word(HELD)

    def names(self):
        return self.page[8 * (HEAD + 2 * CALLS):].split(b"\0")[0].decode().split()

    def counts(self, first):
        return {name: self.word(HEAD + first + i) for i, name in enumerate(self.names())}

    def hits(self):
        """How often each call was made."""
        return self.counts(0)

    def fails(self):
        """How often each call was made to fail."""
        return self.counts(CALLS)

    def close(self):
        self.page.close()
        self.file.close()
