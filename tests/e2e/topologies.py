# SPDX-License-Identifier: Apache-2.0
"""Machines of many shapes, as command lines that QEMU and cxlbox both take.

vmem=SIZE, pmem=SIZE and dc=NxSIZE of a device stand for volatile memory, for persistent memory with
a label area, and for N dynamic regions of SIZE each; arguments() writes them the way each program
wants them.
"""

import os
import re
import shlex
from typing import NamedTuple

MIB, GIB = 1 << 20, 1 << 30
UNITS = {"M": MIB, "G": GIB}


class Topology(NamedTuple):
    text: str
    # What finds no place: DEVICE/vmem, DEVICE/pmem, DEVICE/dcN.
    unmapped: tuple = ()
    # A root port with an empty slot, into which a device is plugged.
    free: str = ""


class Part(NamedTuple):
    """A partition or region of a device, in order of DPA."""
    name: str
    size: int


TABLE = {
    # QEMU's documentation, docs/system/devices/cxl.rst: persistent memory.
    "documentation_persistent": Topology("""
        -M q35,cxl=on -m 4G,maxmem=8G,slots=8
        -device pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1
        -device cxl-rp,port=0,bus=cxl.1,id=root_port13,chassis=0,slot=2
        -device cxl-type3,bus=root_port13,pmem=256M,id=cxl-pmem0,sn=0x1
        -M cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G"""),
    # The same document: volatile and persistent memory, without interleave as here.
    "documentation_two_bridges": Topology("""
        -M q35,cxl=on -m 4G,maxmem=8G,slots=8
        -device pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1
        -device pxb-cxl,bus_nr=222,bus=pcie.0,id=cxl.2
        -device cxl-rp,port=0,bus=cxl.1,id=root_port13,chassis=0,slot=2
        -device cxl-type3,bus=root_port13,vmem=256M,id=cxl-mem1,sn=0x1
        -device cxl-rp,port=1,bus=cxl.1,id=root_port14,chassis=0,slot=3
        -device cxl-type3,bus=root_port14,pmem=256M,id=cxl-pmem2,sn=0x2
        -device cxl-rp,port=0,bus=cxl.2,id=root_port15,chassis=0,slot=5
        -device cxl-type3,bus=root_port15,vmem=512M,dc=1x512M,id=cxl-dc3,sn=0x3
        -device cxl-rp,port=1,bus=cxl.2,id=root_port16,chassis=0,slot=6
        -M cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G,cxl-fmw.1.targets.0=cxl.2,cxl-fmw.1.size=4G
        """, free="root_port16"),
    # As run_qemu.sh of ndctl's people writes it: a window of two ways beside those of one.
    "run_qemu": Topology("""
        -machine q35,cxl=on -m 1G,slots=8,maxmem=40G
        -device pxb-cxl,id=cxl.0,bus=pcie.0,bus_nr=53
        -device pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=191
        -device cxl-rp,id=hb0rp0,bus=cxl.0,chassis=0,slot=0,port=0
        -device cxl-rp,id=hb0rp1,bus=cxl.0,chassis=0,slot=1,port=1
        -device cxl-rp,id=hb1rp0,bus=cxl.1,chassis=0,slot=4,port=0
        -device cxl-rp,id=hb1rp1,bus=cxl.1,chassis=0,slot=5,port=1
        -device cxl-type3,bus=hb0rp0,pmem=256M,id=cxl-dev0
        -device cxl-type3,bus=hb0rp1,vmem=256M,id=cxl-dev1
        -device cxl-type3,bus=hb1rp0,vmem=256M,pmem=256M,id=cxl-dev2
        -M "cxl-fmw.0.targets.0=cxl.0,cxl-fmw.0.targets.1=cxl.1,cxl-fmw.0.size=4G,\
cxl-fmw.0.interleave-granularity=8k,\
cxl-fmw.1.targets.0=cxl.0,cxl-fmw.1.size=4G,cxl-fmw.2.targets.0=cxl.1,cxl-fmw.2.size=4G"
        """, free="hb1rp1"),
    # The tutorials of dynamic capacity, with static memory in front.
    "dynamic_behind_static": Topology("""
        -M q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=8G,cxl-fmw.0.interleave-granularity=8k
        -m 1G,maxmem=32G,slots=8
        -device pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1
        -device cxl-rp,port=13,bus=cxl.1,id=root_port13,chassis=0,slot=2
        -device cxl-type3,bus=root_port13,vmem=512M,pmem=512M,id=cxl-dcd0,dc=2x1G"""),
    # Windows of one bridge in any order and size; the first device fits neither of the first two.
    "windows_in_any_order": Topology("""
        -M "q35,cxl=on,cxl-fmw.2.size=2G,cxl-fmw.0.targets.0=c,cxl-fmw.1.size=768M,\
cxl-fmw.2.targets.0=c,cxl-fmw.0.size=256M,cxl-fmw.1.targets.0=c" -m 512M
        -device pxb-cxl,id=c,bus_nr=1,bus=pcie.0,hdm_for_passthrough=true
        -device cxl-rp,id=p0,bus=c,slot=1,port=0 -device cxl-rp,id=p1,bus=c,slot=2,port=1
        -device cxl-rp,id=p2,bus=c,slot=3,port=2 -device cxl-rp,id=p3,bus=c,slot=4,port=3
        -device cxl-type3,id=a,bus=p0,vmem=512M,dc=1x1G
        -device cxl-type3,id=b,bus=p1,dc=1x512M
        -device cxl-type3,id=d,bus=p2,vmem=256M
        -device cxl-type3,id=e,bus=p3,vmem=256M,pmem=256M"""),
    # Regions that only fit apart from each other, and one that fits nowhere.
    "regions_in_windows_of_their_own": Topology("""
        -M "q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=512M,\
cxl-fmw.1.targets.0=c,cxl-fmw.1.size=1G,cxl-fmw.2.targets.0=c,cxl-fmw.2.size=256M" -m 512M
        -device pxb-cxl,id=c,bus_nr=100,bus=pcie.0
        -device cxl-rp,id=p0,bus=c,slot=1,port=0 -device cxl-rp,id=p1,bus=c,slot=2,port=1
        -device cxl-type3,id=a,bus=p0,vmem=512M,dc=2x1G
        -device cxl-type3,id=b,bus=p1,dc=1x256M""", unmapped=("a/dc1",)),
    # One decoder of the bridge for each port, whatever else its windows would allow.
    "more_ports_than_decoders": Topology("""
        -M q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=1G,cxl-fmw.1.targets.0=c,cxl-fmw.1.size=8G
        -m 512M -device pxb-cxl,id=c,bus_nr=16,bus=pcie.0
        -device cxl-rp,id=p0,bus=c,slot=1,port=1 -device cxl-rp,id=p1,bus=c,slot=2,port=3
        -device cxl-rp,id=p2,bus=c,slot=3,port=5 -device cxl-rp,id=p3,bus=c,slot=4,port=7
        -device cxl-rp,id=p4,bus=c,slot=5,port=9
        -device cxl-type3,id=a,bus=p0,vmem=256M,dc=1x1G
        -device cxl-type3,id=b,bus=p1,vmem=256M,dc=1x1G
        -device cxl-type3,id=d,bus=p2,vmem=256M,dc=1x1G
        -device cxl-type3,id=e,bus=p3,vmem=256M,dc=1x1G
        -device cxl-type3,id=f,bus=p4,vmem=256M""", unmapped=("f/vmem",)),
    # Bridges and ports by number of slot, later ones before earlier ones; a bridge with no window.
    "places_by_addr": Topology("""
        -M q35,cxl=on,cxl-fmw.0.targets.0=hb.b,cxl-fmw.0.size=1G -m 512M
        -device pxb-cxl,id=hb.b,bus_nr=64,bus=pcie.0,addr=0x9
        -device pxb-cxl,id=hb.a,bus_nr=32,bus=pcie.0,addr=0x5
        -device cxl-rp,id=rp.b1,bus=hb.b,chassis=1,slot=9,port=2,addr=0x4
        -device cxl-rp,id=rp.b0,bus=hb.b,chassis=1,slot=8,port=7,addr=0x2
        -device cxl-rp,id=rp.a0,bus=hb.a,chassis=2,slot=8,port=0
        -device cxl-type3,id=late,bus=rp.b1,vmem=256M
        -device cxl-type3,id=early,bus=rp.b0,vmem=256M
        -device cxl-type3,id=alone,bus=rp.a0,vmem=256M""", unmapped=("alone/vmem",)),
    # A decoder targets a port by its number, and means the first that has it.
    "two_ports_of_one_number": Topology("""
        -M q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=1G -m 512M
        -device pxb-cxl,id=c,bus_nr=12,bus=pcie.0
        -device cxl-rp,id=second,bus=c,slot=1,addr=2 -device cxl-rp,id=first,bus=c,slot=2,addr=1
        -device cxl-type3,id=b,bus=second,vmem=256M
        -device cxl-type3,id=a,bus=first,vmem=256M""", unmapped=("b/vmem",)),
    "outside_of_cxl_bridges": Topology("""
        -M q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=1G -m 512M
        -device pxb-cxl,id=c,bus_nr=12,bus=pcie.0
        -device cxl-rp,id=inside,bus=c,slot=1 -device cxl-rp,id=outside,bus=pcie.0,slot=2
        -device cxl-type3,id=a,bus=pcie.0,vmem=256M
        -device cxl-type3,id=b,bus=outside,vmem=256M
        -device cxl-type3,id=d,bus=inside,vmem=256M""", unmapped=("a/vmem", "b/vmem")),
    "empty_ports": Topology("""
        -M q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=4G -m 512M
        -device pxb-cxl,id=c,bus_nr=12,bus=pcie.0
        -device cxl-rp,id=p0,bus=c,slot=1,port=0 -device cxl-rp,id=p1,bus=c,slot=2,port=1
        -device cxl-rp,id=p2,bus=c,slot=3,port=2 -device cxl-rp,id=p3,bus=c,slot=4,port=3
        -device cxl-type3,id=t,bus=p2,vmem=256M,dc=1x256M""", free="p0"),
    "sixteen_devices": Topology(
        "-m 512M,maxmem=64G,slots=8 -M q35,cxl=on" + "".join(
            f",cxl-fmw.{b}.targets.0=hb{b},cxl-fmw.{b}.size=4G" for b in range(4)) + "".join(
            f" -device pxb-cxl,id=hb{b},bus_nr={50 + 50 * b},bus=pcie.0" + "".join(
                f" -device cxl-rp,id=rp{b}{p},bus=hb{b},chassis={b},slot={p},port={p}"
                f" -device cxl-type3,id=mem{b}{p},bus=rp{b}{p},vmem=256M,dc=1x256M,sn={16 * b + p + 1}"
                for p in range(4)) for b in range(4))),
}


BRIDGE = "-device pxb-cxl,id=c,bus_nr=12,bus=pcie.0 "
PORT = "-device cxl-rp,id=p,bus=c,slot=1 "
WINDOW = "-M q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=1G "
MEMORY = "-object memory-backend-ram,id=m,size=256M "
DEVICE = "-device cxl-type3,volatile-memdev=m,id=t,bus="
# What neither program starts with, and what both say of it.
REFUSED = {
    "Bus 12 is already in use": WINDOW + BRIDGE + BRIDGE.replace("=c", "=d"),
    "Duplicate ID 'p' for device": WINDOW + BRIDGE + PORT + "-device cxl-rp,id=p,bus=c,slot=2",
    "Can't add chassis slot, error -16": WINDOW + BRIDGE + PORT + PORT.replace("=p", "=q"),
    "slot 3 function 0 not available for cxl-rp, in use by cxl-rp,id=p":
        WINDOW + BRIDGE + PORT.strip() + ",addr=3 -device cxl-rp,id=q,bus=c,slot=2,addr=3",
    "memory backend m can't be used multiple times":
        WINDOW + BRIDGE + PORT + MEMORY + DEVICE + "p -device cxl-rp,id=q,bus=c,slot=2 " +
        DEVICE.replace("=t", "=u") + "q",
    "Only PCI/PCIe bridges can be plugged into pxb-cxl": WINDOW + BRIDGE + MEMORY + DEVICE + "c",
    "Bus 'nosuch' not found": WINDOW + BRIDGE + MEMORY + DEVICE + "nosuch",
    "CXL host bridges present, but cxl=off": "-M q35 " + BRIDGE,
    "Could not resolve CXLFM target x": WINDOW.replace("=c,", "=x,") + BRIDGE,
    "Could not resolve CXLFM target p": WINDOW.replace("=c,", "=p,") + BRIDGE + PORT,
    "Size of a CXL fixed memory window must be a multiple of 256MiB":
        WINDOW.replace("1G", "100M") + BRIDGE,
    "Parameter 'cxl-fmw.0' missing": WINDOW.replace("fmw.0", "fmw.1") + BRIDGE,
    "Parameter 'cxl-fmw.0.size' is missing": WINDOW.replace(",cxl-fmw.0.size=1G", "") + BRIDGE,
    "Parameter 'cxl-fmw.0.targets' is missing":
        WINDOW.replace(",cxl-fmw.0.targets.0=c", "") + BRIDGE,
    "Interleave granularity: 100 invalid":
        WINDOW.strip() + ",cxl-fmw.0.interleave-granularity=100 " + BRIDGE,
}


def size(text):
    return int(text[:-1]) * UNITS[text[-1]]


def options(text, name):
    """The options of each @name in a command line, as a table."""
    words = shlex.split(text)
    for i, word in enumerate(words[:-1]):
        driver, _, rest = words[i + 1].partition(",")
        if word == "-device" and driver == name:
            yield dict(o.split("=", 1) for o in rest.split(","))


def parts(device):
    """What a device's options say that it has."""
    found = [Part(kind, size(device[kind])) for kind in ("vmem", "pmem") if kind in device]
    if "dc" in device:
        count, each = device["dc"].split("x")
        found += [Part(f"dc{i}", size(each)) for i in range(int(count))]
    return found


def type3(text, folder, qemu):
    """One device: (backends it needs, as -object takes them; the device, as -device takes it)."""
    _, options_ = text.split(",", 1)
    device = dict(o.split("=", 1) for o in options_.split(","))
    backends = []

    def backend(kind, length):
        name = f"{device['id']}-{kind}"
        backends.append({"qom-type": "memory-backend-file", "id": name, "size": length,
                         "share": True, "mem-path": os.path.join(folder, name)})
        return name

    words = [f"{k}={v}" for k, v in device.items() if k not in ("vmem", "pmem", "dc")]
    if "vmem" in device:
        words.append("volatile-memdev=" + backend("vmem", size(device["vmem"])))
    if "pmem" in device:
        words.append("persistent-memdev=" + backend("pmem", size(device["pmem"])))
        words.append("lsa=" + backend("lsa", 256 << 10))
    if "dc" in device:
        count, each = device["dc"].split("x")
        total = int(count) * size(each)
        words.append(f"num-dc-regions={count}")
        words.append("volatile-dc-memdev=" + backend("dc", total) if qemu
                     else f"dc-regions-total-size={total}")
    return backends, "cxl-type3," + ",".join(words)


def arguments(text, folder, qemu=False):
    """A command line for cxlbox or QEMU, with backends whose files are in @folder."""
    out = []
    for word in shlex.split(text):
        if not re.match("cxl-type3,", word):
            out.append(word)
            continue
        backends, device = type3(word, folder, qemu)
        for b in backends:
            out[-1:-1] = ["-object", ",".join(
                f"{k}={'on' if v is True else v}" for k, v in b.items()).replace("qom-type=", "")]
        out.append(device)
    return out
