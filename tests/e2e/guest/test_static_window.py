# SPDX-License-Identifier: Apache-2.0
"""A guest whose QEMU lets nobody map anything into it (here, for want of hidden ports): its window is RAM from the
start, of the file that is the device's memory, as docs/guests.md has it."""

import os
import unittest

import image
from served import CEDT, MIB, WINDOW, Case, pattern

SIZE = 256 * MIB
# Nobody but the test is to use the memory.
MODULES = tuple(m for m in image.MODULES if m != "kmem")


class StaticWindow(Case):
    def test_static_memory_is_where_linux_puts_it(self):
        self.box(["-object", f"memory-backend-file,id=m0,mem-path=m0,size={SIZE},share=on",
                  "-device", "cxl-type3,id=t3,volatile-memdev=m0"])
        path = os.path.join(self.b.dir, "m0")
        guest = self.boot(front=CEDT, ports=0, modules=MODULES, qemu_args=[
            "-object", f"memory-backend-file,id=win,share=on,mem-path={path},size={SIZE}",
            "-device", f"virtio-pmem-pci,memdev=win,memaddr={WINDOW},bus=pcie.0,addr=1d.1"])
        self.assertRegex(self.b.state(), "failed: no hidden port")
        guest.check("cxl create-region -t ram -d decoder0.0 -m mem0")
        for at in (0, SIZE - MIB):
            guest.check(f"driver fill {WINDOW + at} {MIB} {at // MIB + 1}")
            with open(path, "r+b") as f:
                f.seek(at)
                self.assertEqual(f.read(MIB), pattern(MIB, at // MIB + 1))
                f.seek(at)
                f.write(pattern(MIB, 1000))
            guest.check(f"driver verify {WINDOW + at} {MIB} 1000")
        self.healthy(guest)


if __name__ == "__main__":
    unittest.main()
