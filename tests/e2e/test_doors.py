# SPDX-License-Identifier: Apache-2.0
"""Chardevs and monitors on the command line, and a start as QEMU's own qtest library does it: both
sockets are made first and the binary connects to them. The argument lists are those of QEMU up to
11.0 and of 11.1."""

import os
import signal
import socket
import subprocess
import tempfile
import unittest

from cxbpy.machine import TUTORIAL, binary
from cxbpy.qtest import Qtest


class LibQtest(unittest.TestCase):
    def launch(self, monitor):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "qtest-1")
            listeners = []
            for suffix in ("sock", "qmp"):
                listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                listener.bind(f"{path}.{suffix}")
                listener.listen(1)
                listener.settimeout(20)
                listeners.append(listener)
            line = (f"exec {binary()} -qtest unix:{path}.sock -qtest-log /dev/null "
                    f"-chardev socket,path={path}.qmp,id=char0 {monitor} -display none "
                    f"-audio none {' '.join(TUTORIAL)} -accel qtest")
            with subprocess.Popen(["sh", "-c", line], stderr=subprocess.PIPE) as process:
                try:
                    qtest = Qtest(sock=listeners[0].accept()[0])
                    qmp = listeners[1].accept()[0]
                    qmp.settimeout(20)
                    self.assertEqual(qtest.cmd("endianness"), "little")
                    self.assertIn(b'"QMP"', qmp.recv(4096))
                    qmp.sendall(b"{ 'execute': 'qmp_capabilities' }")
                    self.assertEqual(qmp.recv(4096).strip(), b'{"return": {}}')
                    self.assertEqual(qtest.cmd("inb 0")[:2], "0x")
                    process.send_signal(signal.SIGTERM)
                    self.assertEqual(process.wait(30), 0)
                    qtest.close()
                    qmp.close()
                finally:
                    process.kill()
                    for listener in listeners:
                        listener.close()

    def test_up_to_11_0(self):
        self.launch("-mon chardev=char0,mode=control")

    def test_11_1(self):
        self.launch("-object monitor-qmp,id=qmp0,chardev=char0 -run-with exit-with-parent=on")


class Doors(unittest.TestCase):
    def test_wrong_doors_are_refused_by_name(self):
        for args, text in [
            (["-chardev", "null"], "chardev: no id specified"),
            (["-chardev", "nosuch,id=a"], "'nosuch' is not a valid char driver name"),
            (["-chardev", "null,id=a", "-chardev", "null,id=a"], "Duplicate ID 'a' for chardev"),
            (["-chardev", "null,id=a,foo=1"], "Invalid parameter 'foo'"),
            (["-chardev", "null,id=1"], "Parameter 'id' expects an identifier"),
            (["-qmp", "chardev:a"], 'chardev "a" not found'),
            (["-chardev", "null,id=a", "-qmp", "chardev:a", "-qmp", "chardev:a"],
             'chardev "a" is already in use'),
            (["-mon", "a,mode=control"], 'chardev "a" not found'),
            (["-mon", "a,mode=bad"], "Parameter 'mode' does not accept value 'bad'"),
            (["-mon", "a"], "no human monitor"),
            (["-monitor", "stdio"], "no human monitor"),
            (["-object", "monitor-qmp,id=q"], "Parameter 'chardev' is missing"),
            (["-object", "monitor-qmp,chardev=a"], "Parameter 'id' is missing"),
            (["-run-with", "user=nobody"], "Invalid parameter 'user'"),
            (["-run-with", "exit-with-parent=maybe"], "exit-with-parent"),
        ]:
            with self.subTest(args=args):
                result = subprocess.run([binary(), *args], capture_output=True, text=True,
                                        timeout=30, check=False)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn(text, result.stderr)
                self.assertNotIn("Sanitizer", result.stderr)

    def test_backends_are_listed(self):
        result = subprocess.run([binary(), "-chardev", "help"], capture_output=True, text=True,
                                timeout=30, check=False)
        self.assertEqual(result.returncode, 0)
        self.assertIn("Available chardev backend types:\n  file\n", result.stdout)


if __name__ == "__main__":
    unittest.main()
