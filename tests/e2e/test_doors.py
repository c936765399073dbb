# SPDX-License-Identifier: Apache-2.0
"""Chardevs and monitors on the command line."""

import socket
import subprocess
import unittest

from cxbpy.machine import Machine, binary
from cxbpy.qmp import Qmp


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
             "chardev 'a' is already in use"),
            (["-mon", "a,mode=control"], 'chardev "a" not found'),
            (["-mon", "a,mode=bad"], "Parameter 'mode' does not accept value 'bad'"),
            (["-mon", "a"], 'chardev "a" not found'),
            (["-mon", "a,pretty=on"], "'pretty' is not compatible with HMP monitors"),
            (["-monitor", "nosuch"], "'nosuch' is not a valid char driver"),
            (["-object", "monitor-hmp,id=q"], "Parameter 'chardev' is missing"),
            (["-object", "monitor-hmp,id=q,chardev=a"], 'chardev "a" not found'),
            (["-object", "monitor-qmp,id=q"], "Parameter 'chardev' is missing"),
            (["-object", "monitor-qmp,chardev=a"], "Parameter 'id' is missing"),
            (["-run-with", "user=nobody"], "'chroot' and 'user' are not supported"),
            (["-run-with", "exit-with-parent=maybe"], "exit-with-parent"),
        ]:
            with self.subTest(args=args):
                result = subprocess.run([binary(), *args], capture_output=True, text=True,
                                        timeout=30, check=False)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn(text, result.stderr)
                self.assertNotIn("Sanitizer", result.stderr)

    def test_qmp_over_tcp_waits_for_clients_one_after_the_other(self):
        doors = ["tcp:127.0.0.1:0,server=on,wait=off", "tcp:localhost:0,server,nowait"]
        with Machine([word for door in doors for word in ("-qmp", door)]) as m:
            where = [c["filename"].split("tcp:")[1].split(",")[0]
                     for c in m.qmp.cmd("query-chardev") if "tcp:" in c["filename"]]
            self.assertEqual(len(where), len(doors))
            for address in where * 2:
                host, port = address.rsplit(":", 1)
                client = Qmp(sock=socket.create_connection((host, int(port)), 30))
                self.addCleanup(client.sock.close)
                client.send_raw('{"execute":"query-status"}{"execute":"nosuch"}')
                self.assertEqual(client.read()["return"]["status"], "running")
                self.assertEqual(client.read()["error"]["class"], "CommandNotFound")
                client.sock.close()

    def test_qmp_over_tcp_goes_to_who_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(30)
            port = server.getsockname()[1]
            with Machine(["-qmp", f"tcp:127.0.0.1:{port}"], qmp=False) as m:
                client = Qmp(sock=server.accept()[0])
                self.addCleanup(client.sock.close)
                self.assertEqual(client.cmd("query-status")["running"], True)
                client.cmd("quit")
                self.assertEqual(m.process.wait(30), 0)

    def test_backends_are_listed(self):
        result = subprocess.run([binary(), "-chardev", "help"], capture_output=True, text=True,
                                timeout=30, check=False)
        self.assertEqual(result.returncode, 0)
        self.assertIn("Available chardev backend types:\n  file\n", result.stdout)


if __name__ == "__main__":
    unittest.main()
