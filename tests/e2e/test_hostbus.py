# SPDX-License-Identifier: Apache-2.0
"""cxlbox-host, one driver for two machines: it brings up cxlbox and QEMU over qtest, finds the same
on both, and takes a prescriptive extent and gives it back. QEMU's dynamic capacity has static backing
and no tag.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from cxbpy import peers
from cxbpy.machine import Machine, connect
from cxbpy.qtest import Qtest
from hostproc import HOST, Host, comparable

GIB, MIB = 1 << 30, 1 << 20
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
NO_TAG = "00000000-0000-0000-0000-000000000000"

BOARD = ["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G",
         "-m", "1G,maxmem=8G,slots=4", "-nodefaults",
         "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=true",
         "-device", "cxl-rp,port=0,bus=cxl.1,id=rp0,chassis=0,slot=2"]
DEVICE = "cxl-type3,bus=rp0,id=t3,sn=0x1234,num-dc-regions=2"


def cxlbox(qtest, work):
    return Machine([*BOARD, "-accel", "qtest", "-qtest", f"unix:{qtest}",
                    "-device", DEVICE + ",dc-regions-total-size=2G"], tutorial=False, cwd=work)


def qemu(qtest, work):
    return Machine([*BOARD, "-accel", "qtest", "-display", "none", "-qtest", f"unix:{qtest}",
                    "-qtest-log", "none", "-object", "memory-backend-ram,id=dc,size=2G",
                    "-device", DEVICE + ",volatile-dc-memdev=dc"],
                   tutorial=False, cwd=work, program=[peers.SCRIPT, "qemu"])


class Case(unittest.TestCase):
    def work(self):
        """A directory, and the path of a socket in it."""
        work = tempfile.mkdtemp(prefix="cxlbox-")
        self.addCleanup(shutil.rmtree, work, ignore_errors=True)
        return work, os.path.join(work, "host.sock")

    def start(self, make, *args):
        """A machine, the host on it, and the lines up to "ready"."""
        work, path = self.work()
        machine = make(path + ",server=on,wait=off", work)
        self.addCleanup(machine.end)
        host = Host(f"qtest:{path}", *args)
        self.addCleanup(host.close)
        return machine, host, host.until("^ready$")

    def add(self, machine, tag=None, offset=0, size=256 * MIB, region=1):
        tagged = {"tag": tag} if tag else {}
        machine.qmp.cmd("cxl-add-dynamic-capacity", path="/machine/peripheral/t3", host_id=0,
                        selection_policy="prescriptive", region=region,
                        extents=[{"offset": offset, "len": size}], **tagged)

    def backend(self, machine, tag, size=256 * MIB):
        machine.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"b{tag[:8]}", size=size,
                        share=True, tag=tag)

    def release(self, machine, tag=None, offset=0, size=256 * MIB, region=1):
        tagged = {"tag": tag} if tag else {}
        machine.qmp.cmd("cxl-release-dynamic-capacity", path="/machine/peripheral/t3", host_id=0,
                        removal_policy="prescriptive", region=region,
                        extents=[{"offset": offset, "len": size}], **tagged)

    def flow(self, machine, host, tag):
        """Add, accept, release of one prescriptive extent, twice over."""
        for _ in range(2):
            self.add(machine, tag)
            line = host.until("accepted|refused")[-1]
            self.assertEqual(line, f"mem0: accepted tag {tag or NO_TAG}: 1 extents, "
                                   f"{256 * MIB:#x} bytes")
            self.release(machine, tag)
            line = host.until("is gone|asked to give back")[-1]
            self.assertEqual(line, f"mem0: tag {tag or NO_TAG} is gone")


    def without_cxl(self, *program):
        """A machine of which there is no CEDT comes up, and has no memory device."""
        work, path = self.work()
        machine = Machine(["-M", "q35", "-m", "64M", "-nodefaults", "-display", "none", "-accel",
                           "qtest", "-qtest", f"unix:{path},server=on,wait=off", "-qtest-log",
                           "none"], tutorial=False, cwd=work, program=program or None)
        self.addCleanup(machine.end)
        host = Host(f"qtest:{path}", "--once", "--idle", "0")
        self.addCleanup(host.close)
        lines = host.until("^ready$")
        self.assertEqual(lines[0], "no CEDT: this machine has no CXL")
        self.assertEqual({line.split()[0] for line in lines[1:-1]}, {"function"})
        self.assertEqual(host.end()[0], 0)

    def policies(self, make, tag):
        """What is refused, and what is not given back, whoever asks."""
        machine, host, _ = self.start(make, "--accept=reject")
        if tag:
            self.backend(machine, tag)
        self.add(machine, tag)
        self.assertIn(tag or NO_TAG, host.until("refused")[-1])
        self.assertEqual(host.end(signal.SIGINT)[:2], (0, []))  # it holds nothing
        machine, host, _ = self.start(make, "--release", "ignore")
        if tag:
            self.backend(machine, tag)
        self.add(machine, tag)
        host.until("accepted")
        self.release(machine, tag)
        host.until("asked to give back")
        status, rest, _ = host.end(signal.SIGTERM)
        self.assertEqual(status, 0)
        self.assertRegex(rest[-1], f"^extent mem0 dc1: .* tag {tag or NO_TAG} .* release-asked$")


class Cxlbox(Case):
    def test_a_machine_without_cxl_comes_up(self):
        self.without_cxl()

    def test_policies(self):
        self.policies(cxlbox, TAG)

    def test_broken_tables_are_refused(self):
        """As firmware might leave them: the machine's RAM is written before the host looks."""
        for what, offset, value, text in (
                ("length", 4, b"\xff\xff\xff\x7f", "CEDT has length 0x7fffffff"),
                ("checksum", 9, b"\0", "CEDT has a wrong checksum"),
                ("signature", 0, b"XEDT", "no CEDT: this machine has no CXL")):
            with self.subTest(what):
                work, path = self.work()
                machine = cxlbox(path + ",server=on,wait=off", work)
                qtest = connect(Qtest, path, machine.process)
                area = qtest.read(0xe0000, 0x20000)
                at = 0xe0000 + area.index(b"CEDT")
                qtest.write(at + offset, value)
                qtest.close()
                host = Host(f"qtest:{path}", "--once", "--idle", "0")
                status, lines, stderr = host.end()
                self.assertIn(text, stderr + "".join(lines))
                self.assertEqual(status, int("no CXL" not in text))
                host.close()
                machine.end()

    def test_what_is_no_qtest_socket_is_told(self):
        work, path = self.work()
        machine = Machine(["-accel", "qtest"], cwd=work)
        self.addCleanup(machine.end)
        host = Host(f"qtest:{machine.qmp_path}")  # a second monitor would answer JSON
        self.addCleanup(host.close)
        machine.qmp.close()
        status, _, stderr = host.end()
        self.assertEqual(status, 1)
        self.assertIn("the qtest connection is lost", stderr)

    def test_version_and_help(self):
        for word, text in (("--version", "cxlbox-host version "), ("--help", "--bus=qtest:")):
            run = subprocess.run([HOST, word], capture_output=True, text=True, timeout=60,
                                 check=True)
            self.assertIn(text, run.stdout)

    def test_the_whole_flow(self):
        machine, host, lines = self.start(cxlbox)
        self.assertIn("function   0d:00.0 endpoint 8086:0d93 class 050210", lines)
        self.assertIn("memdev mem0: 0d:00.0 serial 0x1234 static 0x0 dc-regions 2 "
                      "firmware 'cxlbox 0.1.0'", lines)
        self.backend(machine, TAG)
        self.flow(machine, host, TAG)
        self.add(machine, TAG)
        host.until("accepted")
        extent, = machine.qmp.cmd("query-cxl-dynamic-capacity", path="t3")[0]["extents"]
        self.assertEqual((extent["state"], extent["access"]), ("accepted", "direct"))
        # At its end it says what it holds.
        status, rest, stderr = host.end(signal.SIGTERM)
        self.assertEqual((status, stderr), (0, ""))
        self.assertEqual(rest, [f"extent mem0 dc1: dpa {GIB:#x} len {256 * MIB:#x} tag {TAG} "
                                f"seq 0 hpa {extent['hpa']:#x} accepted"])
        # Another one takes it over.
        again = Host(f"qtest:{machine.dir}/host.sock", "--once", "--idle", "0")
        self.addCleanup(again.close)
        self.assertIn(rest[0], again.until("^ready$"))
        self.assertEqual(again.end()[0], 0)

    def test_an_offer_made_before_is_answered_and_once_is_enough(self):
        work, path = self.work()
        machine = cxlbox(path + ",server=on,wait=off", work)
        self.addCleanup(machine.end)
        self.backend(machine, TAG)
        self.add(machine, TAG)
        host = Host(f"qtest:{path}", "--once", "--idle", "50")
        self.addCleanup(host.close)
        host.until("accepted")
        status, rest, _ = host.end()
        self.assertEqual(status, 0)
        self.assertIn("ready", rest)

    def test_reject_and_ignore(self):
        machine, host, _ = self.start(cxlbox, "--accept", "reject")
        self.backend(machine, TAG)
        self.add(machine, TAG)
        self.assertIn(TAG, host.until("refused")[-1])
        machine, host, _ = self.start(cxlbox, "--accept=ignore", "--once", "--idle", "200")
        self.backend(machine, TAG)
        self.add(machine, TAG)
        self.assertEqual(host.end()[0], 0)
        extent, = machine.qmp.cmd("query-cxl-dynamic-capacity", path="t3")[0]["extents"]
        self.assertEqual(extent["state"], "offered")

    def test_the_host_may_be_the_server(self):
        work, path = self.work()
        host = Host(f"qtest:{path},server=on", "--once", "--idle", "0")
        self.addCleanup(host.close)
        end = time.monotonic() + 20
        while not os.path.exists(path) and time.monotonic() < end:
            time.sleep(0.001)
        machine = cxlbox(path, work)
        self.addCleanup(machine.end)
        host.until("^ready$")
        self.assertEqual(host.end()[0], 0)
        self.assertFalse(os.path.exists(path))

    def test_the_end_of_the_machine_is_told(self):
        machine, host, _ = self.start(cxlbox)
        machine.end()
        status, _, stderr = host.end()
        self.assertEqual(status, 1)
        self.assertIn("the qtest connection is lost", stderr)

    def test_wrong_options_are_refused(self):
        for args, text in (
                ([], "--bus is missing"),
                (["--bus", "vfio:x"], "expected qtest:SOCKET"),
                (["--bus", "qtest:"], "expected qtest:SOCKET"),
                (["--bus", "qtest:x,server=maybe"], "expects 'on' or 'off'"),
                (["--bus", "qtest:x,foo=1"], "Invalid parameter 'foo'"),
                (["--bus", "qtest:x", "--accept", "ask"], "one of all, reject, ignore"),
                (["--bus", "qtest:x", "--release", "reject"], "one of all, ignore"),
                (["--bus", "qtest:x", "--idle", "-1"], "not a time"),
                (["--bus", "qtest:" + "x" * 200], "cannot be the path of a socket"),
                (["--bus", "qtest:x", "more"], "'more'"),
                (["--nosuch"], "Unknown option")):
            result = subprocess.run([HOST, *args], capture_output=True, text=True, timeout=60,
                                    check=False)
            self.assertEqual(result.returncode, 1, args)
            self.assertIn(text, result.stderr)


class Qemu(Case):
    @classmethod
    def setUpClass(cls):
        peers.need()

    def test_both_machines_look_the_same(self):
        told = [self.start(make)[2] for make in (cxlbox, qemu)]
        seen = [comparable(lines) for lines in told]
        self.assertEqual(*seen)
        self.assertEqual([line for lines in told for line in lines if "CDAT" in line], [])
        self.assertGreater(sum(line.startswith("function") for line in seen[0]), 3)
        self.assertEqual([line.split()[-1] for line in seen[0] if line.startswith("region")],
                         ["0", "1"])  # both mapped, by decoders 0 and 1

    def test_a_machine_without_cxl_comes_up(self):
        self.without_cxl(peers.SCRIPT, "qemu")

    def test_policies(self):
        self.policies(qemu, None)

    def test_the_end_of_the_machine_is_told(self):
        machine, host, _ = self.start(qemu)
        machine.end()
        status, _, stderr = host.end()
        self.assertEqual(status, 1)
        self.assertIn("the qtest connection is lost", stderr)

    def test_another_host_takes_over_what_was_accepted(self):
        machine, host, _ = self.start(qemu)
        self.add(machine)
        host.until("accepted")
        _, rest, _ = host.end(signal.SIGTERM)
        self.assertRegex(rest[0], "^extent mem0 dc1: dpa 0x40000000 len 0x10000000 .* accepted$")
        again = Host(f"qtest:{machine.dir}/host.sock", "--once", "--idle", "0")
        self.addCleanup(again.close)
        self.assertIn(rest[0], again.until("^ready$"))
        self.assertEqual(again.end()[0], 0)

    def test_the_flow_on_qemu(self):
        machine, host, _ = self.start(qemu)
        self.flow(machine, host, None)
        self.assertEqual(host.end(signal.SIGTERM)[0], 0)


if __name__ == "__main__":
    unittest.main()
