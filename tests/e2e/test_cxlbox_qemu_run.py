# SPDX-License-Identifier: Apache-2.0
"""cxlbox-qemu with a real QEMU that runs no CPU: two programs as one, and one QMP for both."""

import json
import os
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

import qemuline
from cxbpy import peers
from cxbpy.machine import TUTORIAL, connect
from cxbpy.qmp import Qmp, QmpError

peers.need()

TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
LIMIT = 60  # seconds, for anything


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(word) for word in f.read().split()]


def name_of(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as f:
        return f.read().strip()


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = directory.name
        self.tmp = os.path.join(self.dir, "tmp")
        os.mkdir(self.tmp)
        self.qemu = os.path.join(self.dir, "qemu")
        with open(self.qemu, "w", encoding="ascii") as f:
            f.write(f'#!/bin/sh\nexec {peers.SCRIPT} qemu "$@"\n')
        os.chmod(self.qemu, 0o755)

    def start(self, *args, line=TUTORIAL, ports=4, qmp=True):
        self.path = os.path.join(self.dir, "qmp")
        argv = [qemuline.PROGRAM, "--qemu", self.qemu, "--ports", str(ports), *line, "-accel", "qtest", "-nodefaults",
                "-display", "none", *args]
        if qmp:
            argv += ["-qmp", f"unix:{self.path},server=on,wait=off"]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "TMPDIR": self.tmp})
        self.addCleanup(self.end)
        if qmp:
            self.qmp = connect(Qmp, self.path, self.process, LIMIT)
            self.addCleanup(self.qmp.close)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(LIMIT)
        self.process.stderr.close()

    def rest(self):
        """What is said until no process has stderr any more: all have ended. Nothing is left."""
        said = self.process.communicate(timeout=LIMIT)[1]
        self.assertNotIn("Sanitizer", said)
        self.assertEqual(os.listdir(self.tmp), [])
        return said

    def child(self, cxlbox):
        """The process id of cxlbox, or of QEMU. A third child keeps the directory."""
        found = [pid for pid in children(self.process.pid) if name_of(pid) != "cxlbox-qemu" and
                 (name_of(pid) == "cxlbox") == cxlbox]
        self.assertEqual(len(found), 1)
        return found[0]


class Life(Case):
    def test_quit(self):
        self.start()
        folder = os.path.join(self.tmp, os.listdir(self.tmp)[0])
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        self.assertEqual(self.qmp.cmd("quit"), {})
        self.assertEqual(self.qmp.wait_event("SHUTDOWN")["data"]["reason"], "host-qmp-quit")
        self.assertEqual(len(self.rest().splitlines()), 1)  # that there is no -kernel
        self.assertEqual(self.process.returncode, 0)

    def test_signals_are_qemus(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(number):
                self.start()
                self.process.send_signal(number)
                self.assertEqual(self.qmp.wait_event("SHUTDOWN")["data"]["reason"], "host-signal")
                self.rest()
                self.assertEqual(self.process.returncode, 0)

    def test_qemu_is_killed(self):
        self.start()
        os.kill(self.child(cxlbox=False), signal.SIGKILL)
        self.rest()
        self.assertEqual(self.process.returncode, 128 + signal.SIGKILL)

    def test_cxlbox_is_killed(self):
        self.start()
        os.kill(self.child(cxlbox=True), signal.SIGKILL)
        self.assertIn("cxlbox has ended, with status 137: the guest has lost its CXL memory", self.rest())
        self.assertEqual(self.process.returncode, 1)

    def test_it_is_killed_itself(self):
        self.start()
        self.process.kill()
        self.process.stderr.read()  # until the others are gone
        self.qmp.close()
        with self.assertRaises(OSError):
            Qmp(self.path)

    def test_what_one_of_them_refuses(self):
        for args, text in ((["-device", "nosuch"], "'nosuch' is not a valid device model name"),
                           (["-global", "cxl-type3.nosuch=1"], "Property 'cxl-type3.nosuch' not found"),
                           (["-initrd", "/nosuch", "-kernel", "/nosuch"], "-initrd /nosuch: Failed to open file"),
                           (["-qmp", "unix:/nosuch/x,server=on,wait=off"],
                            "-qmp unix:/nosuch/x,server=on,wait=off: Failed to bind socket to /nosuch/x")):
            with self.subTest(args):
                self.start(*args, qmp=False)
                self.assertIn(text, self.rest())
                self.assertEqual(self.process.returncode, 1)

    def test_a_program_that_is_not_there(self):
        self.qemu = "/nosuch/qemu"
        self.start(qmp=False)
        self.assertIn("Failed to execute child process", self.rest())
        self.assertEqual(self.process.returncode, 1)


class OneQmp(Case):
    def test_each_command_goes_to_its_owner(self):
        self.start()
        cmd = self.qmp.cmd
        self.assertIn(cmd("query-status")["status"], ("running", "prelaunch"))
        self.assertEqual(cmd("query-cxl-dynamic-capacity")[0]["path"], "/machine/peripheral/cxl-vmem0")
        names = [c["name"] for c in cmd("query-commands")]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual({"migrate", "query-cxl-dynamic-capacity", "object-add"}, set(names))
        schema = {entry["name"]: entry for entry in cmd("query-qmp-schema")}
        self.assertLessEqual({"migrate", "query-cxl-dynamic-capacity", "CXL_DYNAMIC_CAPACITY", "STOP"}, set(schema))
        self.assertEqual(set(names), {name for name in schema if schema[name]["meta-type"] == "command"})
        for entry in schema.values():
            for key in ("arg-type", "ret-type", "element-type"):
                self.assertIn(entry.get(key, "str"), schema)
            for member in [*entry.get("members", ()), *entry.get("variants", ())]:
                self.assertIn(member.get("type", "str"), schema)
        # devices of either side, by path
        self.assertEqual(cmd("qom-get", path="/machine/peripheral/cxl-vmem0", property="num-dc-regions"), 1)
        self.assertEqual(cmd("qom-get", path="/machine/peripheral/root_port13", property="slot"), 2)
        self.assertIn("device_add", names)

    def test_memory_with_a_tag_is_cxlboxs(self):
        self.start()
        cmd = self.qmp.cmd
        self.assertEqual(cmd("object-add", **{"qom-type": "memory-backend-ram", "id": "tm0", "size": 1 << 30,
                                              "tag": TAG}), {})
        self.assertEqual(cmd("object-add", **{"qom-type": "memory-backend-ram", "id": "plain", "size": 1 << 20}), {})
        found = {m["id"]: m for m in cmd("query-memdev")}
        self.assertEqual(found["tm0"]["tag"], TAG)
        self.assertIn("plain", found)
        self.assertIn("pc.ram", found)
        cmd("cxl-add-dynamic-capacity", **{"path": "/machine/peripheral/cxl-vmem0", "host-id": 0, "region": 0,
                                           "selection-policy": "prescriptive", "tag": TAG,
                                           "extents": [{"offset": 0, "len": 1 << 30}]})
        self.assertEqual(self.qmp.wait_event("CXL_DYNAMIC_CAPACITY")["data"]["tag"], TAG)
        for name in ("tm0", "nosuch"):
            with self.assertRaises(QmpError):
                cmd("object-del", id=name)
        self.assertEqual(cmd("object-del", id="plain"), {})

    def test_each_device_has_a_way_into_the_guest(self):
        self.start("-object", "memory-backend-ram,id=m0,size=256M",
                   "-device", "cxl-rp,port=1,bus=cxl.1,id=root_port14,chassis=0,slot=3",
                   "-device", "cxl-type3,bus=root_port14,id=t1,volatile-memdev=m0", ports=8)
        for name in ("guest.cxl-vmem0", "guest.t1"):
            state = "connecting"
            while state in ("connecting", "testing"):
                state = self.qmp.cmd("qom-get", path=f"/objects/{name}", property="state")
            self.assertEqual(state, "ready")

    def test_events_come_once(self):
        self.start()
        self.qmp.cmd("stop")
        self.qmp.cmd("cont")
        self.qmp.cmd("system_reset")
        self.qmp.wait_event("RESET")
        self.qmp.cmd("query-status")
        with self.assertRaises(QmpError):
            self.qmp.cmd("qom-get", path="/machine/peripheral/cxl-vmem0", property="nosuch")
        names = [event["event"] for event in self.qmp.events]
        for name in ("STOP", "RESUME", "RESET"):
            self.assertLessEqual(names.count(name), 1)

    def test_ids_and_order(self):
        self.start("-qmp", f"unix:{self.dir}/second,server=on,wait=off")
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT)
            s.connect(os.path.join(self.dir, "second"))
            lines = s.makefile("rb")
            self.assertIn("QMP", json.loads(lines.readline()))

            def answer():
                return next(o for o in map(json.loads, lines) if "event" not in o)

            s.sendall(b'{"execute": "query-status", "id": 0}')
            self.assertEqual(json.loads(lines.readline()), {
                "error": {"class": "CommandNotFound",
                          "desc": "Expecting capabilities negotiation with 'qmp_capabilities'"}, "id": 0})
            s.sendall(b'{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}, "id": 1}'
                      b'{"execute": "qmp_capabilities"}')
            self.assertIn("error", answer())
            self.assertEqual(answer(), {"return": {}})
            # both sides in turn, good and bad, in one write
            s.sendall(b'{"execute": "query-cxl-dynamic-capacity", "id": "a"} {"execute": "query-name", "id": [2]}'
                      b'{"execute": "nosuch", "id": null} {"execute": 5, "id": 4} 7 {"execute": "query-memdev", "id": {}}'
                      b' {"execute": "query-status", "foo": 1, "id": 6} {"execute": "cxl-nosuch", "id": 7} ]')
            answers = [answer() for _ in range(9)]
            self.assertEqual([a.get("id", "none") for a in answers], ["a", [2], None, 4, "none", {}, 6, 7, "none"])
            self.assertEqual([sorted(set(a) & {"return", "error"})[0] for a in answers],
                             ["return", "return", "error", "error", "error", "return", "error", "error", "error"])
            self.assertEqual(answers[2]["error"], {"class": "CommandNotFound",
                                                   "desc": "The command nosuch has not been found"})
            self.assertEqual(answers[3]["error"]["desc"], "QMP input member 'execute' must be a string")
            self.assertEqual(answers[4]["error"]["desc"], "QMP input must be a JSON object")
            self.assertEqual(answers[6]["error"]["desc"], "QMP input member 'foo' is unexpected")
            # a peer that goes in the middle does not keep the next one from being served
            s.sendall(b'{"execute": "query-qmp-schema"}' * 20)
            lines.close()
        again = Qmp(os.path.join(self.dir, "second"))
        self.addCleanup(again.close)
        self.assertIn("status", again.cmd("query-status"))
        self.assertIn("status", self.qmp.cmd("query-status"))


class Plug(Case):
    """Devices that come and go. There is no guest here that could let one go, so QEMU is not asked to."""

    PORTS = ["-device", "cxl-rp,port=1,bus=cxl.1,id=root_port14,chassis=0,slot=3",
             "-device", "cxl-rp,port=2,bus=cxl.1,id=root_port15,chassis=0,slot=4"]
    NEW = {"driver": "cxl-type3", "id": "t1", "bus": "root_port14", "num-dc-regions": 1,
           "dc-regions-total-size": 1 << 30, "msix": False}

    def add(self, **more):
        return self.qmp.cmd("device_add", **{**self.NEW, **more})

    def refused(self, text, command, **more):
        with self.assertRaises(QmpError) as caught:
            self.qmp.cmd(command, **more)
        self.assertIn(text, str(caught.exception))

    def state(self, guest):
        return self.qmp.cmd("qom-get", path=f"/objects/{guest}", property="state")

    def until_ready(self, guest):
        while (state := self.state(guest)) in ("connecting", "testing"):
            pass
        self.assertEqual(state, "ready")

    def devices(self):
        return sorted(d["path"].rpartition("/")[2] for d in self.qmp.cmd("query-cxl-dynamic-capacity"))

    def test_it_is_on_both_sides(self):
        self.start(*self.PORTS, ports=32)
        self.assertEqual(self.add(), {})
        self.until_ready("guest.t1")
        self.assertEqual(self.devices(), ["cxl-vmem0", "t1"])
        self.assertEqual(self.qmp.cmd("qom-get", path="/machine/peripheral/t1", property="num-dc-regions"), 1)
        self.refused("of that id", "device_add", **self.NEW)
        self.refused("of that id", "device_add", **{**self.NEW, "id": "cxl-vmem0"})
        self.assertEqual(self.add(id="t2", bus="root_port15"), {})
        self.until_ready("guest.t2")
        self.refused("no hidden ports are left for it", "device_add", **{**self.NEW, "id": "t3"})
        self.assertEqual(self.devices(), ["cxl-vmem0", "t1", "t2"])

    def test_whatever_refuses_it_nothing_is_left(self):
        self.start(*self.PORTS, ports=32)
        for more, text in (({"nosuch": 1}, "Property 'cxl-type3.nosuch' not found"),
                           ({"dc-regions-total-size": 1}, "multiple"),
                           ({"bus": "nosuch"}, "Bus 'nosuch' not found"),
                           ({"bus": "root_port13"}, "PCI: slot 0 function 0 already occupied"),
                           ({"bus": None}, "Parameter 'bus' is missing"),
                           ({"id": None}, "Parameter 'id' is missing"), ({"id": "../x"}, "expects an identifier"),
                           ({"id": "root_port14"}, "root_port14"), ({"id": 5}, "Parameter 'id' is missing")):
            with self.subTest(more):
                args = {key: value for key, value in {**self.NEW, **more}.items() if value is not None}
                self.refused(text, "device_add", **args)
                self.assertEqual(self.devices(), ["cxl-vmem0"])
                for name in ("vfio-user.t1", "guest.t1"):
                    self.refused("not found", "object-del", id=name)
        self.assertEqual(self.add(), {})
        self.until_ready("guest.t1")

    def test_a_program_that_goes_in_the_middle(self):
        self.start(*self.PORTS, ports=32)
        os.kill(self.child(cxlbox=True), signal.SIGSTOP)
        self.qmp.sock.sendall(json.dumps({"execute": "device_add", "arguments": self.NEW}).encode())
        os.kill(self.child(cxlbox=True), signal.SIGKILL)
        self.assertIn("cxlbox has ended", self.rest())


if __name__ == "__main__":
    unittest.main()
