# SPDX-License-Identifier: Apache-2.0
"""The command line: QEMU's words for what is wrong, its help, its exit codes."""

import os
import subprocess
import tempfile
import unittest

from cxbpy.machine import TUTORIAL, binary


def run(*args):
    return subprocess.run([binary(), *args], capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL, check=False)


class CommandLine(unittest.TestCase):
    def test_wrong_options_name_the_option_and_the_part(self):
        pxb = ["-M", "q35,cxl=on", "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=c"]
        rp = ["-device", "cxl-rp,id=rp,bus=c"]
        cases = [
            (["-nosuch"], "cxlbox: -nosuch: invalid option"),
            (["-m"], "cxlbox: -m: requires an argument"),
            (["-device", "nosuch"],
             "cxlbox: -device nosuch: 'nosuch' is not a valid device model name"),
            (["-device", "id=x"], "cxlbox: -device id=x: Parameter 'driver' is missing"),
            (["-device", "cxl-rp,bus=nobus"],
             "cxlbox: -device cxl-rp,bus=nobus: Bus 'nobus' not found"),
            (["-device", "pxb-cxl,bus_nr=x"], "Parameter 'bus_nr' expects integer"),
            (["-device", "cxl-rp,foo=1"],
             "cxlbox: -device cxl-rp,foo=1: Property 'cxl-rp.foo' not found"),
            (pxb + ["-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=d"],
             "Bus 12 is already in use"),
            (pxb + rp + rp, "Duplicate ID 'rp' for device"),
            (pxb + rp + ["-device", "cxl-rp,id=rp2,bus=c"], "Can't add chassis slot, error -16"),
            (pxb + rp + ["-device", "cxl-type3,bus=rp"],
             "at least one memdev property must be set"),
            (pxb + rp + ["-device", "cxl-type3,bus=rp,num-dc-regions=9,"
                         "dc-regions-total-size=9G"], "num-dc-regions 9"),
            (pxb + rp + ["-device", "cxl-type3,bus=rp,num-dc-regions=2,"
                         "dc-regions-total-size=768M"], "2 regions x 256 MiB"),
            (pxb + rp + ["-device", "cxl-type3,bus=rp,dc-regions-total-size=1G"],
             "num-dc-regions"),
            (pxb + ["-device", "cxl-type3,bus=c,num-dc-regions=1,dc-regions-total-size=1G"],
             "Only PCI/PCIe bridges can be plugged into pxb-cxl"),
            (["-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=c"],
             "cxlbox: CXL host bridges present, but cxl=off"),
            (["-object", "memory-backend-ram,id=a"], "Parameter 'size' is missing"),
            (["-object", "memory-backend-ram,size=1M"], "Parameter 'id' is missing"),
            (["-object", "nosuch,id=a"], "Parameter 'qom-type' does not accept value 'nosuch'"),
            (["-object", "memory-backend-ram,id=a,size=1M,foo=1"], "Invalid parameter 'foo'"),
            (["-object", "memory-backend-ram,id=a,size=1M,tag=xyz"], "xyz"),
            (["-object", '{"qom-type":"memory-backend-ram","id":"a","size":"1M"}'],
             "Parameter 'size' expects uint64"),
            (["-M", "nosuch"], 'unsupported machine type: "nosuch"'),
            (["-M", "q35,cxl=maybe"], "Parameter 'cxl' expects 'on' or 'off'"),
            (["-M", "q35,accel=nosuch"], "invalid accelerator nosuch"),
            (["-M", "q35,cxl=on,cxl-fmw.0.size=4G"], "Parameter 'cxl-fmw.0.targets' is missing"),
            (["-M", "q35,cxl=on,cxl-fmw.0.targets.0=zz,cxl-fmw.0.size=4G"],
             "Could not resolve CXLFM target zz"),
            (pxb[:1] + ["q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=100M"] + pxb[2:],
             "Size of a CXL fixed memory window must be a multiple of 256MiB"),
            (["-m", "1G,slots=2"], "slots specified but no max-size"),
            (["-m", "1G,maxmem=512M"], "must be at least the initial memory size"),
            (["-accel", "nosuch"], "invalid accelerator nosuch"),
            (["-accel", "host,accept=maybe"], "Parameter 'accept' does not accept value 'maybe'"),
            (["-qmp", "nosuch:x"], "'nosuch:x' is not a valid char driver"),
            (["-d", "nosuch"], "nosuch"),
            (["-trace", "nosuch*"], "nosuch*"),
        ]
        for args, text in cases:
            with self.subTest(args=args):
                result = run(*args)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertTrue(result.stderr.startswith("cxlbox: "), result.stderr)
                self.assertNotIn("Sanitizer", result.stderr)
                self.assertIn(text, result.stderr)
                self.assertEqual(result.stdout, "")

    def test_help_goes_to_stdout_and_succeeds(self):
        for args, text in [
            (["-help"], "-device"),
            (["-version"], "version 11.1"),
            (["-M", "help"], "Supported machines are:"),
            (["-M", "q35,help"], "cxl=<bool>"),
            (["-device", "help"], 'name "cxl-type3"'),
            (["-device", "cxl-type3,help"], "num-dc-regions=<uint8>"),
            (["-object", "help"], "memory-backend-file"),
            (["-object", "memory-backend-ram,help"], "tag=<"),
            (["-accel", "help"], "host"),
            (["-trace", "help"], "cxl_"),
            (["-d", "help"], "guest_errors"),
        ]:
            with self.subTest(args=args):
                result = run(*args)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertIn(text, result.stdout)
                self.assertEqual(result.stderr, "")

    def test_ram_must_be_writable(self):
        with tempfile.NamedTemporaryFile() as f:
            f.truncate(128 << 20)
            result = run("-M", "q35,memory-backend=m", "-object", "memory-backend-file,id=m,"
                         f"size=128M,mem-path={f.name},readonly=on,share=on")
        self.assertEqual(result.returncode, 1)
        self.assertIn("'m' is read-only", result.stderr)
        self.assertNotIn("Sanitizer", result.stderr)

    def test_a_failed_start_leaves_no_socket(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "q")
            result = run(*TUTORIAL, "-qmp", f"unix:{path},server=on,wait=off", "-device", "nosuch")
            self.assertEqual(result.returncode, 1)
            self.assertEqual(os.listdir(directory), [])


if __name__ == "__main__":
    unittest.main()
