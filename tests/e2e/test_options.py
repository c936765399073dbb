# SPDX-License-Identifier: Apache-2.0
"""Options of QEMU's: those about parts that are not there, those of the process, and those that
are written elsewhere (-readconfig, -set, -global)."""

import os
import re
import subprocess
import tempfile
import unittest

from cxbpy.machine import TUTORIAL, Machine, binary
from cxbpy.qmp import QmpError

# An option that ends every start: what comes before it was taken.
END = ["-device", "nosuch"]
END_TEXT = "cxlbox: -device nosuch: 'nosuch' is not a valid device model name\n"


def run(*args, cwd=None):
    result = subprocess.run([binary(), *args], capture_output=True, text=True, timeout=30,
                            stdin=subprocess.DEVNULL, check=False, cwd=cwd)
    assert "Sanitizer" not in result.stderr, result.stderr
    return result


def listed(heading):
    """Options that -help lists below @heading."""
    line = next(x for x in run("-help").stdout.splitlines() if x.startswith(heading))
    return line.partition(":")[2].split()


# Of those that are taken or refused whatever they say: these have no argument.
FLAGS = {"-enable-kvm", "-enable-sync-profile", "-full-screen", "-jitdump", "-mem-prealloc",
         "-no-fd-bootchk", "-no-user-config", "-nodefaults", "-nographic", "-only-migratable",
         "-perfmap", "-preconfig", "-s", "-semihosting", "-snapshot", "-usb", "-win2k-hack",
         "-xen-attach", "-xen-domid-restrict"}


def with_value(option):
    """@option with a value, if it wants one."""
    return [option] if option in FLAGS else [option, "x"]


class NotThere(unittest.TestCase):
    def test_harmless_ones_are_taken_in_silence(self):
        options = listed("Accepted for scripts")
        self.assertIn("-nodefaults", options)
        for option in options:
            with self.subTest(option=option):
                self.assertEqual(run(*with_value(option), *END).stderr, END_TEXT)

    def test_absent_parts_are_named_once(self):
        options = listed("Accepted with a warning")
        self.assertIn("-cpu", options)
        for option in options:
            with self.subTest(option=option):
                words = with_value(option)
                note, end = run(*words, *END).stderr.splitlines(keepends=True)
                self.assertRegex(note, f"^cxlbox: {re.escape(' '.join(words))}: warning: .+\n$")
                self.assertEqual(end, END_TEXT)

    def test_what_would_mislead_is_refused_with_what_to_do(self):
        options = listed("Refused")
        self.assertIn("-kernel", options)
        for option in options:
            with self.subTest(option=option):
                words = with_value(option)
                result = run(*words)
                self.assertEqual(result.returncode, 1)
                self.assertRegex(result.stderr, f"^cxlbox: {re.escape(' '.join(words))}: .{{15}}")
                self.assertNotIn("invalid option", result.stderr)

    def test_none_asks_for_nothing(self):
        for option in ("audio", "debugcon", "display", "net", "nic", "parallel", "serial", "vga",
                       "vnc"):
            with self.subTest(option=option):
                self.assertEqual(run(f"-{option}", "none", *END).stderr, END_TEXT)

    def test_accelerators_that_run_a_cpu_leave_the_host_to_us(self):
        for args in (["-accel", "kvm"], ["-M", "q35,accel=tcg"], ["-accel", "tcg,thread=single"]):
            with self.subTest(args=args):
                self.assertIn("warning: accelerator '", run(*args, *END).stderr)
        with Machine(["-accel", "tcg"], stderr=subprocess.DEVNULL) as m:
            self.assertEqual(m.qmp.cmd("query-cxl-host")["state"], "ready")


class Messages(unittest.TestCase):
    TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z "

    def test_they_begin_as_asked(self):
        for args, head in ((["-msg", "timestamp=on"], self.TIME + "cxlbox: -device"),
                           (["-name", "bob", "-msg", "guest-name=on"], "^bob cxlbox: -device"),
                           (["-msg", "guest-name=on", "-name", "bob,process=p,debug-threads=on",
                             "-msg", "timestamp=on"], self.TIME + "bob cxlbox: -device"),
                           (["-msg", "guest-name=on"], "^cxlbox: -device")):
            with self.subTest(args=args):
                self.assertRegex(run(*args, *END).stderr, head)

    def test_bad_values_are_told(self):
        for args, text in (
                (["-msg", "foo=on"], "Invalid parameter 'foo'"),
                (["-msg", "timestamp=maybe"], "Parameter 'timestamp' expects 'on' or 'off'"),
                (["-name", "a,b=c"], "Invalid parameter 'b'"),
                (["-name", "debug-threads=maybe"],
                 "Parameter 'debug-threads' expects 'on' or 'off'"),
                (["-uuid", "5be13bce-ae34-4a77-b6c3-16df975fcf1"],
                 "failed to parse UUID string: wrong format"),
                (["-action", "reboot=foo"], "Parameter 'reboot' does not accept value 'foo'"),
                (["-action", "foo=reset"], "Invalid parameter 'foo'"),
                (["-watchdog-action", "x"], "Parameter 'watchdog' does not accept value 'x'"),
                (["-run-with", "chroot=/"], "'chroot' and 'user' are not supported"),
                (["-global", "foo.bar"], "Invalid parameter 'foo.bar'"),
                (["-global", "driver=cxl-rp"],
                 "options 'driver', 'property', and 'value' are required")):
            with self.subTest(args=args):
                result = run(*args)
                self.assertEqual(result.returncode, 1)
                self.assertIn(f"cxlbox: {args[0]} {args[1]}: {text}", result.stderr)


class ReadConfig(unittest.TestCase):
    # The tutorial's machine.
    GOOD = """\
# comment
[machine]
  type = "q35"
  cxl = "on"
  cxl-fmw.0.targets.0 = "cxl.1"
  cxl-fmw.0.size = "6G"

[memory]
  size = "1G"   # as -m
  maxmem = "8G"
  slots = "4"
[device "cxl.1"]
\tdriver = "pxb-cxl"
\tbus_nr = "12"
\tbus = "pcie.0"
[device "root_port13"]
driver="cxl-rp"
port="0"
bus="cxl.1"
chassis="0"
slot="2"
[object "m0"]
  qom-type = "memory-backend-ram"
  size = "256M"
[device "t0"]
  driver = "cxl-type3"
  bus = "root_port13"
  volatile-memdev = "m0"
"""

    def in_file(self, text, *more):
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "f"), "wb") as f:
                f.write(text if isinstance(text, bytes) else text.encode())
            return run("-readconfig", "f", *more, cwd=directory)

    def test_a_whole_machine_comes_from_a_file(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "f")
            with open(path, "w", encoding="ascii") as f:
                f.write(self.GOOD)
            with Machine(["-readconfig", path], tutorial=False) as m:
                host = m.qmp.cmd("query-cxl-host")
                self.assertEqual(host["state"], "ready")
                self.assertEqual(len(host["memdevs"]), 1)
                ids = {c["name"] for c in m.qmp.cmd("qom-list", path="/machine/peripheral")}
                self.assertLessEqual({"cxl.1", "root_port13", "t0"}, ids)

    def test_its_content_stands_where_its_option_does(self):
        text = '[device "rp"]\ndriver = "cxl-rp"\nbus = "c"\n'
        pxb = ["-device", "pxb-cxl,id=c,bus=pcie.0,bus_nr=9"]
        self.assertIn("cxlbox:f:3: Bus 'c' not found", self.in_file(text, *pxb).stderr)
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "f"), "w", encoding="ascii") as f:
                f.write(text)
            result = run("-M", "q35,cxl=on", *pxb, "-readconfig", "f", *END, cwd=directory)
        self.assertEqual(result.stderr, END_TEXT)

    def test_commas_are_nothing_special(self):
        result = self.in_file('[chardev "c"]\nbackend = "socket"\npath = "/nodir/a,b=c"\n'
                              'server = "on"\nwait = "off"\n')
        self.assertIn("cxlbox:f:5: ", result.stderr)
        self.assertIn("/nodir/a,b=c", result.stderr)

    def test_what_is_wrong_is_told_with_its_place(self):
        for text, message in (
                ('[nosuch]\n', " -readconfig f: There is no option group 'nosuch'"),
                ('a = "b"\n', " -readconfig f: no group defined"),
                ('[device "x"]\n[device "x"]\n', " -readconfig f: Duplicate ID 'x' for device"),
                ('[device "x"]\nfoo\n', " -readconfig f: parse error at f:2: 'foo'"),
                ('[device "x"]\na = b\n', " -readconfig f: parse error at f:2: 'a = b'"),
                ('[device "x"]\na = "b\n', " -readconfig f: parse error at f:2:"),
                ('[device "x"]\na = "b" c\n', " -readconfig f: parse error at f:2:"),
                ('[device "x"]\n= "b"\n', " -readconfig f: parse error at f:2:"),
                ('[device\n', " -readconfig f: parse error at f:1:"),
                ('[]\n', " -readconfig f: parse error at f:1:"),
                ('[device "x"] y\n', " -readconfig f: parse error at f:1:"),
                ('[device ""]\n', " -readconfig f: parse error at f:1:"),
                (b'[device "x"]\n\0', " -readconfig f: 'f' is not text"),
                ("#" * (1 << 20) + "#", " -readconfig f: 'f' is longer than 1 MiB"),
                ('[device "x"]\n\n# c\ndriver = "nosuch"\n\n',
                 "f:4: 'nosuch' is not a valid device model name"),
                ('[device "x"]\n', "f:1: Parameter 'driver' is missing"),
                ('[object "m"]\nqom-type = "memory-backend-ram"\n',
                 "f:2: Parameter 'size' is missing"),
                ('[memory]\nsize = "x"\n', "f:2: Parameter 'size' expects"),
                ('[drive "d"]\nfile = "x"\n', "f:2: there are no disks"),
                ('[machine]\nfoo = "1"\n', " Property 'pc-q35-11.1-machine.foo' not found")):
            with self.subTest(text=text[:40]):
                result = self.in_file(text)
                self.assertEqual(result.returncode, 1)
                self.assertTrue(result.stderr.startswith(f"cxlbox:{message}"), result.stderr)

    def test_files_that_cannot_be_read_are_named(self):
        self.assertEqual(run("-readconfig", "/nodir/f").stderr,
                         "cxlbox: -readconfig /nodir/f: Could not open '/nodir/f': "
                         "No such file or directory\n")
        self.assertIn("Cannot read config file: Is a directory", run("-readconfig", "/").stderr)


class Elsewhere(unittest.TestCase):
    def test_a_key_is_set_afterwards(self):
        with Machine(["-set", "device.cxl-vmem0.sn=77",
                      "-set", "device.cxl-vmem0.dc-event-log-size=9"]) as m:
            for name, value in (("sn", 77), ("dc-event-log-size", 9)):
                self.assertEqual(m.qmp.cmd("qom-get", path="/machine/peripheral/cxl-vmem0",
                                           property=name), value)

    def test_only_what_is_there_can_be_set(self):
        for text, message in (("a", "can't parse: \"a\""), ("device.x.y", "can't parse"),
                              ("device..y=z", "can't parse"), (".x.y=z", "can't parse"),
                              ("device.x.=z", "can't parse"),
                              ("nosuch.x.y=z", "There is no option group 'nosuch'"),
                              ("device.x.y=z", "there is no device \"x\" defined")):
            with self.subTest(text=text):
                self.assertIn(f"cxlbox: -set {text}: {message}", run("-set", text).stderr)
        self.assertIn("Property 'cxl-type3.nosuch' not found",
                      run(*TUTORIAL, "-set", "device.cxl-vmem0.nosuch=1").stderr)

    def test_a_global_is_a_default_of_its_type_and_those_derived(self):
        def event_log(*args):
            with Machine(args) as m:
                return m.qmp.cmd("qom-get", path="/machine/peripheral/cxl-vmem0",
                                 property="dc-event-log-size")

        key = "dc-event-log-size"
        self.assertEqual(event_log("-global", f"cxl-type3.{key}=7"), 7)
        self.assertEqual(event_log("-global", f"driver=cxl-type3,property={key},value=8"), 8)
        self.assertEqual(event_log("-global", f"cxl-type3.{key}=7", "-global",
                                   f"cxl-type3.{key}=9"), 9)
        self.assertEqual(event_log("-global", "e1000.mac=x"), 1024)
        self.assertEqual(event_log("-global", f"cxl-type3.{key}=7", "-set",
                                   f"device.cxl-vmem0.{key}=5"), 5)

    def test_a_bad_global_is_told_where_it_bites(self):
        self.assertIn("can't apply global cxl-type3.nosuch=1: "
                      "Property 'cxl-type3.nosuch' not found",
                      run(*TUTORIAL, "-global", "cxl-type3.nosuch=1").stderr)

    def test_a_global_of_no_type_is_a_warning(self):
        for text in ("nope.x=1", "driver=nope,property=x,value=1"):
            self.assertIn("warning: global nope.x has invalid class name",
                          run("-global", text, "-device", "nosuch").stderr)
        self.assertNotIn("invalid class name",
                         run("-global", "cxl-rp.port=1", "-device", "nosuch").stderr)


class Told(unittest.TestCase):
    """What QMP says of how the program can be started."""

    # Groups whose keys do not depend on what else is given.
    FIXED = {"action", "global", "machine", "memory", "mon", "msg", "name", "run-with"}

    def options(self):
        with Machine() as m:
            return {o["option"]: o["parameters"]
                    for o in m.qmp.cmd("query-command-line-options")}

    def unknown(self, group, key):
        """Whether the option refuses @key as none that it has."""
        flag = {"memory": "-m"}.get(group, f"-{group}")
        before = "c," if group == "mon" else ""
        return re.search(rf"Invalid parameter '{key}'|Property '[^']*\.{key}' not found",
                         run("-chardev", "null,id=c", flag, f"{before}{key}=?", *END).stderr
                         ) is not None

    def test_every_key_that_is_listed_is_one(self):
        options = self.options()
        for group in self.FIXED:
            self.assertTrue(options[group], group)
            self.assertTrue(self.unknown(group, "nosuch"), group)
            for param in options[group]:
                with self.subTest(group=group, key=param["name"]):
                    self.assertFalse(self.unknown(group, param["name"]))

    def test_what_is_refused_is_not_listed(self):
        options = self.options()
        self.assertIn("chardev", options)
        self.assertIn("smp-opts", options)
        self.assertNotIn("drive", options)
        with Machine() as m, self.assertRaisesRegex(QmpError, "^invalid option name: drive$"):
            m.qmp.cmd("query-command-line-options", option="drive")

    def test_one_option_alone(self):
        with Machine() as m:
            self.assertEqual(m.qmp.cmd("query-command-line-options", option="msg"), [
                {"option": "msg", "parameters": [{"name": "guest-name", "type": "boolean"},
                                                 {"name": "timestamp", "type": "boolean"}]}])

    def test_who_plays_the_host(self):
        for args, enabled in ((["-accel", "qtest"], "qtest"), ([], "host"), (["-M", "x-remote"], "none"),
                              (["-M", "x-remote", "-accel", "qtest"], "qtest")):
            with Machine(args, tutorial="-M" not in args) as m:
                self.assertEqual(m.qmp.cmd("query-accelerators"),
                                 {"enabled": enabled, "present": ["host", "qtest"]})


if __name__ == "__main__":
    unittest.main()
