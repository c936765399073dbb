# SPDX-License-Identifier: Apache-2.0
"""A memory device that cxlbox serves, as its driver has it: a vfio-user client."""

import os
import time

from cxbpy.vfiouser import CONFIG, VfioUser

MIB, GIB = 1 << 20, 1 << 30
PAYLOAD = 0x2000
CTRL, CMD, STATUS = PAYLOAD - 0x1c, PAYLOAD - 0x18, PAYLOAD - 0x10


class Device:
    """Served at the socket "s-NAME" in @folder."""

    def __init__(self, folder, name):
        self.vm = VfioUser(os.path.join(folder, "s-" + name))
        self.reset()
        count = self.vm.read_int(0, 0x1000, 4) >> 24
        heads = [self.vm.read_int(0, 0x1000 + 4 * n, 4) for n in range(1, count + 1)]
        self.hdm = 0x1000 + next(head >> 20 for head in heads if head & 0xffff == 5)

    def reset(self):
        """As its machine is reset, and its driver comes up."""
        self.vm.reset()
        self.vm.write_int(CONFIG, 4, 2, 6)

    def ask_to_commit(self, base, size=512 * MIB, ways=1, granularity=256, n=0):
        at = self.hdm + 0x20 * n
        self.vm.write_int(0, self.hdm + 4, 4, 2)
        for i, value in enumerate((base & 0xffffffff, base >> 32, size & 0xffffffff, size >> 32)):
            self.vm.write_int(0, at + 0x10 + 4 * i, 4, value)
        ig = [256 << i for i in range(7)].index(granularity)
        iw = [1, 2, 4, 8, 16, 0, 0, 0, 3, 6, 12].index(ways)
        self.vm.write_int(0, at + 0x20, 4, 1 << 9 | iw << 4 | ig)

    def committing(self, n=0):
        """Whether it is not done yet; it must not have failed."""
        control = self.vm.read_int(0, self.hdm + 0x20 * n + 0x20, 4)
        assert control & 1 << 9 and not control & 1 << 11, hex(control)
        return not control & 1 << 10

    def commit(self, base, n=0, **more):
        self.ask_to_commit(base, n=n, **more)
        for _ in range(2000):
            if not self.committing(n):
                return
            time.sleep(0.001)
        raise AssertionError("the decoder is not committed")

    def uncommit(self, n=0):
        self.vm.write_int(0, self.hdm + 0x20 * n + 0x20, 4, 0)

    def accept(self, *extents):
        body = len(extents).to_bytes(8, "little") + b"".join(
            dpa.to_bytes(8, "little") + size.to_bytes(8, "little") + bytes(8) for dpa, size in extents)
        self.vm.write(2, PAYLOAD, body)
        self.vm.write_int(2, CMD, 8, 0x4802 | len(body) << 16)
        self.vm.write_int(2, CTRL, 4, 1)
        assert not self.vm.read_int(2, CTRL, 4) & 1
        assert self.vm.read_int(2, STATUS, 8) >> 32 & 0xffff == 0
