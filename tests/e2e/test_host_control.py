# SPDX-License-Identifier: Apache-2.0
"""cxlbox-host hands programs their memory by tag: at its control socket, and to those it runs."""

import contextlib
import os
import socket
import stat
import subprocess
import tempfile
import unittest

from cxbpy.lines import Lines
from hostproc import HOST
from test_hostbus import MIB, TAG, Case, cxlbox

OTHER = "6be13bce-ae34-4a77-b6c3-16df975fcf1a"


class Client:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(path)
        self.lines = Lines(self.sock)

    def line(self):
        return self.lines.next().decode()

    def ask(self, text):
        """The answer's lines, the last with its verdict."""
        self.sock.sendall(text.encode() + b"\n")
        said = []
        while True:
            said.append(self.line())
            if said[-1].split()[0] in ("ok", "error"):
                return said

    def close(self):
        self.sock.close()


class Control(Case):
    def setUp(self):
        self.folder, _ = self.work()
        self.path = os.path.join(self.folder, "control")
        self.machine, self.host, lines = self.start(cxlbox, "--control", self.path)
        region = next(line for line in lines if line.startswith("region mem0 dc1:")).split()
        self.hpa = int(region[region.index("hpa") + 1], 16)

    def client(self):
        client = Client(self.path)
        self.addCleanup(client.close)
        return client

    def offer(self, tag=TAG, offset=0, sizes=(256 * MIB,)):
        self.backend(self.machine, tag, sum(sizes))
        extents = []
        for size in sizes:
            extents.append({"offset": offset, "len": size})
            offset += size
        self.machine.qmp.cmd("cxl-add-dynamic-capacity", path="/machine/peripheral/t3", host_id=0,
                             selection_policy="prescriptive", region=1, tag=tag, extents=extents)
        self.host.until(f"accepted tag {tag}")

    def ask_back(self, **more):
        self.machine.qmp.cmd("cxl-release-dynamic-capacity", path="/machine/peripheral/t3", host_id=0,
                             removal_policy="tag-based", region=1, tag=TAG, **more)

    def test_who_may_connect(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.host.process.terminate()
        self.assertEqual(self.host.end()[0], 0)
        self.assertFalse(os.path.exists(self.path))

    def test_a_tag_is_held_and_let_go(self):
        a, b = self.client(), self.client()
        self.assertEqual(a.ask("list"), ["ok"])
        self.offer(sizes=(2 * MIB, 4 * MIB))
        entry = f"tag {TAG} size {6 * MIB:#x} memdev mem0 region dc1 extents 2 holders "
        self.assertEqual(a.ask("list"), [entry + "0", "ok"])
        places = [f"map {self.hpa:#x} {2 * MIB:#x}", f"map {self.hpa + 2 * MIB:#x} {4 * MIB:#x}", "ok"]
        self.assertEqual(a.ask(f"hold {TAG}"), places)
        self.assertEqual(b.ask(f"hold {TAG.upper()}"), places)
        self.assertEqual(b.ask("list"), [entry + "2", "ok"])
        self.ask_back()
        self.host.until(f"asked to give back tag {TAG}: in use")
        self.assertEqual([a.line(), b.line()], [f"asked-back {TAG}"] * 2)
        self.assertEqual(a.ask("list"), [entry + "2 asked-back", "ok"])
        self.assertEqual(a.ask(f"release {TAG}"), ["ok"])
        self.assertEqual(a.ask("list"), [entry + "1 asked-back", "ok"])
        b.close()  # as if the program had died
        self.host.until(f"tag {TAG} is gone")
        self.assertEqual(a.ask("list"), ["ok"])
        # and the same tag can come again
        self.machine.qmp.cmd("object-del", id=f"b{TAG[:8]}")
        self.offer(sizes=(2 * MIB, 4 * MIB))
        self.assertEqual(a.ask(f"hold {TAG}"), places)

    def test_what_is_taken_by_force_is_held_no_more(self):
        a = self.client()
        self.offer()
        self.offer(OTHER, 512 * MIB)
        for tag in (TAG, OTHER):
            self.assertEqual(a.ask(f"hold {tag}")[-1], "ok")
        self.ask_back(forced_removal=True)
        self.assertEqual(a.line(), f"gone {TAG}")
        self.assertEqual(a.ask(f"release {TAG}"), [f"error tag {TAG} is not held here"])
        self.assertEqual(a.ask(f"release {OTHER}"), ["ok"])

    def test_what_makes_no_sense_is_refused(self):
        a = self.client()
        self.offer()
        commands = "list, hold TAG, release TAG"
        for line, why in (("", f"'' is no command: {commands}"), ("lists", f"'lists' is no command: {commands}"),
                          ("hold", f"'hold' is no command: {commands}"), ("hold 17", "'17' is no tag"),
                          (f"hold {'0' * 8}-0000-0000-0000-{'0' * 12}", f"'{'0' * 8}-0000-0000-0000-{'0' * 12}' is no tag"),
                          (f"hold {TAG} ", f"'{TAG} ' is no tag"), (f"hold {OTHER}", f"tag {OTHER} is not accepted"),
                          (f"release {TAG}", f"tag {TAG} is not held here")):
            self.assertEqual(a.ask(line), [f"error {why}"])
        self.assertEqual(a.ask(f"hold {TAG}")[-1], "ok")
        self.assertEqual(a.ask(f"hold {TAG}"), [f"error tag {TAG} is held here already"])
        a.sock.sendall(b"\xff\0\n")
        self.assertIn("is no command", a.line())
        # many at once are answered one by one, and nothing is left of one that never ends
        a.sock.sendall(b"list\n" * 1000)
        self.assertEqual([a.line().split()[0] for _ in range(2000)], ["tag", "ok"] * 1000)
        with contextlib.suppress(OSError):
            a.sock.sendall(b"x" * 5000)
            self.assertEqual(a.sock.recv(1), b"")
        self.assertIn("holders 0", self.client().ask("list")[0])

    def test_who_holds_late_is_told_too(self):
        a, b = self.client(), self.client()
        self.offer()
        a.ask(f"hold {TAG}")
        self.ask_back()
        self.assertEqual(a.line(), f"asked-back {TAG}")
        self.assertEqual(b.ask(f"hold {TAG}")[-1], "ok")
        self.assertEqual(b.line(), f"asked-back {TAG}")
        a.close()
        b.close()
        self.host.until(f"tag {TAG} is gone")

    def test_there_are_so_many_clients_and_no_more(self):
        clients = []
        for _ in range(256):
            clients.append(self.client())
            self.assertEqual(clients[-1].ask("list"), ["ok"])
        one_more = self.client()
        self.assertEqual(one_more.sock.recv(1), b"")
        clients.pop().close()
        # It may be noticed later than the next one comes.
        while True:
            client = Client(self.path)
            try:
                client.sock.sendall(b"list\n")
                if client.sock.recv(3):
                    break
            except OSError:
                pass
            finally:
                client.close()
        self.assertEqual(clients[-1].ask("list"), ["ok"])

    def test_a_client_that_does_not_read_stalls_nobody(self):
        a = self.client()
        self.offer()
        a.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                a.sock.send(b"list\n" * 1000)
        self.assertEqual(self.client().ask(f"hold {TAG}")[-1], "ok")

    def exec(self, *command, tag=TAG, control=None):
        process = subprocess.Popen([HOST, "exec", "--control", control or self.path, "--tag", tag, *command],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def test_a_program_holds_a_tag_while_it_runs(self):
        self.offer(sizes=(2 * MIB, 4 * MIB))
        program = self.exec("--", "sh", "-c", 'echo "$CXLBOX_TAG $CXLBOX_MAP ${CXLBOX_MEMORY_FD-none}"; read -r line')
        self.assertEqual(program.stdout.readline(),
                         f"{TAG} {self.hpa:#x}+{2 * MIB:#x},{self.hpa + 2 * MIB:#x}+{4 * MIB:#x} none\n")
        self.ask_back()
        self.host.until(f"asked to give back tag {TAG}: in use")
        program.kill()
        self.host.until(f"tag {TAG} is gone")

    def test_a_program_that_cannot_run_is_told(self):
        self.offer()
        for command, more, why in (
                (["/nonexistent"], {}, "cannot run /nonexistent: No such file or directory"),
                (["true"], {"tag": OTHER}, f"tag {OTHER} is not accepted"),
                (["true"], {"tag": "x"}, "--tag x: not a UUID"),
                (["true"], {"control": "/nonexistent"}, "cannot connect to /nonexistent: No such file or directory"),
                ([], {}, "no program is named")):
            program = self.exec(*command, **more)
            _, said = program.communicate(timeout=60)
            self.assertEqual((program.returncode, said), (1, f"cxlbox-host: {why}\n"))
        self.assertIn("holders 0", self.client().ask("list")[0])

    @contextlib.contextmanager
    def server(self, *program):
        """Somebody else who answers a program's cxlbox-host exec."""
        path = os.path.join(self.folder, "other")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            process = self.exec(*program, control=path)
            peer, _ = listener.accept()
            with peer:
                self.assertEqual(peer.recv(4096), f"hold {TAG}\n".encode())
                yield peer, process
        os.unlink(path)

    def test_a_program_gets_the_descriptor_and_what_it_is_told_later(self):
        show = 'cat <&$CXLBOX_MEMORY_FD; echo; read -r line <&$CXLBOX_CONTROL_FD; echo "$line"'
        with tempfile.TemporaryFile() as f, self.server("--", "bash", "-c", show) as (peer, process):
            f.write(b"the memory")
            f.seek(0)
            socket.send_fds(peer, [b"map 0x1000 0x2000\nok\nasked-back " + TAG.encode() + b"\n"],
                            [f.fileno()])
            self.assertEqual(process.communicate(timeout=60)[0], f"the memory\nasked-back {TAG}\n")

    def test_an_answer_that_makes_no_sense_or_does_not_come_is_told(self):
        for answer, why in ((b"", "no answer within 10 seconds"), (None, "no answer: the connection was closed"),
                            (b"x" * 2000, "the answer has a line of more than 1023 bytes")):
            with self.subTest(why), self.server("true") as (peer, process):
                if answer is None:
                    peer.shutdown(socket.SHUT_RDWR)
                else:
                    peer.sendall(answer)
                _, said = process.communicate(timeout=60)
                self.assertEqual((process.returncode, said), (1, f"cxlbox-host: {why}\n"))

    def test_a_socket_that_cannot_be_is_told(self):
        _, path = self.work()
        self.machine.end()
        machine = cxlbox(path + ",server=on,wait=off", self.folder)
        self.addCleanup(machine.end)
        said = subprocess.run([HOST, "--bus", f"qtest:{path}", "--control", "/nonexistent/x", "--once"],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(said.returncode, 1)
        self.assertIn("--control /nonexistent/x: ", said.stderr)


if __name__ == "__main__":
    unittest.main()
