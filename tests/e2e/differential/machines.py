# SPDX-License-Identifier: Apache-2.0
"""Command lines: of QEMU, and of the machine that is its equal in cxlbox."""

from typing import NamedTuple

# Where q35 has the component registers of the first CXL host bridge with this much memory.
CHBS = 0x3c0000000
BASE = [
    "-nodefaults", "-display", "none", "-accel", "qtest", "-qtest-log", "none",
    "-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G",
    "-m", "1G,maxmem=8G,slots=4",
    "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=true",
    "-device", "cxl-rp,port=0,bus=cxl.1,id=root_port13,chassis=0,slot=2",
]
MEM = ["-object", "memory-backend-ram,id=mem,size=512M,share=on"]
TYPE3 = "cxl-type3,bus=root_port13,id=cxl-vmem0"


class Pair(NamedTuple):
    """Arguments of QEMU and of cxlbox, and where both have the first host bridge's registers."""
    qemu: list
    cxlbox: list
    chbs: int = CHBS


def same(args):
    """One command line for both."""
    return Pair(args, args)


STATIC = same(BASE + MEM + ["-device", f"{TYPE3},volatile-memdev=mem"])
# The same capacity, all of it dynamic: QEMU takes a backing for it, cxlbox backings as they come. The
# other backing is there to be named in requests.
DYNAMIC = Pair(
    BASE + MEM + ["-object", "memory-backend-ram,id=dc,size=2G,share=on",
                  "-device", f"{TYPE3},num-dc-regions=1,volatile-dc-memdev=dc,volatile-memdev=mem"],
    BASE + MEM + ["-device", f"{TYPE3},num-dc-regions=1,dc-regions-total-size=2G,"
                             "volatile-memdev=mem"])
# No device in the slot, and memory for three.
EMPTY_SLOT = same(BASE + MEM + ["-object", "memory-backend-ram,id=mem2,size=512M,share=on",
                                "-object", "memory-backend-ram,id=mem3,size=512M,share=on"])
# Capacity to be offered with each of TAGS, 128 MiB. QEMU does not look for a backend.
TAGS = [f"{i}da0a8a5-1d8b-4c8b-9f4e-0d1b3c5a7f01" for i in range(1, 8)]
TAGGED = Pair(DYNAMIC.qemu, DYNAMIC.cxlbox + [
    arg for i, tag in enumerate(TAGS)
    for arg in ("-object", f"memory-backend-ram,id=t{i},size=128M,share=on,tag={tag}")])
