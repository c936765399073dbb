# SPDX-License-Identifier: Apache-2.0
"""cxlbox-qemu: what becomes of a QEMU command line with CXL memory devices."""

import os
import shlex
import struct
import tempfile
import unittest

import qemuline
from cxbpy.machine import TUTORIAL

ENV = {**os.environ, "CXLBOX": "the-box", "QEMU": "the-qemu", "TMPDIR": "/t"}
DIR = "/t/cxlbox-qemu-XXXXXX"


def run(*args):
    return qemuline.run(*args, env=ENV)


def plan(*args):
    """Words of both lines, and everything else that is said."""
    result = run("--dry-run", *args)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    cxlbox, qemu = (shlex.split(line) for line in lines if not line.startswith("#"))
    return cxlbox, qemu, [line for line in lines if line.startswith("#")], result.stderr


class DryRun(unittest.TestCase):
    def test_the_tutorial(self):
        cxlbox, qemu, said, notes = plan("--ports", "2", *TUTORIAL, "-kernel", "bzImage", "-initrd", "fs",
                                         "-append", "console=ttyS0 quiet", "-qmp", "stdio")
        self.assertEqual(cxlbox, [
            "the-box", "-M", "x-remote",
            "-device", "cxl-type3,num-dc-regions=1,dc-regions-total-size=4G,id=cxl-vmem0",
            "-object", f"x-vfio-user-server,id=vfio-user.cxl-vmem0,device=cxl-vmem0,path={DIR}/cxl-vmem0.vfio-user",
            "-object", f"cxl-guest,id=guest.cxl-vmem0,qmp=unix:{DIR}/cxl-vmem0.qmp,device=cxl-vmem0,"
                       "ports=cxlbox-ports0.",
            "-qmp", f"unix:{DIR}/cxlbox.qmp"])
        place = '{"driver":"vfio-user-pci","id":"cxl-vmem0","bus":"root_port13",' \
                f'"socket":{{"type":"unix","path":"{DIR}/cxl-vmem0.vfio-user"}}}}'
        self.assertEqual(qemu, [
            "the-qemu", "-M", "q35,cxl=on", *TUTORIAL[4:8], "-device", place, "-kernel", "bzImage",
            "-append", "console=ttyS0 quiet", "-cpu", "max,-hypervisor",
            "-device", "pcie-root-port,id=cxlbox-ports0.0,bus=cxl.1,addr=1f.1,chassis=255,slot=0",
            "-device", "pcie-root-port,id=cxlbox-ports0.1,bus=cxl.1,addr=1f.2,chassis=255,slot=1",
            "-qmp", f"unix:{DIR}/cxl-vmem0.qmp,server=on,wait=off",
            "-m", "size=1G,slots=4,maxmem=14G", "-initrd", f"{DIR}/initrd",
            "-qmp", f"unix:{DIR}/qemu.qmp"])
        self.assertEqual(said[2:], ["# The guest's table CEDT, in front of its initramfs:",
                                    "#   host bridge 12: registers at 0x540000000, 0x10000 bytes",
                                    "#   window 0x3c0000000-0x53fffffff (6G) to host bridge 12"])
        self.assertEqual(notes, "")

    def test_a_guest_of_its_own_making_needs_the_table(self):
        notes = plan(*TUTORIAL, "disk.img")[3]
        self.assertIn("without -kernel its own initramfs needs the table CEDT in front", notes)

    def test_options_from_a_file(self):
        with tempfile.NamedTemporaryFile("w") as f:
            f.write('[device "t3"]\n driver = "cxl-type3"\n bus = "rp"\n[device "n"]\n driver = "e1000"\n')
            f.flush()
            cxlbox, qemu = plan("--ports", "0", "-readconfig", f.name, "-set", "device.t3.sn=5")[:2]
        self.assertIn("cxl-type3,sn=5,id=t3", cxlbox)
        self.assertIn("id=n,driver=e1000", qemu)
        self.assertNotIn("-readconfig", qemu)

    def test_what_is_wrong_is_named(self):
        for args, text in (
                (["--ports", "190"], "--ports 190: expected 0 to 189"),
                (["--ports"], "--ports: requires an argument"),
                (["--cedt", "x", "-M", "q35"], "--cedt x: there is no window (-M cxl-fmw.0...), QEMU's own table does"),
                (["--exact", "-M", "q35,cxl=on"], "--exact: there is no window (-M cxl-fmw.0...)"),
                (["--ports", "8", "--exact", *TUTORIAL], "--exact: no memory is put behind ports then (--ports)"),
                (["-nosuch"], "-nosuch: invalid option"),
                (["-device", "cxl-type3,id=a"],
                 "-device cxl-type3,id=a: Parameter 'bus' is missing: name the root port or the port of a switch "
                 "that it is plugged into"),
                (["-daemonize"], "-daemonize: this program stays, with the two that it has started: put it in the "
                                 "background as a whole"),
                (["-M", "q35,cxl=on,cxl-fmw.0.targets.0=b,cxl-fmw.0.size=1G"], "Could not resolve CXLFM target b"),
                (["-m", "1G,maxmem=512M"],
                 "invalid value of maxmem: maximum memory size (0x20000000) must be at least the initial memory "
                 "size (0x40000000)"),
                ([*TUTORIAL, "-device", "cxl-type3,bus=x,volatile-memdev=m", "--ports", "1"],
                 "--ports: invalid option")):
            with self.subTest(args):
                result = run("--dry-run", *args)
                self.assertEqual((result.returncode, result.stdout), (1, ""))
                self.assertEqual(result.stderr, f"cxlbox-qemu: {text}\n")

    def test_help_and_version(self):
        self.assertIn("usage: cxlbox-qemu", run("-help").stdout)
        self.assertIn("cxlbox-qemu version ", run("--version").stdout)


class Table(unittest.TestCase):
    """What is written for a guest's initramfs."""

    def test_the_bytes(self):
        t = qemuline.table(*TUTORIAL)
        self.assertEqual((t[:4], struct.unpack_from("<I", t, 4)[0], sum(t) & 0xff), (b"CEDT", len(t), 0))
        self.assertEqual((t[10:24], struct.unpack_from("<I", t, 24)[0]), (b"BOCHS BXPC    ", 2))
        self.assertEqual(struct.unpack_from("<BBHIIIQQ", t, 36), (0, 0, 32, 12, 1, 0, 0x540000000, 0x10000))
        self.assertEqual(struct.unpack_from("<BBHIQQBBHIHHI", t, 68),
                         (1, 0, 40, 0, 0x3c0000000, 6 << 30, 0, 0, 0, 0, 0x2f, 0, 12))


if __name__ == "__main__":
    unittest.main()
