# SPDX-License-Identifier: Apache-2.0
"""What cxl-guest-window needs of a guest's QEMU beside fakeqemu: a function's configuration space behind the
ports CF8h and CFCh, query-pci, and a machine that runs, stands and is reset."""

import re

from fakeqemu import Failure, FakeQemu

GUESTS_ADDRESS = 0x8000f8dc  # the guest was about to read something else


class FakePci(FakeQemu):
    def __init__(self, path, bars, device="w0", slot=0x1d, function=1, bus=0, running=True, others=()):
        """@bars: {number: size}, of 64 bits; @others: (slot, function) of further devices."""
        self.bars, self.device, self.others = bars, device, others
        self.slot, self.function, self.bus = slot, function, bus
        self.running = running
        self.address = GUESTS_ADDRESS
        self.lines = []  # of the human monitor
        self.wrong = {}  # what it says instead, by line; "query-pci": there
        self.stray = []  # written while the machine ran, or to nobody
        self.clear()
        super().__init__(path)

    def clear(self):
        self.config = {"command": 0, **{bar: 0 for bar in self.bars}}

    def query_pci(self):
        if "query-pci" in self.wrong:
            return self.wrong["query-pci"]
        regions = [{"bar": bar, "type": "memory", "size": size, "prefetch": True, "mem_type_64": True,
                    "address": self.config[bar] if self.config["command"] & 2 and self.config[bar] else -1}
                   for bar, size in self.bars.items()]
        devices = [{"bus": self.bus, "slot": slot, "function": function, "qdev_id": "", "regions": []}
                   for slot, function in ((0, 0), *self.others)]
        devices.append({"bus": self.bus, "slot": self.slot, "function": self.function, "qdev_id": self.device,
                        "regions": regions})
        return [{"bus": 12, "devices": []}, {"bus": self.bus, "devices": devices}]

    def query_status(self):
        return {"running": self.running, "status": "running" if self.running else "paused"}

    def stop(self):
        self.running = False
        return {}

    def cont(self):
        self.running = True
        return {}

    def human_monitor_command(self, command_line):
        self.lines.append(command_line)
        if command_line in self.wrong:
            return self.wrong[command_line]
        if command_line == "i /w 0xcf8":
            return f"portl[0x0cf8] = {self.address:#010x}\r\n"
        size, port, value = re.fullmatch(r"o /([hw]) 0x(cf8|cfc) 0x([0-9a-f]+)", command_line).groups()
        if self.running:
            self.stray.append(command_line)
        self.write(4 if size == "w" else 2, int(port, 16), int(value, 16))
        return ""

    def write(self, size, port, value):
        if port == 0xcf8:
            self.address = value
            return
        at, offset = self.address & ~0xff, self.address & 0xff
        bar = (offset - 0x10) // 8 * 2
        if at != 0x80000000 | self.bus << 16 | self.slot << 11 | self.function << 8:
            self.stray.append((hex(self.address), value))
        elif (offset, size) == (4, 2):
            self.config["command"] = value
        elif size == 4 and bar in self.config:
            low, high = self.config[bar] & 0xffffffff, self.config[bar] >> 32
            low, high = (value, high) if offset % 8 == 0 else (low, value)
            self.config[bar] = (high << 32 | low) & -self.bars[bar]
        else:
            raise Failure(f"{size} bytes at {offset:#x}")

    # --- for tests ---

    def reset(self):
        with self.lock:
            self.clear()
            self.tell({"event": "RESET", "data": {"guest": True, "reason": "guest-reset"},
                       "timestamp": {"seconds": 1, "microseconds": 0}})

    def placed(self):
        with self.lock:
            return {bar: self.config[bar] for bar in self.bars} if self.config["command"] == 2 else {}
