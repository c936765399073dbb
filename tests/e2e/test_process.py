# SPDX-License-Identifier: Apache-2.0
"""The life of the process and of the machine in it: -pidfile, -daemonize, -S, stop and cont, what
becomes of resets and shutdowns."""

import os
import signal
import subprocess
import tempfile
import unittest

from cxbpy.machine import TUTORIAL, Machine, binary, connect
from cxbpy.qmp import Qmp, QmpError

UUID = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
DEVICE = "/machine/peripheral/cxl-vmem0"
MIB = 1 << 20


def run(*args, cwd=None):
    result = subprocess.run([binary(), *args], capture_output=True, text=True, timeout=30,
                            stdin=subprocess.DEVNULL, check=False, cwd=cwd)
    assert "Sanitizer" not in result.stderr, result.stderr
    return result


def offer(m):
    m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="tm0", size=128 * MIB, tag=UUID)
    m.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0, region=0, tag=UUID,
              selection_policy="prescriptive", extents=[{"offset": 0, "len": 128 * MIB}])


def status(m):
    return m.qmp.cmd("cxl-release-dynamic-capacity-status", path=DEVICE, host_id=0, region=0,
                     tag=UUID)["status"]


def names(events):
    return [e["event"] for e in events]


class PidFile(unittest.TestCase):
    def test_it_is_there_as_long_as_the_machine(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "pid")
            with Machine(["-pidfile", path]) as m:
                with open(path, encoding="ascii") as f:
                    self.assertEqual(f.read(), f"{m.process.pid}\n")
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
                other = run("-pidfile", path)
                self.assertEqual(other.returncode, 1)
                self.assertIn("cxlbox: cannot create PID file: Cannot lock pid file: ",
                              other.stderr)
                with open(path, encoding="ascii") as f:
                    self.assertEqual(f.read(), f"{m.process.pid}\n")
            self.assertFalse(os.path.exists(path))

    def test_a_stale_one_is_taken_over(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "pid")
            with open(path, "w", encoding="ascii") as f:
                f.write("4194304 and more than a number\n")
            with Machine(["-pidfile", path]) as m, open(path, encoding="ascii") as f:
                self.assertEqual(f.read(), f"{m.process.pid}\n")

    def test_a_failed_start_leaves_none(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "pid")
            self.assertEqual(run("-pidfile", path, "-device", "nosuch").returncode, 1)
            self.assertEqual(os.listdir(directory), [])
            self.assertIn("Could not create '/nodir/x': No such file",
                          run("-pidfile", "/nodir/x").stderr)


class Daemonize(unittest.TestCase):
    def test_who_started_it_returns_when_the_machine_is_there(self):
        with tempfile.TemporaryDirectory() as directory:
            # Relative names are of the directory it was started in, not of the one it goes to.
            result = run(*TUTORIAL, "-daemonize", "-pidfile", "pid", "-qmp",
                         "unix:q,server=on,wait=off", cwd=directory)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
            with open(os.path.join(directory, "pid"), encoding="ascii") as f:
                pid = int(f.read())
            qmp = Qmp(os.path.join(directory, "q"))
            try:
                self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
                self.assertEqual({os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)},
                                 {"/dev/null"})
                self.assertEqual(os.getpgid(pid) in (pid, os.getpgid(0)), False)
                qmp.cmd("query-cxl-host")
            finally:
                qmp.cmd("quit")
            while True:
                try:
                    qmp.read()
                except (EOFError, ConnectionResetError):
                    break
            qmp.close()
            while os.path.exists(f"/proc/{pid}"):
                pass
            self.assertEqual(os.listdir(directory), [])

    def test_a_log_file_keeps_what_it_says_at_the_end(self):
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run([binary(), "-daemonize", "-pidfile", "pid", "-D", "log", "-d",
                            "guest_errors"], check=True, cwd=directory, timeout=30,
                           stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with open(os.path.join(directory, "pid"), encoding="ascii") as f:
                pid = int(f.read())
            os.kill(pid, signal.SIGTERM)
            while os.path.exists(f"/proc/{pid}"):
                pass
            self.assertEqual(os.listdir(directory), ["log"])

    def test_a_start_that_fails_is_told_and_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as directory:
            for args, text in (
                    (["-device", "nosuch"], "-device nosuch: 'nosuch' is not a valid"),
                    (["-device", "pxb-cxl,bus_nr=1,bus=pcie.0"], "but cxl=off"),
                    (["-qmp", "stdio"], "-qmp stdio: cannot use stdio with -daemonize"),
                    (["-chardev", "stdio,id=a"], "cannot use stdio with -daemonize"),
                    (["-run-with", "exit-with-parent=on"], "the parent ends by design"),
                    (["-qmp", "unix:/nodir/q,server=on"], "/nodir/q")):
                with self.subTest(args=args):
                    result = run("-daemonize", "-pidfile", "pid", *args, cwd=directory)
                    self.assertEqual(result.returncode, 1)
                    self.assertIn(text, result.stderr)
                    self.assertEqual(os.listdir(directory), [])


class Running(unittest.TestCase):
    def test_the_machine_has_the_uuid_it_is_given(self):
        with Machine(["-uuid", UUID.upper()]) as m:
            self.assertEqual(m.qmp.cmd("query-uuid"), {"UUID": UUID})

    def test_a_stopped_start_waits_for_cont(self):
        with Machine(["-S"]) as m:
            self.assertEqual(m.qmp.cmd("query-status"), {"status": "prelaunch", "running": False})
            self.assertEqual(m.qmp.cmd("query-cxl-host")["state"], "booting")
            self.assertEqual(m.qmp.cmd("query-cxl-host")["functions"], [])
            m.qmp.cmd("cont")
            self.assertEqual(names(m.qmp.events), ["RESUME"])
            self.assertEqual(m.qmp.cmd("query-status"), {"status": "running", "running": True})
            self.assertEqual(m.qmp.cmd("query-cxl-host")["state"], "ready")

    def test_qtest_reaches_a_machine_that_stands(self):
        with Machine(["-S"], qtest=True) as m:
            m.qtest.cmd("writeq 0x1000 0x1122334455667788")
            self.assertEqual(m.qtest.cmd("readq 0x1000"), "0x1122334455667788")

    def test_a_host_that_stands_answers_when_it_runs_again(self):
        with Machine() as m:
            m.qmp.cmd("query-cxl-host")
            m.qmp.cmd("stop")
            m.qmp.cmd("stop")
            self.assertEqual(names(m.qmp.events), ["STOP"])
            self.assertEqual(m.qmp.cmd("query-status"), {"status": "paused", "running": False})
            offer(m)
            self.assertEqual(status(m), "pending")
            with self.assertRaisesRegex(QmpError, "stands"):
                m.qmp.cmd("cxl-host-respond", tag=UUID, response="accept")
            m.qmp.cmd("cont")
            m.qmp.cmd("cont")
            self.assertEqual(names(m.qmp.events).count("RESUME"), 1)
            self.assertEqual(status(m), "committed")

    def test_a_reset_while_it_stands_is_a_start_that_waits(self):
        with Machine() as m:
            m.qmp.cmd("query-cxl-host")
            m.qmp.cmd("stop")
            m.qmp.cmd("system_reset")
            self.assertEqual(m.qmp.cmd("query-status"), {"status": "prelaunch", "running": False})
            self.assertEqual(m.qmp.cmd("query-cxl-host")["functions"], [])
            m.qmp.cmd("cont")
            self.assertEqual(m.qmp.cmd("query-cxl-host")["state"], "ready")
            self.assertEqual(names(m.qmp.events), ["STOP", "RESET", "RESUME"])


class Actions(unittest.TestCase):
    RESET = {"guest": False, "reason": "host-qmp-system-reset"}

    def test_a_reset_becomes_the_end(self):
        for args in (["-no-reboot"], ["-action", "reboot=shutdown"]):
            with self.subTest(args=args), Machine(args) as m:
                m.qmp.cmd("system_reset")
                self.assertEqual([(e["event"], e["data"]) for e in m.qmp.events],
                                 [("SHUTDOWN", self.RESET)])
                self.assertEqual(m.process.wait(20), 0)

    def test_the_hosts_own_reset_does_too(self):
        with Machine(["-no-reboot"], qtest=True) as m:
            m.qtest.cmd("outb 0xcf9 6")
            self.assertEqual(m.qmp.wait_event("SHUTDOWN")["data"],
                             {"guest": True, "reason": "guest-reset"})
            self.assertEqual(m.process.wait(20), 0)

    def test_a_shutdown_that_pauses_waits_for_quit(self):
        with Machine(["-no-reboot", "-no-shutdown"]) as m:
            m.qmp.cmd("system_reset")
            self.assertEqual(names(m.qmp.events), ["SHUTDOWN", "STOP"])
            self.assertEqual(m.qmp.cmd("query-status"), {"status": "shutdown", "running": False})
            with self.assertRaisesRegex(QmpError, "^Resetting the Virtual Machine is required$"):
                m.qmp.cmd("cont")
            m.qmp.cmd("set-action", reboot="reset")
            m.qmp.cmd("system_reset")
            self.assertEqual(m.qmp.cmd("query-status")["status"], "prelaunch")
            m.qmp.cmd("cont")
            self.assertEqual(m.qmp.cmd("query-status")["status"], "running")
            self.assertEqual(m.quit(), 0)

    def test_signals_end_what_does_not_shut_down(self):
        with Machine(["-no-shutdown"], stderr=subprocess.DEVNULL) as m:
            m.process.send_signal(signal.SIGTERM)
            self.assertEqual(m.process.wait(20), 0)

    def test_actions_may_change_while_it_runs(self):
        with Machine() as m:
            for bad, text in (({"reboot": "foo"}, "Parameter 'reboot' does not accept value"),
                              ({"foo": "reset"}, "Parameter 'foo' is unexpected")):
                with self.assertRaisesRegex(QmpError, text):
                    m.qmp.cmd("set-action", **bad)
            m.qmp.cmd("set-action", panic="none", watchdog="none")
            m.qmp.cmd("system_reset")
            self.assertEqual(m.qmp.cmd("query-status")["status"], "running")
            m.qmp.cmd("set-action", reboot="shutdown", shutdown="pause")
            m.qmp.cmd("system_reset")
            self.assertEqual(m.qmp.cmd("query-status")["status"], "shutdown")

    def test_the_power_button_is_pressed_in_vain(self):
        with Machine() as m:
            m.qmp.cmd("system_powerdown")
            self.assertEqual(names(m.qmp.events), ["POWERDOWN"])
            with self.assertRaisesRegex(QmpError, "^Unable to wake up: guest is not in suspended"):
                m.qmp.cmd("system_wakeup")


if __name__ == "__main__":
    unittest.main()
