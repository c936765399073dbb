# SPDX-License-Identifier: Apache-2.0
"""Coming and going: clients, signals, sudden death, what is left behind."""

import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from cxbpy.machine import Machine, connect
from cxbpy.qmp import Qmp

GIB = 1 << 30
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
DEVICE = "/machine/peripheral/cxl-vmem0"


def add(qmp, tag=TAG, size=GIB):
    qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0, selection_policy="prescriptive",
            region=0, tag=tag, extents=[{"offset": 0, "len": size}])


class Life(unittest.TestCase):
    def test_quit_answers_and_ends_with_success(self):
        with Machine() as m:
            m.qmp.cmd("quit")
            self.assertEqual(m.process.wait(10), 0)
            self.assertEqual(os.listdir(m.dir), [])

    def test_sigterm_ends_with_success_and_a_shutdown_event(self):
        with Machine(stderr=subprocess.DEVNULL) as m:
            m.process.send_signal(signal.SIGTERM)
            event = m.qmp.wait_event("SHUTDOWN")
            self.assertEqual(event["data"], {"guest": False, "reason": "host-signal"})
            self.assertEqual(m.process.wait(10), 0)
            self.assertEqual(os.listdir(m.dir), [])

    def test_two_sockets_are_independent_and_both_get_events(self):
        other = tempfile.mkdtemp()
        path = os.path.join(other, "second.sock")
        with Machine(["-qmp", f"unix:{path},server=on,wait=off"]) as m:
            second = connect(Qmp, path, m.process)
            m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="tm0", size=GIB, tag=TAG)
            add(second)
            for client in (m.qmp, second):
                self.assertEqual(client.wait_event("CXL_DYNAMIC_CAPACITY")["data"]["operation"],
                                 "offer")
            second.close()
            self.assertEqual(m.qmp.cmd("query-status")["status"], "running")
        self.assertEqual(os.listdir(other), [])
        os.rmdir(other)

    def test_a_second_client_waits_in_the_backlog_until_the_first_leaves(self):
        with Machine() as m:
            waiting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            waiting.settimeout(0.2)
            waiting.connect(m.qmp_path)
            with self.assertRaises(TimeoutError):
                waiting.recv(1)
            m.qmp.close()
            waiting.settimeout(10)
            self.assertIn(b"QMP", waiting.recv(4096))
            waiting.close()

    def test_sudden_death_leaves_nothing_that_hinders_the_next_start(self):
        directory = tempfile.mkdtemp()
        backing = os.path.join(directory, "backing")
        shm_before = set(os.listdir("/dev/shm"))
        for _ in range(3):
            m = Machine(cwd=directory)
            m.qmp.cmd("object-add", qom_type="memory-backend-file", id="f0", size=1 << 28,
                      share=True, tag=TAG, mem_path=backing)
            add(m.qmp, size=1 << 28)
            m.process.kill()
            m.process.wait()
            m.end()
        self.assertEqual(set(os.listdir("/dev/shm")), shm_before)
        self.assertLessEqual(set(os.listdir(directory)), {"backing", "qmp.sock"})
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))
        os.rmdir(directory)

    def test_a_file_in_use_by_another_cxlbox_is_refused(self):
        with tempfile.TemporaryDirectory() as directory, Machine() as one, Machine() as two:
            path = os.path.join(directory, "shared")
            for m, ok in ((one, True), (two, False)):
                m.qmp.send_raw('{"execute":"object-add","arguments":{"qom-type":'
                               '"memory-backend-file","id":"f","size":4096,"share":true,'
                               f'"mem-path":"{path}"}}}}')
                reply = m.qmp.reply()
                self.assertEqual("return" in reply, ok, reply)
            self.assertIn(path, reply["error"]["desc"])

    def test_a_reader_that_does_not_read_holds_up_nobody_else(self):
        with Machine(qtest=True) as m:
            m.qmp.send_raw('{"execute":"query-commands"}' * 2000)  # answers are never read
            self.assertEqual(m.qtest.cmd("endianness"), "little")

    def test_idle_costs_no_wake_ups_and_little_memory(self):
        with Machine() as m:
            m.qmp.cmd("query-cxl-host")

            def switches():
                with open(f"/proc/{m.process.pid}/status", encoding="ascii") as f:
                    fields = dict(line.split(":", 1) for line in f)
                return int(fields["voluntary_ctxt_switches"]), fields["VmRSS"]

            for _ in range(30):  # until it has gone to sleep; what wakes up now and then never does
                before, rss = switches()
                time.sleep(1)
                if switches()[0] == before:
                    break
            else:
                self.fail("it never sleeps")
            self.assertTrue(rss.strip().endswith("kB"))

    def test_terabytes_declared_cost_nothing(self):
        with Machine() as m:
            m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="huge", size=4 << 40,
                      tag=TAG)
            backend = next(b for b in m.qmp.cmd("query-memdev") if b["id"] == "huge")
            self.assertEqual(backend["size"], 4 << 40)
            self.assertLess(os.stat(backend["path"]).st_blocks, 16)
            m.qmp.cmd("object-del", id="huge")
            self.assertNotIn("huge", [b["id"] for b in m.qmp.cmd("query-memdev")])

    def test_cycles_leave_descriptors_mappings_and_objects_as_they_were(self):
        with Machine() as m:
            def counts():
                proc = f"/proc/{m.process.pid}"
                with open(f"{proc}/maps", encoding="ascii") as f:
                    maps = sum("memfd" in line for line in f)
                return (len(os.listdir(f"{proc}/fd")), maps,
                        len(m.qmp.cmd("qom-list", path="/objects")))

            def cycle():
                m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="tm0", size=GIB,
                          tag=TAG)
                add(m.qmp)
                m.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0,
                          removal_policy="tag-based", region=0, tag=TAG)
                m.qmp.cmd("object-del", id="tm0")

            cycle()
            before = counts()
            for _ in range(100):
                cycle()
            self.assertEqual(counts(), before)


if __name__ == "__main__":
    unittest.main()
