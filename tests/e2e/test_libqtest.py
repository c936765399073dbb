# SPDX-License-Identifier: Apache-2.0
"""Started the way QEMU's libqtest starts its binary: through a shell, with the sockets made by the
test, in the order of talk that libqtest has, and ended by SIGTERM."""

import os
import shlex
import signal
import socket
import subprocess
import tempfile
import unittest

from cxbpy.cxlhost import CxlHost
from cxbpy.machine import TUTORIAL, binary
from cxbpy.qmp import Qmp
from cxbpy.qtest import Qtest

GIB = 1 << 30
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
DEVICE = "/machine/peripheral/cxl-vmem0"
CHBS, WINDOW = 0x3c0000000, 0x3d0000000
# What surrounds the test's own arguments, {1}; {0} is the stem of the sockets.
NEW = "-qtest unix:{0}.sock -qtest-log /dev/null -chardev socket,path={0}.qmp,id=char0 " \
      "-object monitor-qmp,id=qmp0,chardev=char0 -display none -audio none " \
      "-run-with exit-with-parent=on {1} -accel qtest"
OLD = "-qtest unix:{0}.sock -qtest-log /dev/null -chardev socket,path={0}.qmp,id=char0 " \
      "-mon chardev=char0,mode=control -display none {1} -accel qtest"
SHORT = "-qtest unix:{0}.sock -qtest-log /dev/null -qmp unix:{0}.qmp -display none {1} -accel qtest"


def machine(bridges, ports, devices, numbered=True):
    """As the machines of QEMU's own CXL tests are written: a window over all bridges, @ports below
    each, a persistent device below each of the first @devices; files in a folder, {dir}."""
    text = ["-machine q35,cxl=on"]
    for b in range(bridges):
        text.append(f"-device pxb-cxl,id=cxl.{b},bus=pcie.0" + f",bus_nr={52 + b}" * numbered)
    if bridges and numbered:
        text.append("-M " + "".join(f"cxl-fmw.0.targets.{b}=cxl.{b}," for b in range(bridges)) +
                    "cxl-fmw.0.size=4G")
    for p in range(bridges * ports):
        text.append(f"-device cxl-rp,id=rp{p},bus=cxl.{p // ports},chassis=0,slot={p}")
    for d in range(devices):
        text += [f"-object memory-backend-file,id={name}{d},mem-path={{dir}},size=256M"
                 for name in ("cxl-mem", "lsa")]
        text.append(f"-device cxl-type3,bus=rp{d},memdev=cxl-mem{d},lsa=lsa{d},id=cxl-pmem{d}")
    return " ".join(text)


# Those tests only start and end each; a bridge without a number among them.
QEMUS_OWN = {
    "no bridge": machine(0, 0, 0),
    "a bridge without number": machine(1, 0, 0, numbered=False),
    "a window": machine(1, 0, 0), "two bridges and a window": machine(2, 0, 0),
    "a port": machine(1, 1, 0), "two ports": machine(1, 2, 0),
    "a device": machine(1, 1, 1), "two ports, two devices": machine(1, 2, 2),
    "two bridges, four ports, four devices": machine(2, 2, 4),
}


class LibQtest:
    """One run. The name of the binary is what libqtest wants: NAME-system-ARCH."""

    def __init__(self, args, form=NEW, env=None, shell="exec {}"):
        self.dir = tempfile.mkdtemp(prefix="cxlbox-")
        self.stem = os.path.join(self.dir, f"qtest-{os.getpid()}")
        self.program = os.path.join(self.dir, "cxlbox-system-x86_64")
        os.symlink(os.path.abspath(binary()), self.program)
        self.listeners = [self.listen(f"{self.stem}.{kind}") for kind in ("sock", "qmp")]
        self.qtest = self.qmp = None
        command = shell.format(f"{self.program} {form.format(self.stem, args)}")
        self.process = subprocess.Popen(["/bin/sh", "-c", command], cwd=self.dir,
                                        stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=dict(os.environ, **env or {}))

    @staticmethod
    def listen(path):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(50)
        sock.bind(path)
        sock.listen(1)
        return sock

    def accept(self, i):
        sock, _ = self.listeners[i].accept()
        sock.settimeout(50)
        return sock

    def talk(self):
        """Accept both, then speak in libqtest's order."""
        qtest, qmp = self.accept(0), self.accept(1)
        self.qtest = Qtest(sock=qtest)
        assert self.qtest.cmd("endianness") == "little"
        self.qmp = Qmp(sock=qmp, negotiate=False)
        self.qmp.send_raw("{ 'execute': 'qmp_capabilities' }")
        assert self.qmp.reply() == {"return": {}}
        return self

    def end(self):
        """As qtest_quit(): SIGTERM, then wait; (status, stderr)."""
        self.process.send_signal(signal.SIGTERM)
        text = self.process.communicate(timeout=30)[1].decode()
        return self.process.returncode, text

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        for end in (self.qtest, self.qmp, *self.listeners):
            if end:
                end.close()
        for name in os.listdir(self.dir):
            os.unlink(os.path.join(self.dir, name))
        os.rmdir(self.dir)


class Start(unittest.TestCase):
    def check(self, run):
        """Whether a real test could work with it: bring up the device, take capacity, end."""
        q, qmp = run.qtest, run.qmp
        host = CxlHost(q, chbs=CHBS, window=WINDOW)
        host.enumerate()
        host.map_dpa(4 * GIB)
        qmp.cmd("object-add", qom_type="memory-backend-ram", id="tm0", size=GIB, share=True,
                tag=TAG)
        qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0,
                selection_policy="prescriptive", region=0, tag=TAG,
                extents=[{"offset": 0, "len": GIB}])
        record, = [host.dc_record(r) for r in host.events()]
        host.dc_list(0x4802, [(record["dpa"], record["len"])])
        q.writeq(WINDOW + 8, 0x1122334455667788)
        self.assertEqual(q.readq(WINDOW + 8), 0x1122334455667788)

    def test_as_the_present_one(self):
        with LibQtest(shlex.join(TUTORIAL)) as run:
            self.check(run.talk())
            status, text = run.end()
            self.assertEqual(status, 0, text)

    def test_the_machines_of_qemus_own_tests(self):
        for name, args in QEMUS_OWN.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as files, \
                    LibQtest(args.format(dir=files)) as run:
                run.talk()
                devices = [d for d in run.qmp.cmd("qom-list", path="/machine/peripheral")
                           if d["type"] == "child<cxl-type3>"]
                self.assertEqual(len(devices), args.count("cxl-type3"))
                status, text = run.end()
                self.assertEqual(status, 0, text)
                self.assertEqual(os.listdir(files), [])

    def test_as_old_ones(self):
        with LibQtest("-nodefaults -nographic " + shlex.join(TUTORIAL), OLD,
                      {"QEMU_AUDIO_DRV": "none"}) as run:
            self.check(run.talk())
            status, text = run.end()
            self.assertEqual(status, 0, text)

    def test_with_the_accelerator_among_the_machine_options(self):
        form = OLD.replace("-accel qtest", "-machine accel=qtest")
        with LibQtest(shlex.join(TUTORIAL), form) as run:
            run.talk()
            self.assertEqual(run.qtest.cmd("clock_step 5"), "5")  # time is the test's

    def test_with_the_short_form_of_a_monitor(self):
        with LibQtest(shlex.join(TUTORIAL), SHORT) as run:
            self.check(run.talk())
            self.assertEqual(run.end()[0], 0)

    def test_what_a_shell_makes_of_quotes_and_redirections(self):
        with LibQtest("-name 'a b,,c' -machine q35 2>/dev/null") as run:
            run.talk()
            self.assertEqual(run.qmp.cmd("query-name"), {"name": "a b,c"})
            self.assertEqual(run.end(), (0, ""))

    def test_a_late_accept_is_waited_for(self):
        with LibQtest("-machine q35") as run:
            qtest = Qtest(sock=run.accept(0))
            for _ in range(100):  # QMP is not accepted yet
                self.assertEqual(qtest.cmd("endianness"), "little")
            qmp = Qmp(sock=run.accept(1))
            self.assertEqual(qmp.cmd("query-status")["status"], "running")
            self.assertIsNone(run.process.poll())
            qtest.close()
            qmp.close()

    def test_what_is_sent_before_the_machine_is_there_is_answered(self):
        with LibQtest(shlex.join(TUTORIAL)) as run:
            qtest, qmp = run.accept(0), run.accept(1)
            qmp.sendall(b"{ 'execute': 'qmp_capabilities' }{ 'execute': 'query-status' }")
            qtest.sendall(b"endianness\ninb 0\n")
            qtest, qmp = Qtest(sock=qtest), Qmp(sock=qmp, negotiate=False)
            self.assertEqual((qtest.line(), qtest.line()[:3]), ("OK little", "OK "))
            self.assertEqual(qmp.reply(), {"return": {}})
            self.assertEqual(qmp.reply()["return"]["status"], "running")
            qtest.close()
            qmp.close()

    def test_events_stand_before_the_answer(self):
        with LibQtest(shlex.join(TUTORIAL)) as run:
            run.talk()
            self.assertEqual(run.qmp.events, [])
            run.qmp.cmd("system_reset")
            self.assertEqual(run.qmp.wait_event("RESET")["data"]["guest"], False)

    def test_two_at_once(self):
        with LibQtest(shlex.join(TUTORIAL)) as one, LibQtest(shlex.join(TUTORIAL)) as two:
            one.talk()
            two.talk()
            self.check(one)
            self.check(two)
            self.assertEqual([one.end()[0], two.end()[0]], [0, 0])

    def test_a_test_that_goes_does_not_end_it(self):
        with LibQtest("-machine q35") as run:
            run.talk()
            run.qtest.close()
            self.assertEqual(run.qmp.cmd("query-status")["status"], "running")
            run.qmp.close()
            with self.assertRaises(subprocess.TimeoutExpired):
                run.process.wait(0.2)
            self.assertEqual(run.end()[0], 0)

    def test_its_log(self):
        with LibQtest("-machine q35", NEW.replace("/dev/null", "/dev/fd/2")) as run:
            run.talk()
            lines = run.end()[1].splitlines()
            self.assertRegex(lines[0], r"^\[I \+\d+\.\d{6}\] OPENED$")
            self.assertRegex(lines[1], r"^\[R \+\d+\.\d{6}\] endianness$")
            self.assertRegex(lines[2], r"^\[S \+\d+\.\d{6}\] OK little$")

    def test_nobody_listens(self):
        for form in (NEW.replace("unix:{0}.sock", "unix:/nowhere/q"),
                     NEW.replace("path={0}.qmp", "path=/nowhere/q"),
                     SHORT.replace("unix:{0}.qmp", "unix:/nowhere/q")):
            with self.subTest(form=form), LibQtest("-machine q35", form) as run:
                text = run.process.communicate(timeout=30)[1].decode()
                self.assertEqual(run.process.returncode, 1)
                self.assertIn("Failed to connect to '/nowhere/q'", text)
                self.assertTrue(text.startswith("cxlbox-system-x86_64: "), text)

    def test_it_goes_when_the_test_dies(self):
        # A shell that stays is the parent here, and then it is killed.
        with LibQtest("-machine q35", shell="{} & read forever") as run:
            run.talk()
            run.process.kill()
            run.process.wait()
            for client in (run.qtest.sock, run.qmp.sock):
                while client.recv(4096):  # a SHUTDOWN event may come first
                    pass


if __name__ == "__main__":
    unittest.main()
