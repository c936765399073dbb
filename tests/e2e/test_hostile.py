# SPDX-License-Identifier: Apache-2.0
"""Clients that are broken, slow or malicious: each gets an answer or is forgotten, and neither the
machine nor its descriptors are any different afterwards."""

import json
import os
import socket
import unittest

from cxbpy.machine import Machine
from cxbpy.qmp import Qmp, QmpError
from cxbpy.qtest import Qtest

GIB = 1 << 30
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
DEVICE = "/machine/peripheral/cxl-vmem0"
WINDOW = 0x3d0000000


class Hostile(unittest.TestCase):
    def setUp(self):
        self.m = Machine(qtest=True)
        self.addCleanup(self.m.end)
        self.m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="tm0", size=GIB,
                       share=True, tag=TAG)
        self.m.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0,
                       selection_policy="prescriptive", region=0, tag=TAG,
                       extents=[{"offset": 0, "len": GIB}])
        self.m.qtest.write(WINDOW, b"here")
        self.before = self.state()

    def tearDown(self):
        self.assertEqual(self.m.quit(), 0)  # and no sanitizer has anything to say

    def state(self):
        proc = f"/proc/{self.m.process.pid}"
        kinds = sorted(os.readlink(f"{proc}/fd/{n}").split("[")[0]
                       for n in os.listdir(f"{proc}/fd"))
        with open(f"{proc}/maps", encoding="ascii") as f:
            maps = sum("memfd" in line for line in f)
        q = self.m.qmp
        return (kinds, maps, q.cmd("qom-list", path="/objects"), q.cmd("query-memdev"),
                q.cmd("query-cxl-dynamic-capacity", path=DEVICE),
                self.m.qtest.read(WINDOW, 4))

    def again(self):
        """A new client, and everything as before."""
        self.m.qmp.close()
        self.m.qmp = Qmp(self.m.qmp_path)
        self.assertEqual(self.state(), self.before)

    def raw(self):
        """A new client to misbehave; the decent one makes room for it."""
        self.m.qmp.close()
        self.m.qmp = Qmp(self.m.qmp_path)
        return self.m.qmp

    def error(self, client):
        reply = client.reply()
        self.assertEqual(reply["error"]["class"], "GenericError", reply)
        return reply["error"]["desc"]

    def test_half_a_request_and_gone(self):
        request = json.dumps({"execute": "object-del", "arguments": {"id": "tm0"}})
        for n in (1, 2, len(request) // 2, len(request) - 1):
            with self.subTest(n=n):
                self.raw().send_raw(request[:n])
                self.again()

    def test_gone_before_the_greeting_or_in_the_middle_of_it(self):
        for n in (0, 1, 20):
            self.m.qmp.close()
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                s.connect(self.m.qmp_path)
                if n:
                    s.recv(n)
            self.again()

    def test_gone_with_a_reset_while_answers_are_on_their_way(self):
        client = self.raw()
        client.send_raw('{"execute":"qom-list-types"}' * 200)
        self.again()

    def test_a_megabyte_of_brackets(self):
        client = self.raw()
        client.send_raw("[" * (1 << 20))
        self.assertIn("nesting depth", self.error(client))
        # The reader waits for as many to close; FFh says to begin anew.
        client.send_raw(b"\xff")
        client.send_raw('{"execute":"query-status","id":"after"}')
        reply = client.reply()
        while reply.get("id") != "after":
            self.assertIn("error", reply)
            reply = client.reply()
        self.assertTrue(reply["return"]["running"])
        self.again()

    def test_bytes_that_are_no_text(self):
        cases = [b"\xff" * 64, b"\xfe", b"\x00" * 16, bytes(range(1, 9)), b"\x80\x80",
                 b'{"execute": "query-st\xc3"}', b'{"execute": "\xff"}',
                 b'{"execute": "query-status", "id": "\xed\xa0\x80"}',
                 b'{"execute": "query-status", "id": "\xf5\x80\x80\x80"}',
                 b'{"execute": "query-status", "id": "\xc0\xaf"}',
                 b'{"execute": "query-status", "id": "\\ud800"}', b"GET / HTTP/1.1\r\n\r\n",
                 bytes(range(255, 127, -1))]
        for data in cases:
            with self.subTest(data=data):
                client = self.raw()
                client.send_raw(data)
                client.send_raw(b'\xff{"execute":"query-status","id":"after"}')
                reply, errors = client.reply(), 0
                while reply.get("id") != "after":
                    self.assertEqual(reply["error"]["class"], "GenericError", reply)
                    errors += 1
                    reply = client.reply()
                self.assertTrue(reply["return"]["running"])
                if data.strip(b"\xff"):
                    self.assertGreater(errors, 0)
                self.again()

    def test_requests_that_are_wrong(self):
        cases = [
            ("[]", "must be a JSON object"), ("7", "must be a JSON object"),
            ("null", "must be a JSON object"), ('"text"', "must be a JSON object"),
            ("{}", "lacks member 'execute'"), ('{"execute": 7}', "must be a string"),
            ('{"execute": "query-status", "foo": 1}', "'foo' is unexpected"),
            ('{"execute": "query-status", "exec-oob": "query-status"}',
             "'exec-oob' is unexpected"),
            ('{"execute": "query-status", "arguments": []}', "must be an object"),
            ('{"execute": "query-status", "arguments": {"x": 1}}', "'x' is unexpected"),
            ('{"execute": "query-status", "execute": "quit"}', "duplicate key"),
            ('{"execute": "object-del", "arguments": {}}', "'id' is missing"),
            ('{"execute": "object-del", "arguments": {"id": 5}}', "expected: string"),
            ('{"execute": "object-del", "arguments": {"id": "%s"}}' % ("x" * 100000), "not found"),
            ('{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", '
             '"id": "n", "size": -1}}', "size"),
            ('{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", '
             '"id": "n", "size": 1e30}}', "size"),
            ('{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", '
             '"id": "n", "size": 18446744073709551615}}', ""),
            ('{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", '
             '"id": "n", "size": 4096, "nosuch": 1}}', "nosuch"),
            ('{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", '
             '"id": "../n", "size": 4096}}', "identifier"),
        ]
        client = self.raw()
        for text, part in cases:
            with self.subTest(text=text[:100]):
                client.send_raw(text + "\n")  # a number ends with what follows it
                self.assertIn(part, self.error(client))
                self.assertEqual(self.state(), self.before)
        self.again()

    def test_a_capability_that_does_not_exist(self):
        self.m.qmp.close()
        self.m.qmp = Qmp(self.m.qmp_path, negotiate=False)
        with self.assertRaises(QmpError) as caught:
            self.m.qmp.cmd("qmp_capabilities", enable=["teleport"])
        self.assertIn("does not accept value 'teleport'", caught.exception.desc)
        with self.assertRaises(QmpError) as caught:
            self.m.qmp.cmd("quit")
        self.assertEqual(caught.exception.error_class, "CommandNotFound")
        self.m.qmp.cmd("qmp_capabilities")
        self.again()

    def test_a_hundred_connections_one_after_another(self):
        self.m.qmp.close()
        for i in range(100):
            client = Qmp(self.m.qmp_path, negotiate=i % 3 > 0)
            if i % 3 == 2:
                client.send_raw('{"execute":')
            client.close()
        self.again()
        self.m.qtest.close()
        for i in range(100):
            client = Qtest(self.m.qtest_path)
            if i % 2:
                client.sock.sendall(b"writel 0x1000")
            client.close()
        self.m.qtest = Qtest(self.m.qtest_path)
        self.assertEqual(self.m.qtest.readl(0x1000), 0)  # half a line is no command
        self.again()

    def test_a_hundred_connections_at_once(self):
        others = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(100)]
        for s in others:
            s.connect(self.m.qmp_path)
        self.assertTrue(self.m.qmp.cmd("query-status")["running"])
        for s in others:
            s.close()
        self.again()

    def test_byte_by_byte(self):
        client = self.raw()
        for byte in json.dumps({"execute": "query-status", "id": "\u00e9"}).encode():
            client.send_raw(bytes([byte]))
            self.m.qtest.cmd("endianness")  # someone else is served in between
        self.assertEqual(client.reply()["id"], "\u00e9")
        for byte in f"readl {WINDOW:#x}\n".encode():
            self.m.qtest.sock.sendall(bytes([byte]))
            client.cmd("query-status")
        self.assertEqual(self.m.qtest.line(), "OK 0x0000000065726568")
        self.again()

    def test_qtest_lines_that_are_wrong(self):
        words = ["readb", "readw", "readl", "readq", "writeb 0", "writew 0", "writel 0",
                 "writeq 0", "read 0", "b64read 0", "write 0 1", "b64write 0 1", "memset 0 1",
                 "inb", "inw", "inl", "outb 0", "outw 0", "outl 0", "clock_set"]
        cases = [*words]  # the last argument is missing
        cases += [f"{word} {bad}" for word in words if not word.startswith(("write 0", "b64w"))
                  for bad in ("", "x", "0x", "0xg", "12z", "1 ", "08", "18446744073709551616",
                              "0x1ffffffffffffffff", "+1", "\r", "0x10\r")
                  # an empty word behind a good number is ignored like any further word
                  if not bad.endswith(" ")]
        cases += [
            " readb 0", "READB 0", "readb\t0", "nosuch", "\r", "readb  0", "readb -1",
            "read 0 0", "read 0 0xffffffffffffffff", "read 0xfffffffffffffff0 0x20",
            "readl 0xfffffffffffffffd", "writeq 0xfffffffffffffff9 0", "b64read 0 0x40000001",
            "write 0 4 0xzz", "memset 0 0xffffffffffffffff 0", "inb 0x10000", "outl 65536 0",
            "clock_step", "clock_step 0", "clock_step -5", "clock_step x", "clock_set -1",
            "irq_intercept_in", "irq_intercept_in nosuch", "irq_intercept_out", "set_irq_in",
            "set_irq_in nosuch unnamed-gpio-in 0 1", "module_load", "module_load a b",
            "x" * 100000,
        ]
        q = self.m.qtest
        for line in cases:
            with self.subTest(line=line[:60]):
                reply = q.raw(line)
                self.assertRegex(reply, r"^FAIL|^ERR ")
                self.assertLess(len(reply), 400)
        self.assertEqual(q.raw("write 0 1 0x"), "ERR invalid argument size")
        self.assertEqual(q.raw("b64write 0 1 AA"), "ERR invalid argument size")
        # Empty lines have no answer; bytes that are no text have one like any other word.
        q.sock.sendall(b"\n\n" + bytes(range(128, 256)) + b"\nreadb \0\n\0\nendianness\n")
        for _ in range(3):
            self.assertRegex(q.lines.next(), b"^FAIL ")
        self.assertEqual(q.line(), "OK little")
        self.again()

    def test_a_qtest_line_without_end(self):
        q = self.m.qtest
        q.sock.sendall(b"b64write 0x100000 0x100000 " + b"A" * (8 << 20))
        self.assertTrue(self.m.qmp.cmd("query-status")["running"])
        q.close()
        self.m.qtest = Qtest(self.m.qtest_path)
        self.assertEqual(self.m.qtest.cmd("endianness"), "little")
        self.again()


if __name__ == "__main__":
    unittest.main()
