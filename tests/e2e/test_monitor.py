# SPDX-License-Identifier: Apache-2.0
"""The human monitor on a chardev, and clients that ask without reading."""

import json
import os
import re
import socket
import subprocess
import threading
import unittest

from cxbpy.machine import Machine, binary, connect

BANNER = "QEMU 11.1.3 monitor - type 'help' for more information\r\n"
PROMPT = "(qemu) "
# What readline sends to redraw a line.
DRAWING = re.compile(r"\x1b\[[KD]")


def on_stdio(text, *args):
    """What -monitor stdio prints for @text on its input."""
    result = subprocess.run([binary(), *(args or ("-monitor", "stdio"))], input=text.encode(),
                            capture_output=True, timeout=30, check=True)
    assert result.stderr == b"", result.stderr
    return result.stdout.decode()


class Client:
    def __init__(self, path, process):
        def dial(name):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(30)
            try:
                sock.connect(name)
            except OSError:
                sock.close()
                raise
            return sock

        self.sock = connect(dial, path, process)

    def until_prompt(self):
        data = b""
        while not data.endswith(b"\n(qemu) "):
            more = self.sock.recv(65536)
            assert more, data
            data += more
        return data.decode()

    def ask(self, line):
        """The answer to @line, without echo and prompt."""
        self.sock.sendall(line.encode() + b"\n")
        text = self.until_prompt()
        return text[text.index("\r\n") + 2:-len(PROMPT)]


class OnStdio(unittest.TestCase):
    def test_lines_are_echoed_as_readline_does(self):
        self.assertEqual(on_stdio("ab\nq\n"),
                         BANNER + PROMPT + "a\x1b[K\x1b[Dab\x1b[K\r\nunknown command: 'ab'\r\n"
                         + PROMPT + "q\x1b[K\r\n")

    def test_keys_edit_the_line(self):
        for keys in ("inx\x7ffo status", "in\x1b[A\x1bOBfo status", "inf\b\bnfo status",
                     "info\x01 status"):
            with self.subTest(keys=keys):
                self.assertIn("\r\nVM status: running\r\n", on_stdio(keys + "\nquit\n"))

    def test_an_empty_line_gives_a_prompt(self):
        text = DRAWING.sub("", on_stdio("\n\r\nquit\n"))
        self.assertEqual(text, BANNER + (PROMPT + "\r\n") * 3 + PROMPT + "q" + "".join(
            "quit"[:n] for n in (2, 3, 4)) + "\r\n")

    def test_nothing_is_looked_at_after_quit(self):
        self.assertTrue(on_stdio("q\ninfo status\n").endswith("q\x1b[K\r\n"))

    def test_a_line_has_an_end(self):
        text = on_stdio("x" * 5000 + "\nq\n")
        self.assertIn(f"unknown command: '{'x' * 4095}'\r\n", text)

    def test_every_way_to_ask_for_one_works(self):
        for args in (["-chardev", "stdio,id=c", "-object", "monitor-hmp,id=m,chardev=c"],
                     ["-chardev", "stdio,id=c", "-monitor", "chardev:c"]):
            with self.subTest(args=args):
                self.assertTrue(on_stdio("q\n", *args).startswith(BANNER + PROMPT))
        result = subprocess.run([binary(), "-chardev", "stdio,id=c", "-mon", "c,mode=readline"],
                                input=b"q\n", capture_output=True, timeout=30, check=True)
        self.assertTrue(result.stdout.decode().startswith(BANNER + PROMPT))
        self.assertIn(b"-mon c,mode=readline: warning: '-mon' is deprecated", result.stderr)


class OnASocket(unittest.TestCase):
    def test_it_drives_the_machine_beside_qmp(self):
        with Machine(["-monitor", "unix:mon,server=on,wait=off"]) as m:
            client = Client(os.path.join(m.dir, "mon"), m.process)
            self.assertTrue(client.until_prompt().startswith(BANNER))
            self.assertEqual(client.ask("stop"), "")
            self.assertEqual(m.qmp.cmd("query-status")["status"], "paused")
            self.assertEqual(client.ask("info status"), "VM status: paused\r\n")
            self.assertEqual(client.ask("c"), "")
            self.assertEqual(client.ask("object_add memory-backend-ram,id=m0,size=4096"), "")
            self.assertIn("m0", [b["id"] for b in m.qmp.cmd("query-memdev")])
            self.assertEqual(client.ask("system_reset"), "")
            self.assertIn("cxl-vmem0", client.ask("info qtree"))
            self.assertEqual(client.ask("info chardev").replace(m.dir + "/", ""),
                             "compat_monitor0: filename=unix:qmp.sock,server=on\r\n"
                             "compat_monitor1: filename=unix:mon,server=on\r\n")
            self.assertEqual([e["event"] for e in m.qmp.events if e["event"].isupper()
                              and "CXL" not in e["event"]], ["STOP", "RESUME"])
            client.sock.close()
            again = Client(os.path.join(m.dir, "mon"), m.process)
            self.assertTrue(again.until_prompt().startswith(BANNER))
            again.sock.sendall(b"quit\n")
            self.assertEqual(m.process.wait(20), 0)
            again.sock.close()

    def test_chardevs_are_listed(self):
        with Machine(["-chardev", "null,id=spare"], qtest=True) as m:
            got = {c["label"]: (c["frontend-open"], c["filename"].split(":")[0])
                   for c in m.qmp.cmd("query-chardev")}
            self.assertEqual(got, {"spare": (False, "null"), "compat_monitor0": (True, "unix"),
                                   "qtest": (True, "unix")})


class NotReading(unittest.TestCase):
    """A client that asks and does not read is no longer read from; nothing it asked for is lost."""

    def asks(self, m, name, first, request, count, mark):
        """Ask @count times, more than buffers hold, from a thread that reads nothing; then read
        until @mark has come as often."""
        sock = Client(os.path.join(m.dir, name), m.process).sock
        sock.settimeout(60)
        sock.sendall(first)
        thread = threading.Thread(target=sock.sendall, args=(request * count,))
        thread.start()
        for _ in range(200):
            m.qmp.cmd("query-name")  # others are served meanwhile
        self.assertTrue(thread.is_alive(), "all of it was taken unread")
        got, data = 0, b""
        while got < count:
            new = sock.recv(1 << 20)
            self.assertTrue(new, f"closed after {got} answers")
            data += new
            *lines, data = data.split(b"\n")
            got += sum(mark in line for line in lines)
        thread.join()
        return sock, data

    def test_qmp_answers_all_of_it_once_it_is_read(self):
        with Machine(["-qmp", "unix:slow,server=on,wait=off"]) as m:
            sock, _ = self.asks(m, "slow", b'{"execute":"qmp_capabilities"}',
                                b'{"execute":"query-qmp-schema","id":7}' + b" " * 1000, 1500,
                                b'"id": 7')
            sock.sendall(b'{"execute":"query-name","id":"end"}')
            self.assertEqual(json.loads(sock.recv(4096)), {"return": {}, "id": "end"})
            sock.close()

    def test_a_monitor_does_so_too(self):
        with Machine(["-monitor", "unix:slow,server=on,wait=off"]) as m:
            sock, _ = self.asks(m, "slow", b"", b"info qtree\n", 30000, b"bus: pcie.0")
            sock.close()

    def test_who_leaves_instead_is_forgotten(self):
        with Machine(["-qmp", "unix:slow,server=on,wait=off"]) as m:
            path = os.path.join(m.dir, "slow")
            for _ in range(3):
                slow = Client(path, m.process).sock
                slow.sendall(b'{"execute":"qmp_capabilities"}'
                             + b'{"execute":"query-qmp-schema"}' * 200)
                slow.close()
            last = Client(path, m.process).sock
            self.assertIn(b'"QMP"', last.recv(4096))
            last.close()


if __name__ == "__main__":
    unittest.main()
