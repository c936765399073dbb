# SPDX-License-Identifier: Apache-2.0
"""Command lines: of QEMU, and of the machine that is its equal in cxlbox."""

from typing import NamedTuple

# Where q35 has the component registers of the first CXL host bridge with this much memory.
CHBS = 0x3c0000000
# Its first window.
WINDOW = 0x3d0000000
# What MEMORY is a file of, in the machine's directory.
MEMORY_FILE = "memory"
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
# Dynamic capacity behind it, in one region and in as many as there can be.
DC = ["-object", "memory-backend-ram,id=dc,size=2G,share=on"]
DYNAMIC = same(BASE + MEM + DC + ["-device", f"{TYPE3},num-dc-regions=1,volatile-dc-memdev=dc,"
                                             "volatile-memdev=mem"])
REGIONS = same(BASE + MEM + DC + ["-device", f"{TYPE3},num-dc-regions=8,volatile-dc-memdev=dc,"
                                             "volatile-memdev=mem"])
ALONE = same(BASE + DC + ["-device", f"{TYPE3},num-dc-regions=2,volatile-dc-memdev=dc"])
# No device in the slot, and memory for three.
EMPTY_SLOT = same(BASE + MEM + ["-object", "memory-backend-ram,id=mem2,size=512M,share=on",
                                "-object", "memory-backend-ram,id=mem3,size=512M,share=on"])
# Tags to offer capacity with.
TAGS = [f"{i}da0a8a5-1d8b-4c8b-9f4e-0d1b3c5a7f01" for i in range(1, 8)]
# A volatile device of 1 GiB whose bytes can be read in a file; the host bridge without decoders.
MEMORY = ["-object", f"memory-backend-file,id=mem,size=1G,share=on,mem-path={MEMORY_FILE}"]
FILE = same(BASE + MEMORY + ["-device", f"{TYPE3},volatile-memdev=mem"])
PASS_THROUGH = same([a.replace(",hdm_for_passthrough=true", "") for a in FILE.qemu])
# Persistent memory with label storage, alone and behind volatile memory.
PMEM = ["-object", "memory-backend-ram,id=pmem,size=256M,share=on",
        "-object", "memory-backend-ram,id=lsa,size=64K,share=on"]
PERSISTENT = same(BASE + PMEM + ["-device", f"{TYPE3},persistent-memdev=pmem,lsa=lsa,sn=0x99"])
BOTH = same(BASE + MEM + PMEM + ["-device", f"{TYPE3},volatile-memdev=mem,persistent-memdev=pmem,"
                                            "lsa=lsa"])
# Two bridges with two and four ports, and four devices behind some of them.
WIDE = same([
    "-nodefaults", "-display", "none", "-accel", "qtest", "-qtest-log", "none",
    "-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.2,cxl-fmw.0.size=1G,cxl-fmw.1.targets.0=cxl.1,"
          "cxl-fmw.1.size=2G,cxl-fmw.2.targets.0=cxl.1,cxl-fmw.2.targets.1=cxl.2,cxl-fmw.2.size=4G,"
          "cxl-fmw.2.interleave-granularity=8k",
    "-m", "1G,maxmem=8G,slots=4",
    "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1",
    "-device", "pxb-cxl,bus_nr=222,bus=pcie.0,id=cxl.2",
    *(a for n in range(2) for a in (
        "-device", f"cxl-rp,port={n},bus=cxl.1,id=rp1{n},chassis=0,slot={n}")),
    *(a for n in range(4) for a in (
        "-device", f"cxl-rp,port={7 - n},bus=cxl.2,id=rp2{n},chassis=1,slot={n}")),
    *(a for n, port in enumerate(("rp10", "rp11", "rp20", "rp23")) for a in (
        "-object", f"memory-backend-ram,id=m{n},size={256 << n}M,share=on",
        "-device", f"cxl-type3,bus={port},id=t{n},volatile-memdev=m{n},sn={n + 1}")),
])
# RAM that goes on above 4 GiB, and tables by another name.
BELOW_4G = same([
    "-nodefaults", "-display", "none", "-accel", "qtest", "-qtest-log", "none",
    "-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=1G,max-ram-below-4g=512M,"
          "x-oem-id=ABC,x-oem-table-id=TABLE",
    "-m", "2G", "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1",
])


class Set(NamedTuple):
    """Properties of a root port and of the device below it; device None: the slot is empty."""
    port: str = ""
    device: str = None


# Ports by name, each with something set. Of the first nothing is.
SET_PORTS = {
    "plain": Set(device=""),
    "fixed": Set("hotplug=off"),
    "fixed-full": Set("hotplug=off", ""),
    "hidden": Set("x-do-not-expose-native-hotplug-cap=on"),
    "hidden-full": Set("x-do-not-expose-native-hotplug-cap=on", ""),
    "always-on": Set("power_controller_present=off"),
    "always-on-full": Set("power_controller_present=off,aer_log_max=0", ""),
    "reserve": Set("bus-reserve=2,io-reserve=4K,mem-reserve=32M,pref64-reserve=6G", ""),
    "reserve-32": Set("pref32-reserve=16M,bus-reserve=0", ""),
    "express": Set("x-pcie-err-unc-mask=off,x-pcie-ext-tag=off,x-pcie-ari-nextfn-1=on", ""),
    "express-device": Set(device="x-pcie-err-unc-mask=off,x-pcie-ext-tag=off"),
    "active": Set("x-pcie-lnksta-dllla=off", "x-pcie-lnksta-dllla=off"),
    "flits": Set(device="x-256b-flit=on"),
    "coherent": Set(device="x-256b-flit=on,hdm-db=on"),
    "no-flits": Set("x-256b-flit=off", ""),
    "flits-below-none": Set("x-256b-flit=off", "x-256b-flit=on"),
    "multi": Set("multifunction=on,acpi-index=7", "multifunction=on,rombar=1,romsize=4096"),
}


def commas(*parts):
    return ",".join(p for p in parts if p)


SET = same([
    "-nodefaults", "-display", "none", "-accel", "qtest", "-qtest-log", "none",
    "-M", "q35,cxl=on", "-m", "1G",
    "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1",
    *(a for n, (name, port) in enumerate(SET_PORTS.items()) for a in (
        "-object", f"memory-backend-ram,id={name}-mem,size=256M,share=on",
        "-device", commas(f"cxl-rp,port={n},bus=cxl.1,id={name},chassis=0,slot={n}", port.port),
        *(() if port.device is None else (
            "-device", commas(f"cxl-type3,bus={name},id={name}.0,volatile-memdev={name}-mem",
                              port.device))))),
])
