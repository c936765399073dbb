# SPDX-License-Identifier: Apache-2.0
"""Tagged memory in a guest whose kernel knows no dynamic capacity: cxlbox-host is its driver, programs get their
memory from it by tag, and what they write is in the backend of that tag."""

import os
import unittest

import image
from hostproc import HOST
from served import CEDT, GIB, MIB, WINDOW, Box, Case, pattern, tag

SIZE = 2 * MIB
COUNT = 100
PIECES = [2 * MIB, 4 * MIB, 2 * MIB]
REGION = 2 * GIB


class Tags(Case):
    """One guest, and one cxlbox-host in it, for all."""

    @classmethod
    def setUpClass(cls):
        files, host = image.program(HOST)
        with open(os.environ["CXLBOX_GUEST_HOLDER"], "rb") as f:
            files["bin/holder"] = f.read()
        cls.b = Box(["-device", f"cxl-type3,id=t3,num-dc-regions=1,dc-regions-total-size={REGION}"])
        cls.addClassCleanup(cls.b.end)
        cls.guest = cls.b.guest(ports=COUNT + len(PIECES), modules=(), front=CEDT, files=files)
        cls.addClassCleanup(cls.guest.close)
        cls.host = f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')} {host}"
        cls.guest.check(f"{cls.host} --bus sysfs:/ --control /run/control >/run/host 2>&1 &")
        cls.said("^ready$")
        cls.guest.check(f"grep -q '^region mem0 dc0:.* hpa {WINDOW:#x} ' /run/host")

    @classmethod
    def said(cls, words, count=1, file="host"):
        """Wait until it has said so often enough."""
        cls.guest.check(f"until [ $(grep -c '{words}' /run/{file}) -ge {count} ]; do usleep 10000; done")

    def times(self, words):
        return int(self.guest.run(f"grep -c '{words}' /run/host")[1])

    def until_unmapped(self):
        while self.b.state(prop="mapped"):
            pass

    # --- a hundred ---

    def offer_all(self, place):
        """A hundred tags of one extent, at places in no order, and one of three."""
        before = self.times("accepted tag")
        for n in range(COUNT):
            self.b.add(n, place(n) * 4 * MIB, [SIZE])
        self.b.add(COUNT, GIB, PIECES)
        self.said("accepted tag", before + COUNT + 1)
        self.assertEqual(self.b.state(prop="mapped"), COUNT + len(PIECES))

    def release_all(self):
        before = self.times("is gone")
        for n in range(COUNT + 1):
            self.b.remove(n)
        self.said("is gone", before + COUNT + 1)
        self.assertEqual(self.b.state(prop="mapped"), 0)
        self.guest.check(f"driver scan {WINDOW} {REGION} 0 4096 | grep -q '^0 0'")

    def test_a_hundred_tags(self):
        """Added, accepted, written by a program, verified from outside, released, used again elsewhere."""
        sizes = [SIZE] * COUNT + [sum(PIECES)]
        for n, size in enumerate(sizes):
            self.b.backend(n, size)
        self.offer_all(lambda n: n * 37 % COUNT)
        self.guest.check("holder -c /run/control fill")
        for n, size in enumerate(sizes):
            self.assertEqual(self.b.bytes_of(n, size), pattern(size, n + 1))
        self.release_all()
        self.offer_all(lambda n: n * 11 % COUNT)
        self.guest.check("holder -c /run/control verify")
        self.release_all()
        for n in range(COUNT + 1):
            self.b.qmp.cmd("object-del", id=f"m{n}")
        self.healthy(self.guest)

    # --- a program that holds one ---

    def exec(self, n, actions):
        """A program with the memory of tag @n in the background; in /run/holder what it says and, last, its status."""
        self.guest.check(f"({self.host} exec --control /run/control --tag {tag(n)} -- holder {actions}; echo status $?) "
                         ">/run/holder 2>&1 &")

    def offer(self, n, offset):
        before = self.times(f"accepted tag {tag(n)}: 3 extents")
        self.b.add(n, offset, PIECES)
        self.said(f"accepted tag {tag(n)}: 3 extents", before + 1)

    def test_a_program_keeps_its_memory_until_it_ends_or_force_takes_it(self):
        n, size = 200, sum(PIECES)
        self.b.backend(n, size)
        self.offer(n, 0)
        self.exec(n, "fill say holding told asked-back verify say still until /run/go verify")
        self.said("holding", file="holder")
        self.assertEqual(self.b.bytes_of(n, size), pattern(size, n + 1))
        self.b.remove(n)
        self.said(f"asked to give back tag {tag(n)}: in use")
        self.said("still", file="holder")
        self.assertEqual((self.b.state(prop="mapped"), self.times(f"tag {tag(n)} is gone")), (len(PIECES), 0))
        self.guest.check("touch /run/go")
        self.said("status 0", file="holder")
        self.said(f"tag {tag(n)} is gone")
        self.assertEqual(self.b.state(prop="mapped"), 0)

        self.offer(n, 64 * MIB)
        self.exec(n, "verify say holding told gone lost")
        self.said("holding", file="holder")
        self.b.remove(n, forced_removal=True)
        self.said("status 0", file="holder")
        self.until_unmapped()
        self.assertEqual(self.b.bytes_of(n, size), pattern(size, n + 1))
        self.b.qmp.cmd("object-del", id=f"m{n}")


if __name__ == "__main__":
    unittest.main()
