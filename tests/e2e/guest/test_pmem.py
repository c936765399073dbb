# SPDX-License-Identifier: Apache-2.0
"""Persistent memory that cxlbox serves, used by stock Linux: what a namespace holds, and the labels that say
where it is, are bytes of two backends and outlive the guest's system."""

import json
import random
import struct
import unittest
import uuid

import image
from served import CEDT, MIB, Case

SIZE, LSA = 256 * MIB, 256 << 10
NAMESPACE = 64 * MIB
DATA = random.Random(1).randbytes(MIB)
# An index block of label storage: signature, flags, size of labels, sequence, places and sizes, slots, version,
# checksum; then the map of free slots. There are two; of the whole ones that with the later sequence counts.
INDEX = struct.Struct("<16s3sBI4QIHHQ")
SIGNATURE = b"NAMESPACE_INDEX\0"


def current_labels(lsa):
    """The labels that the index in force has in use."""
    first = INDEX.unpack_from(lsa)
    second = INDEX.unpack_from(lsa, first[6])
    assert (first[0], second[0]) == (SIGNATURE, SIGNATURE), (first, second)
    at, index = (0, first) if first[3] % 3 == (second[3] + 1) % 3 else (first[6], second)
    size, start, slots = 128 << index[2], index[7], index[8]
    return [lsa[start + n * size:start + (n + 1) * size] for n in range(slots)
            if not lsa[at + INDEX.size + n // 8] >> n % 8 & 1]


class Pmem(Case):
    def setUp(self):
        self.box(["-object", f"memory-backend-ram,id=m0,size={SIZE},share=on",
                  "-object", f"memory-backend-ram,id=m1,size={LSA},share=on",
                  "-device", "cxl-type3,id=t3,persistent-memdev=m0,lsa=m1,sn=0x77"])
        self.guest = self.boot(front=CEDT, files={"data": DATA})

    def region(self):
        """Linux does not keep regions in labels: they are made again."""
        self.guest.check("cxl create-region -t pmem -d decoder0.0 -m mem0")
        self.guest.check("for m in " + " ".join(image.PMEM_MODULES) + "; do insmod /modules/$m.ko || exit; done")
        self.assertEqual(self.b.state(prop="mapped"), 1)

    def namespaces(self):
        """Those that have a size, and the room that is left beside them."""
        region, = json.loads(self.guest.check("ndctl list -RNi"))["regions"]
        return [n for n in region["namespaces"] if n["size"]], region["available_size"]

    def write(self, device, block):
        self.guest.check(f"dd if=/data of=/dev/{device} bs=1M seek={block} conv=fsync")

    def assert_holds(self, device, blocks):
        """As the guest reads it, and from outside."""
        for block in blocks:
            self.guest.check(f"dd if=/dev/{device} bs=1M skip={block} count=1 2>/dev/null | cmp - /data")
        count = blocks[-1] + 1
        self.assertEqual(self.b.bytes_of(0, count * len(DATA)),
                         b"".join(DATA if n in blocks else bytes(len(DATA)) for n in range(count)))

    def assert_labelled(self, namespace, name, dpa, size):
        """Whatever version of labels Linux writes: all have the range's start and length side by side."""
        label, = current_labels(self.b.bytes_of(1, LSA))
        for part in (uuid.UUID(namespace).bytes, name.encode() + b"\0", struct.pack("<QQ", dpa, size)):
            self.assertIn(part, label)

    def test_a_namespace_outlives_a_reboot(self):
        self.assertEqual(self.b.bytes_of(1, LSA), bytes(LSA))
        self.region()
        self.assertEqual(self.namespaces(), ([], SIZE))
        made = json.loads(self.guest.check(f"ndctl create-namespace -m raw -s {NAMESPACE} -n first 2>/dev/null"))
        self.assert_labelled(made["uuid"], "first", 0, NAMESPACE)
        self.write(made["blockdev"], 0)
        self.assert_holds(made["blockdev"], [0])
        labels = self.b.bytes_of(1, LSA)

        self.guest.reboot()
        self.assertEqual(self.b.state(prop="mapped"), 0)
        self.assertEqual(self.b.bytes_of(1, LSA), labels)
        self.region()
        (found,), room = self.namespaces()
        self.assertEqual((found["uuid"], found["name"], found["size"], room),
                         (made["uuid"], "first", NAMESPACE, SIZE - NAMESPACE))
        self.assert_holds(found["blockdev"], [0])
        self.write(found["blockdev"], 2)
        self.assert_holds(found["blockdev"], [0, 2])
        self.healthy(self.guest)


if __name__ == "__main__":
    unittest.main()
