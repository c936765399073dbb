# SPDX-License-Identifier: Apache-2.0
"""cxl-guest: what is accepted is mapped in the guest that has the device, and nothing else is. The guest's
QEMU is a stand-in whose every step can fail or wait; the guest's driver is a vfio-user client."""

import os
import subprocess
import time
import unittest
import uuid

from cxbpy.machine import Machine, binary
from cxbpy.qmp import QmpError
from cxbpy.vfiouser import CONFIG, VfioUser
from fakeqemu import FakeQemu

MIB = 1 << 20
HPA = 6 << 30
PAYLOAD = 0x2000
CTRL, CMD, STATUS = PAYLOAD - 0x1c, PAYLOAD - 0x18, PAYLOAD - 0x10
OFFERED, ACCEPTED = "offered", "accepted"
SUCCESS, INTERNAL_ERROR, RESOURCES = 0, 4, 0x1d


def tag(n):
    return str(uuid.UUID(int=0x5be13bceae344a77b6c3_16df975fcf00 + n))


class GuestMemory(unittest.TestCase):
    def start(self, ports=8, device="cxl-type3,id=t3,num-dc-regions=1,dc-regions-total-size=1G", args=(), qtest=False):
        self.m = Machine(["-M", "x-remote", "-device", device,
                          "-object", "x-vfio-user-server,id=s0,path=s0,device=t3",
                          "-object", "cxl-guest,id=vm0,qmp=unix:vm0,device=t3", *args], tutorial=False, qtest=qtest)
        self.addCleanup(self.m.end)
        self.qmp = self.m.qmp
        self.qemu = None
        self.boot(ports)

    def boot(self, ports=8):
        self.qemu = FakeQemu(os.path.join(self.m.dir, "vm0"), ports)
        self.addCleanup(self.power_off)
        self.vm = VfioUser(os.path.join(self.m.dir, "s0"))
        self.addCleanup(self.vm.close)
        if ports:
            self.until("ready")
        self.vm.write_int(CONFIG, 4, 2, 6)

    def power_off(self):
        if self.qemu:
            self.qemu.end()
        self.qemu = None

    def state(self, prop="state", guest="vm0"):
        return self.qmp.cmd("qom-get", path=f"/objects/{guest}", property=prop)

    def until(self, state, guest="vm0"):
        for _ in range(2000):
            if self.state(guest=guest) == state:
                return
            if self.m.qtest:
                self.m.qtest.cmd("clock_step 100000000")  # after this it looks for QEMU again
            time.sleep(0.01)
        self.fail(f"{self.state(guest=guest)}, not {state}")

    def until_free(self):
        """Nobody has the newest backend any more."""
        for _ in range(2000):
            if not self.qmp.cmd("query-memdev")[0].get("holder"):
                return
            time.sleep(0.01)
        self.fail("the backend stays in use")

    def until_unmapped(self):
        for _ in range(2000):
            if not self.state("mapped"):
                return
            time.sleep(0.01)
        self.fail("it stays mapped")

    # --- the guest's driver ---

    def decoder(self):
        """Offset of the HDM decoder capability."""
        count = self.vm.read_int(0, 0x1000, 4) >> 24
        heads = [self.vm.read_int(0, 0x1000 + 4 * n, 4) for n in range(1, count + 1)]
        return 0x1000 + next(head >> 20 for head in heads if head & 0xffff == 5)

    def ask_to_commit(self, base=HPA, size=1 << 30, enabled=True):
        at = self.decoder()
        self.vm.write_int(0, at + 4, 4, 2 if enabled else 0)
        for n, value in enumerate((base & 0xffffffff, base >> 32, size & 0xffffffff, size >> 32)):
            self.vm.write_int(0, at + 0x10 + 4 * n, 4, value)
        self.vm.write_int(0, at + 0x20, 4, 1 << 9)

    def committing(self):
        """Whether it is not done yet; it must not have failed."""
        control = self.vm.read_int(0, self.decoder() + 0x20, 4)
        self.assertEqual(control & ~(1 << 10), 1 << 9)
        return not control & 1 << 10

    def until_committed(self):
        for _ in range(2000):
            if not self.committing():
                return
            time.sleep(0.01)
        self.fail("the decoder is not committed")

    def commit(self, **more):
        self.ask_to_commit(**more)
        self.until_committed()

    def uncommit(self):
        self.vm.write_int(0, self.decoder() + 0x20, 4, 0)

    def ring(self, opcode, extents):
        body = len(extents).to_bytes(8, "little") + b"".join(
            dpa.to_bytes(8, "little") + size.to_bytes(8, "little") + bytes(8) for dpa, size in extents)
        self.vm.write(2, PAYLOAD, body)
        self.vm.write_int(2, CMD, 8, opcode | len(body) << 16)
        self.vm.write_int(2, CTRL, 4, 1)

    def busy(self):
        return bool(self.vm.read_int(2, CTRL, 4) & 1)

    def done(self):
        for _ in range(2000):
            if not self.busy():
                return self.vm.read_int(2, STATUS, 8) >> 32 & 0xffff
            time.sleep(0.01)
        self.fail("the doorbell stays set")

    def accept(self, *extents):
        self.ring(0x4802, extents)
        return self.done()

    def release(self, *extents):
        self.ring(0x4803, extents)
        return self.done()

    # --- the orchestrator ---

    def add(self, n, offset=0, sizes=(2 * MIB,), host=0):
        self.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"m{n}", size=sum(sizes), share=True,
                     tag=tag(n))
        extents, at = [], offset
        for size in sizes:
            extents.append({"offset": at, "len": size})
            at += size
        self.qmp.cmd("cxl-add-dynamic-capacity", path="t3", host_id=host, region=0, tag=tag(n),
                     selection_policy="prescriptive", extents=extents)
        return [(e["offset"], e["len"]) for e in extents]

    def file(self, n):
        return next(m["path"] for m in self.qmp.cmd("query-memdev") if m["id"] == f"m{n}")

    def force(self, n, **more):
        self.qmp.cmd("cxl-release-dynamic-capacity", path="t3", host_id=0, region=0, tag=tag(n),
                     removal_policy="tag-based", forced_removal=True, **more)

    def states(self):
        devices = self.qmp.cmd("query-cxl-dynamic-capacity", path="t3")
        return [e["state"] for device in devices for e in device["extents"]]

    def refused(self, text, *args, **more):
        with self.assertRaises(QmpError) as caught:
            self.qmp.cmd(*args, **more)
        self.assertIn(text, str(caught.exception))


class Steps(GuestMemory):
    def test_the_self_test_leaves_nothing(self):
        self.start()
        self.assertEqual(self.qemu.commands[:7], ["qmp_capabilities", "qom-list", "object-add", "device_add",
                                                  "device_add", "device_del", "object-del"])
        self.assertEqual((self.qemu.objects, self.qemu.devices), ({}, {}))

    def test_an_extent_is_mapped_while_it_is_accepted(self):
        self.start()
        self.commit()
        extents = self.add(1, offset=4 * MIB, sizes=(2 * MIB, 6 * MIB))
        self.assertEqual(self.accept(*extents), SUCCESS)
        path = self.file(1)
        self.assertEqual(self.qemu.memory(), {HPA + 4 * MIB: (path, 0, 2 * MIB), HPA + 6 * MIB: (path, 2 * MIB, 6 * MIB)})
        self.assertEqual(self.state("mapped"), 2)
        self.assertEqual(self.release(*extents), SUCCESS)
        self.assertEqual(self.qemu.memory(), {})
        self.qmp.cmd("object-del", id="m1")

    def test_the_doorbell_waits_and_nothing_else_does(self):
        self.start()
        self.commit()
        extents = self.add(1)
        self.qemu.hold(True)
        self.ring(0x4802, extents)
        for _ in range(50):
            self.assertTrue(self.busy())
            self.vm.read(CONFIG, 0, 256)
        self.vm.dma_map(HPA, 2 * MIB)  # as QEMU tells of what it maps
        self.assertEqual(self.states(), [OFFERED])
        self.qemu.hold(False)
        self.assertEqual(self.done(), SUCCESS)
        self.assertEqual(self.states(), [ACCEPTED])
        self.qemu.hold(True)
        self.ring(0x4803, extents)
        for _ in range(50):
            self.assertTrue(self.busy())
        self.assertEqual(self.states(), [ACCEPTED])
        self.qemu.hold(False)
        self.assertEqual(self.done(), SUCCESS)

    def test_whatever_step_fails_nothing_is_left(self):
        self.start()
        self.commit()
        extents = self.add(1, sizes=(2 * MIB,) * 3)
        for step in range(6):
            start = len(self.qemu.commands)
            self.qemu.fail = lambda number, name, at=start + step: number == at
            self.assertEqual(self.accept(*extents), INTERNAL_ERROR, step)
            self.qemu.fail = None
            self.qemu.wait(lambda: not self.qemu.devices and not self.qemu.objects)
            self.assertEqual(self.states(), [OFFERED] * 3)
        query = self.qmp.cmd("query-cxl-dynamic-capacity", path="t3")
        self.assertIn("was made to fail", str(query))
        self.assertEqual(self.accept(*extents), SUCCESS)
        self.assertEqual(len(self.qemu.memory()), 3)

    def test_without_a_port_it_is_refused(self):
        self.start(ports=2)
        self.commit()
        extents = self.add(1, sizes=(2 * MIB,) * 3)
        self.assertEqual(self.accept(*extents), RESOURCES)
        self.assertEqual(self.qemu.memory(), {})

    def test_ports_are_used_again(self):
        self.start(ports=1)
        self.commit()
        for n in range(20):
            extents = self.add(n)
            self.assertEqual(self.accept(*extents), SUCCESS)
            self.assertEqual(self.release(*extents), SUCCESS)
            self.qmp.cmd("object-del", id=f"m{n}")

    def test_a_forced_release_frees_the_bytes_when_they_are_unmapped(self):
        self.start()
        self.commit()
        self.accept(*self.add(1))
        self.qemu.hold(True)
        self.force(1)
        self.assertEqual(self.states(), [])
        self.refused("which is mapped: held by vm0", "object-del", id="m1")
        self.refused("in use by vm0", "cxl-add-dynamic-capacity", path="t3", host_id=0, region=0, tag=tag(1),
                     selection_policy="contiguous", length=2 * MIB)
        self.qemu.hold(False)
        self.qemu.wait(lambda: not self.qemu.objects)
        self.until_free()
        self.qmp.cmd("object-del", id="m1")

    def test_static_capacity_is_nobody_elses_before_it_is_unmapped(self):
        self.start(device="cxl-type3,id=t3,num-dc-regions=1,volatile-dc-memdev=m0",
                   args=["-object", "memory-backend-ram,id=m0,size=1G"])
        self.commit()
        add = {"path": "t3", "host_id": 0, "region": 0, "selection_policy": "prescriptive",
               "extents": [{"offset": 0, "len": 4 * MIB}]}
        self.qmp.cmd("cxl-add-dynamic-capacity", **add)
        self.assertEqual(self.accept((0, 4 * MIB)), SUCCESS)
        self.qemu.hold(True)
        self.qmp.cmd("cxl-release-dynamic-capacity", path="t3", host_id=0, region=0,
                     removal_policy="prescriptive", forced_removal=True, extents=add["extents"])
        for offset in (0, 2 * MIB):
            self.refused("of memory backend 'm0' is still mapped in vm0", "cxl-add-dynamic-capacity",
                         **{**add, "extents": [{"offset": offset, "len": 2 * MIB}]})
        self.qmp.cmd("cxl-add-dynamic-capacity", **{**add, "extents": [{"offset": 4 * MIB, "len": 2 * MIB}]})
        self.qemu.hold(False)
        self.qemu.wait(lambda: not self.qemu.objects)
        for _ in range(2000):
            try:
                self.qmp.cmd("cxl-add-dynamic-capacity", **add)
                break
            except QmpError:
                time.sleep(0.01)
        self.assertEqual(self.states(), [OFFERED] * 2)

    def test_what_is_forced_away_is_zeroed_once_it_is_unmapped(self):
        self.start()
        self.commit()
        self.accept(*self.add(1))
        path = self.file(1)
        self.qemu.hold(True)
        self.force(1, sanitize_on_release=True)
        with open(path, "r+b") as f:  # as the guest, which has it still
            f.write(b"a late store")
        self.qemu.hold(False)
        self.qemu.wait(lambda: not self.qemu.objects)
        self.until_free()
        with open(path, "rb") as f:
            self.assertEqual(f.read(16), bytes(16))

    def test_it_follows_decoders_and_resets(self):
        self.start()
        self.commit()
        self.accept(*self.add(1))
        self.uncommit()
        self.qemu.wait(lambda: not self.qemu.devices)
        self.commit(base=8 << 30)
        self.qemu.wait(lambda: self.qemu.devices)
        self.assertEqual(list(self.qemu.memory()), [8 << 30])
        self.vm.reset()
        self.qemu.wait(lambda: not self.qemu.devices)
        self.assertEqual(self.states(), [ACCEPTED])
        self.vm.write_int(CONFIG, 4, 2, 6)
        self.commit()
        self.qemu.wait(lambda: self.qemu.devices)
        self.assertEqual(list(self.qemu.memory()), [HPA])

    def test_static_memory_is_mapped_too(self):
        self.start(device="cxl-type3,id=t3,volatile-memdev=m0",
                   args=["-object", "memory-backend-ram,id=m0,size=256M"])
        self.commit(size=256 * MIB)
        self.qemu.wait(lambda: self.qemu.devices)
        self.assertEqual([(a, m[1:]) for a, m in self.qemu.memory().items()], [(HPA, (0, 256 * MIB))])

    def test_a_guest_that_goes_takes_all_with_it(self):
        self.start()
        self.commit()
        extents = self.add(1)
        self.accept(*extents)
        self.vm.close()
        self.power_off()
        self.until("connecting")
        self.assertEqual((self.state("mapped"), self.states()), (0, [ACCEPTED]))
        self.boot()
        self.vm.reset()
        self.vm.write_int(CONFIG, 4, 2, 6)
        self.commit()
        self.qemu.wait(lambda: self.qemu.devices)
        self.assertEqual(list(self.qemu.memory()), [HPA])

    def test_a_guest_that_has_unplugged_it_has_nothing_of_it(self):
        self.start()
        self.commit()
        self.accept(*self.add(1))
        self.refused("is in use: 1 ranges are mapped", "object-del", id="vm0")
        for _ in range(3):
            self.vm.close()
            self.qemu.wait(lambda: not self.qemu.objects)
            self.until_unmapped()
            self.assertEqual(self.states(), [ACCEPTED])
            self.vm = VfioUser(os.path.join(self.m.dir, "s0"))
            self.qemu.wait(lambda: self.qemu.devices)
            self.assertEqual(list(self.qemu.memory()), [HPA])
        self.vm.close()
        self.until_unmapped()
        self.qmp.cmd("object-del", id="vm0")

    def test_a_guest_that_goes_in_the_middle(self):
        self.start()
        self.commit()
        extents = self.add(1)
        self.qemu.hold(True)
        self.ring(0x4802, extents)
        self.assertTrue(self.busy())
        self.power_off()
        self.done()
        self.assertEqual(self.state("mapped"), 0)

    def test_a_reset_in_the_middle(self):
        self.start()
        self.commit()
        extents = self.add(1)
        self.qemu.hold(True)
        self.ring(0x4802, extents)
        self.assertTrue(self.busy())
        self.vm.reset()
        self.assertFalse(self.busy())
        self.qemu.hold(False)
        self.qemu.wait(lambda: not self.qemu.waiting and not self.qemu.devices)

    def test_without_hidden_ports_it_says_so(self):
        self.start(ports=0)
        self.until("failed: no hidden port: no pcie-root-port has an id that begins with the value of 'ports'")
        self.commit()
        self.assertEqual(self.accept(*self.add(1)), SUCCESS)

    def test_what_is_mapped_keeps_the_object(self):
        self.start()
        self.commit()
        extents = self.add(1)
        self.accept(*extents)
        self.refused("object 'vm0' is in use: 1 ranges are mapped in the guest", "object-del", id="vm0")
        self.release(*extents)
        self.qmp.cmd("object-del", id="vm0")

    def test_wrong_objects_are_refused_by_name(self):
        self.start()
        for more, text in (({"device": "t3"}, "Parameter 'qmp' is missing"), ({"qmp": "x"}, "Parameter 'device' is missing"),
                           ({"qmp": "x", "device": "t9"}, "Unable to resolve CXL type 3 device 't9'"),
                           ({"qmp": "x", "device": "t3", "head": 2}, "Device 't3' has no head 2"),
                           ({"qmp": "x", "device": "t3"}, "Device 't3' has a guest already")):
            with self.subTest(more):
                self.refused(text, "object-add", qom_type="cxl-guest", id="vm1", **more)
        done = subprocess.run([binary(), "-M", "q35", "-object", "cxl-guest,id=vm0,qmp=x,device=y"],
                              capture_output=True, text=True, timeout=30)
        self.assertIn("cxl-guest is of machine x-remote", done.stderr)


class Commits(GuestMemory):
    """A decoder is committed once its memory is mapped. Time is moved by hand."""

    def start(self, ports=8):
        super().start(ports=ports, device="cxl-type3,id=t3,volatile-memdev=m0", qtest=True,
                      args=["-object", "memory-backend-ram,id=m0,size=512M,share=on", "-accel", "qtest"])

    def ask(self, base=HPA, **more):
        self.ask_to_commit(base=base, size=512 * MIB, **more)

    def step(self, ms):
        self.m.qtest.cmd(f"clock_step {ms * 1_000_000}")

    def start_waiting(self, **more):
        self.start(**more)
        self.qemu.hold(True)
        self.ask()
        self.assertTrue(self.committing())

    def settled(self, *bases):
        """Committed without a step of time, and mapped at no other address."""
        self.qemu.hold(False)
        self.until_committed()
        self.assertEqual(list(self.qemu.memory()), list(bases))

    def test_it_waits_until_all_is_mapped(self):
        self.start_waiting()
        for _ in range(50):
            self.assertTrue(self.committing())
        self.vm.dma_map(HPA, 512 * MIB)  # as QEMU tells of what it maps
        self.step(7)
        self.assertTrue(self.committing())
        self.settled(HPA)

    def test_software_is_not_kept_longer_than_it_waits(self):
        self.start_waiting()
        self.step(7)
        self.assertTrue(self.committing())
        self.step(1)
        self.assertFalse(self.committing())
        self.assertEqual((self.state("mapped"), self.qemu.devices), (1, {}))
        self.qemu.hold(False)
        self.qemu.wait(lambda: self.qemu.devices)
        self.assertEqual(list(self.qemu.memory()), [HPA])

    def test_whatever_step_fails_it_is_committed(self):
        self.start()
        for name in ("object-add", "device_add"):
            self.qemu.fail = lambda number, command, name=name: command == name
            self.ask()
            self.settled()
            self.uncommit()
        self.qemu.fail = None
        self.ask()
        self.settled(HPA)

    def test_what_is_not_decoded_yet_is_not_waited_for(self):
        self.start()
        self.qemu.hold(True)
        self.ask(enabled=False)
        self.assertFalse(self.committing())
        self.qemu.hold(False)
        self.vm.write_int(0, self.decoder() + 4, 4, 2)
        self.qemu.wait(lambda: self.qemu.devices)

    def test_taken_back_while_it_waits(self):
        self.start_waiting()
        self.uncommit()
        self.assertEqual(self.vm.read_int(0, self.decoder() + 0x20, 4), 0)
        self.step(20)
        self.assertEqual(self.vm.read_int(0, self.decoder() + 0x20, 4), 0)
        self.qemu.hold(False)
        self.qemu.wait(lambda: "device_del" in self.qemu.commands[7:] and not self.qemu.objects)
        self.until_unmapped()

    def move(self):
        self.uncommit()
        self.ask(base=8 << 30)
        self.assertTrue(self.committing())
        self.settled(8 << 30)
        self.qemu.hold(True)
        self.uncommit()
        self.ask()
        self.assertTrue(self.committing())
        self.settled(HPA)

    def test_elsewhere_it_waits_until_it_has_left(self):
        self.start_waiting()
        self.move()

    def test_elsewhere_it_waits_for_the_one_port(self):
        self.start_waiting(ports=1)
        self.move()

    def test_a_reset_while_it_waits(self):
        self.start_waiting()
        self.vm.reset()
        self.step(20)
        self.assertEqual(self.vm.read_int(0, self.decoder() + 0x20, 4), 0)
        self.vm.write_int(CONFIG, 4, 2, 6)
        self.ask(base=8 << 30)
        self.assertTrue(self.committing())
        self.settled(8 << 30)

    def test_a_guest_that_goes_while_it_waits(self):
        self.start_waiting()
        self.power_off()
        self.until_committed()
        self.assertEqual(self.state("mapped"), 0)

    def test_a_device_that_goes_while_it_waits(self):
        self.start_waiting()
        self.refused("is in use: 1 ranges are mapped", "object-del", id="vm0")
        self.vm.close()
        self.qmp.cmd("object-del", id="s0")
        self.qmp.cmd("device_del", id="t3")
        self.assertEqual(self.state("mapped"), 0)
        self.step(20)
        self.qmp.cmd("object-del", id="m0")
        self.qmp.cmd("object-del", id="vm0")


class Heads(GuestMemory):
    def test_what_waits_for_one_guest_keeps_no_other(self):
        self.start(device="cxl-type3,id=t3,heads=2,num-dc-regions=1,dc-regions-total-size=1G",
                   args=["-device", "cxl-type3-head,id=h1,device=t3,head=1",
                         "-object", "x-vfio-user-server,id=s1,path=s1,device=t3,head=1",
                         "-object", "cxl-guest,id=vm1,qmp=unix:vm1,device=t3,head=1"])
        first, other = self.vm, VfioUser(os.path.join(self.m.dir, "s1"))
        self.addCleanup(other.close)
        qemu = FakeQemu(os.path.join(self.m.dir, "vm1"))
        self.addCleanup(qemu.end)
        self.until("ready", "vm1")
        self.commit()
        extents = self.add(1)
        self.vm = other
        self.vm.write_int(CONFIG, 4, 2, 6)
        self.commit()
        self.accept(*self.add(2, offset=2 * MIB, host=1))
        self.qemu.hold(True)
        self.vm = first
        self.ring(0x4802, extents)
        self.assertTrue(self.busy())
        self.vm = other
        self.uncommit()
        qemu.wait(lambda: not qemu.devices)
        self.commit(base=8 << 30)
        qemu.wait(lambda: qemu.devices)
        self.assertEqual(list(qemu.memory()), [(8 << 30) + 2 * MIB])
        self.vm = first
        self.assertTrue(self.busy())
        self.qemu.hold(False)
        self.assertEqual(self.done(), SUCCESS)


if __name__ == "__main__":
    unittest.main()
