# SPDX-License-Identifier: Apache-2.0
"""The built-in host on machines of several shapes."""

import unittest

from cxbpy.machine import Machine

GIB = 1 << 30
MIB = 1 << 20


def uuid(n):
    return f"00000000-0000-4000-8000-{n:012x}"


class Host(unittest.TestCase):
    def start(self, *args):
        m = Machine(args, tutorial=False, qtest=True)
        self.addCleanup(m.end)
        host = m.qmp.cmd("query-cxl-host")
        self.assertEqual(host["state"], "ready", host)
        return m, host

    def allocate(self, m, device, tag, offset, size, region=0):
        m.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"b{tag[-4:]}", size=size,
                  share=True, tag=tag)
        m.qmp.cmd("cxl-add-dynamic-capacity", path=device, host_id=0,
                  selection_policy="prescriptive", region=region, tag=tag,
                  extents=[{"offset": offset, "len": size}])
        ext = next(e for e in m.qmp.cmd("query-cxl-dynamic-capacity", path=device)[0]["extents"]
                   if e["tag"] == tag)
        self.assertEqual((ext["state"], ext["access"]), ("accepted", "direct"), ext)
        return ext["hpa"]

    def same_bytes(self, m, tag, hpa):
        m.qtest.writeq(hpa, hpa)
        path = next(b for b in m.qmp.cmd("query-memdev") if b.get("tag") == tag)["path"]
        with open(path, "rb") as f:
            self.assertEqual(int.from_bytes(f.read(8), "little"), hpa)

    def test_pass_through_bridge_without_decoders(self):
        m, host = self.start(
            "-M", "q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=4G", "-m", "256M",
            "-device", "pxb-cxl,bus_nr=32,bus=pcie.0,id=c",
            "-device", "cxl-rp,port=3,bus=c,id=rp",
            "-device", "cxl-type3,bus=rp,id=t3,num-dc-regions=2,dc-regions-total-size=2G")
        self.assertEqual([r["mapped"] for r in host["regions"]], [True, True])
        hpa = self.allocate(m, "t3", uuid(1), 0, 2 * MIB, region=1)
        self.same_bytes(m, uuid(1), hpa)

    def test_two_ports_and_two_devices_share_a_window(self):
        m, host = self.start(
            "-M", "q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=4G", "-m", "256M",
            "-device", "pxb-cxl,bus_nr=32,bus=pcie.0,id=c",
            "-device", "cxl-rp,port=7,bus=c,id=rp0,slot=1",
            "-device", "cxl-rp,port=2,bus=c,id=rp1,slot=2",
            "-device", "cxl-type3,bus=rp0,id=a,num-dc-regions=1,dc-regions-total-size=1G",
            "-device", "cxl-type3,bus=rp1,id=b,num-dc-regions=1,dc-regions-total-size=1G,sn=7")
        self.assertEqual([r["mapped"] for r in host["regions"]], [True, True])
        self.assertEqual({md["serial"] for md in host["memdevs"]} & {7}, {7})
        places = {}
        for n, device in enumerate("ab"):
            places[device] = self.allocate(m, device, uuid(n), 512 * MIB, 4 * MIB)
            self.same_bytes(m, uuid(n), places[device])
        self.assertNotEqual(places["a"], places["b"])

    def test_two_bridges_with_a_window_each(self):
        m, host = self.start(
            "-M", "q35,cxl=on,cxl-fmw.0.targets.0=c1,cxl-fmw.0.size=1G,"
                  "cxl-fmw.1.targets.0=c0,cxl-fmw.1.size=2G", "-m", "256M",
            "-device", "pxb-cxl,bus_nr=32,bus=pcie.0,id=c0,hdm_for_passthrough=on",
            "-device", "pxb-cxl,bus_nr=64,bus=pcie.0,id=c1",
            "-device", "cxl-rp,port=0,bus=c0,id=rp0,slot=1",
            "-device", "cxl-rp,port=0,bus=c1,id=rp1,slot=2",
            "-device", "cxl-type3,bus=rp0,id=a,num-dc-regions=1,dc-regions-total-size=2G",
            "-device", "cxl-type3,bus=rp1,id=b,num-dc-regions=1,dc-regions-total-size=1G")
        windows = host["windows"]
        self.assertEqual([w["targets"] for w in windows], [[64], [32]])
        for n, (device, window) in enumerate((("a", windows[1]), ("b", windows[0]))):
            hpa = self.allocate(m, device, uuid(n), 0, 2 * MIB)
            self.assertEqual(hpa, window["base"])
            self.same_bytes(m, uuid(n), hpa)

    def test_region_that_does_not_fit_the_window_is_left_unmapped(self):
        m, host = self.start(
            "-M", "q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=1G", "-m", "256M",
            "-device", "pxb-cxl,bus_nr=32,bus=pcie.0,id=c",
            "-device", "cxl-rp,port=0,bus=c,id=rp",
            "-device", "cxl-type3,bus=rp,id=t3,num-dc-regions=2,dc-regions-total-size=2560M")
        self.assertFalse(any(r["mapped"] for r in host["regions"]))
        m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="b", size=2 * MIB, tag=uuid(1))
        m.qmp.cmd("cxl-add-dynamic-capacity", path="t3", host_id=0,
                  selection_policy="prescriptive", region=0, tag=uuid(1),
                  extents=[{"offset": 0, "len": 2 * MIB}])
        status = m.qmp.cmd("cxl-release-dynamic-capacity-status", path="t3", host_id=0, region=0,
                           tag=uuid(1))
        self.assertEqual(status["status"], "not-found")  # the kernel's rule: no region, no memory

    def test_static_volatile_memory_is_mapped_below_the_dynamic_regions(self):
        m, host = self.start(
            "-M", "q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=4G", "-m", "256M",
            "-object", "memory-backend-ram,id=vm,size=512M,share=on",
            "-device", "pxb-cxl,bus_nr=32,bus=pcie.0,id=c,hdm_for_passthrough=on",
            "-device", "cxl-rp,port=0,bus=c,id=rp",
            "-device", "cxl-type3,bus=rp,id=t3,volatile-memdev=vm,num-dc-regions=1,"
                       "dc-regions-total-size=1G")
        static, dynamic = sorted(host["regions"], key=lambda r: r["dpa"])
        self.assertEqual((static["kind"], static["mapped"], dynamic["mapped"]),
                         ("static", True, True))
        m.qtest.writeq(static["hpa"] + 4096, 0x1234)
        path = next(b for b in m.qmp.cmd("query-memdev") if b["id"] == "vm")["path"]
        with open(path, "rb") as f:
            f.seek(4096)
            self.assertEqual(f.read(2), b"\x34\x12")
        self.same_bytes(m, uuid(1), self.allocate(m, "t3", uuid(1), 0, 2 * MIB))

    def test_a_test_beside_the_host_watches_and_moves_time(self):
        with Machine(["-accel", "host", "-accel", "qtest"], qtest=True) as m:
            self.assertEqual(m.qmp.cmd("query-cxl-host")["state"], "ready")
            self.assertEqual(m.qtest.cmd("clock_step 1000"), "1000")  # time is the test's
            hpa = self.allocate(m, "cxl-vmem0", uuid(1), 0, 2 * MIB)
            self.same_bytes(m, uuid(1), hpa)
            m.qtest.outb(0xcf9, 6)  # a reset asked for by the test; the host begins anew
            self.assertEqual(m.qmp.wait_event("RESET")["data"],
                             {"guest": True, "reason": "guest-reset"})
            self.assertEqual(m.qmp.cmd("query-cxl-host")["state"], "ready")
            self.assertEqual(m.qtest.readq(hpa), hpa)

    def test_four_thousand_tags_live_at_once(self):
        m, _ = self.start(
            "-M", "q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=16G", "-m", "256M",
            "-device", "pxb-cxl,bus_nr=32,bus=pcie.0,id=c",
            "-device", "cxl-rp,port=0,bus=c,id=rp",
            "-device", "cxl-type3,bus=rp,id=t3,num-dc-regions=1,dc-regions-total-size=16G")
        count = 4000
        for n in range(count):
            m.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"b{n}", size=2 * MIB,
                      share=True, tag=uuid(n))
            m.qmp.cmd("cxl-add-dynamic-capacity", path="t3", host_id=0,
                      selection_policy="prescriptive", region=0, tag=uuid(n),
                      extents=[{"offset": 4 * MIB * n, "len": 2 * MIB}])
            m.qmp.events.clear()
        extents = m.qmp.cmd("query-cxl-dynamic-capacity", path="t3")[0]["extents"]
        self.assertEqual(len(extents), count)
        self.assertEqual({e["state"] for e in extents}, {"accepted"})
        self.assertEqual({e["access"] for e in extents}, {"direct"})
        for e in extents[::397]:
            m.qtest.writel(e["hpa"], e["dpa"] & 0xffffffff)
            self.assertEqual(m.qtest.readl(e["hpa"]), e["dpa"] & 0xffffffff)


if __name__ == "__main__":
    unittest.main()
