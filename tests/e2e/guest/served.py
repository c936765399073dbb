# SPDX-License-Identifier: Apache-2.0
"""Guests whose CXL devices cxlbox serves: its command line and theirs, and what is done with both."""

import os
import struct
import time
import unittest
import uuid

import image
from cxbpy.machine import Machine
from cxbpy.qmp import QmpError
from guest import Guest

MIB, GIB = 1 << 20, 1 << 30
RAM = ["-m", "1G,maxmem=8G,slots=4"]
END = 0x3c0000000   # of device memory, where QEMU puts the host bridges' registers
WINDOW = 0x140000000  # inside of device memory
WINDOW_SIZE = 4 * GIB
PCI = "0000:0d:00.0"
CHANGE_SECONDS = 20  # at most, until a change of capacity is not refused for another's sake
# What Linux says of this processor, not of us; and that a device has no way to be told of a shutdown.
HARMLESS = ("perfctr", "NUMA node", "hpet", "RETBleed", "Spectre", "APIC", "GPF: could not set dirty")


def tag(n):
    return str(uuid.UUID(int=0x5be13bceae344a77b6c3_16df975fcf00 + n))


def table(signature, revision, body):
    """An ACPI table that takes the place of QEMU's: same OEM ids, a later revision."""
    head = struct.pack("<4sIBB6s8sI4sI", signature, 36 + len(body), revision, 0, b"BOCHS ", b"BXPC    ", 2,
                       b"CXBX", 1)
    return head[:9] + bytes([-sum(head + body) & 0xff]) + head[10:] + body


def cedt(bus=12):
    """One host bridge and one window (CXL 3.1 9.18.1)."""
    chbs = struct.pack("<BBHIIIQQ", 0, 0, 32, bus, 1, 0, END, 0x10000)
    cfmws = struct.pack("<BBHIQQBBHIHHI", 1, 0, 40, 0, WINDOW, WINDOW_SIZE, 0, 0, 0, 0, 0x0f, 0, bus)
    return table(b"CEDT", 1, chbs + cfmws)


# In front of the initramfs.
CEDT = image.archive({"kernel/firmware/acpi/CEDT.aml": cedt()})


def driver():
    """The program that plays a kernel's driver, and programs of the guest."""
    with open(os.environ["CXLBOX_GUEST_DRIVER"], "rb") as f:
        return {"bin/driver": f.read()}


class Box:
    """A cxlbox whose devices are served, each head at the socket "sN"; guest N is given memory over "vmN"."""

    def __init__(self, devices, heads=1, args=()):
        serve = []
        for n in range(heads):
            head = f",head={n}" if heads > 1 else ""
            serve += ["-object", f"x-vfio-user-server,id=s{n},path=s{n},device=t3{head}",
                      "-object", f"cxl-guest,id=vm{n},qmp=unix:vm{n},device=t3{head}"]
        self.m = Machine(["-M", "x-remote", *devices, *serve, *args], tutorial=False)
        self.qmp, self.dir = self.m.qmp, self.m.dir

    def guest(self, n=0, ports=14, qemu_args=(), files=None, **more):
        """Boot a guest with head @n behind a root port of a CXL host bridge."""
        hidden = []
        for i in range(ports):
            hidden += ["-device", f"pcie-root-port,id=ha{i},bus=cxl.1,addr={0x1d - i // 7:x}.{i % 7 + 1},"
                                  f"chassis={100 + i},slot={100 + i}"]
        path = os.path.join(self.dir, f"vm{n}")
        guest = Guest(["-M", "q35,cxl=on", *RAM,
                       "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1",
                       "-device", "cxl-rp,port=0,bus=cxl.1,id=rp0,chassis=0,slot=2", *hidden,
                       "-chardev", f"socket,id=cxlbox,path={path},server=on,wait=off",
                       "-mon", "chardev=cxlbox,mode=control", *qemu_args,
                       "-device", '{"driver":"vfio-user-pci","id":"t3","bus":"rp0","socket":{"type":"unix","path":"%s"}}'
                       % os.path.join(self.dir, f"s{n}")], files={**driver(), **(files or {})}, **more)
        guest.check(f"echo 1 >/sys/bus/pci/devices/{PCI}/enable 2>/dev/null; true")
        return guest

    def state(self, n=0, prop="state"):
        return self.qmp.cmd("qom-get", path=f"/objects/vm{n}", property=prop)

    def backend(self, n, size):
        self.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"m{n}", size=size, share=True, tag=tag(n))

    def change(self, command, **args):
        """It is refused while a guest is just getting memory, or losing it: asked again."""
        end = time.monotonic() + CHANGE_SECONDS
        while True:
            try:
                return self.qmp.cmd(command, path="t3", **args)
            except QmpError as error:
                if "operation on dynamic capacity is under way" not in str(error) or time.monotonic() > end:
                    raise
            time.sleep(0.001)

    def add(self, n, offset, sizes, host=0, region=0):
        """Offer tag @n, whose backend is there; what the guest is to accept."""
        extents, at = [], offset
        for size in sizes:
            extents.append({"offset": at, "len": size})
            at += size
        self.change("cxl-add-dynamic-capacity", host_id=host, region=region, tag=tag(n),
                    selection_policy="prescriptive", extents=extents)
        return extents

    def remove(self, n, host=0, region=0, **more):
        self.change("cxl-release-dynamic-capacity", host_id=host, region=region, tag=tag(n),
                    removal_policy="tag-based", **more)

    def bytes_of(self, n, size):
        path = next(m["path"] for m in self.qmp.cmd("query-memdev") if m["id"] == f"m{n}")
        with open(path, "rb") as f:
            return f.read(size)

    def end(self):
        self.m.end()


def pattern(size, seed):
    """What `driver fill` writes."""
    return struct.pack(f"<{size // 8}Q", *(seed << 32 | n for n in range(size // 8)))


class Case(unittest.TestCase):
    def box(self, *args, **more):
        self.b = Box(*args, **more)
        self.addCleanup(self.b.end)
        self.qmp = self.b.qmp
        return self.b

    def boot(self, n=0, **more):
        guest = self.b.guest(n, **more)
        self.addCleanup(guest.close)
        return guest

    def healthy(self, guest):
        said = [line for line in guest.dmesg(4)
                if any(word in line.lower() for word in ("cxl", "pci", "dax", "bug", "oops"))
                and not any(word in line for word in HARMLESS)]
        self.assertEqual(said, [])
