# SPDX-License-Identifier: Apache-2.0
"""What cxl-guest-window needs of a guest's QEMU beside fakeqemu: a function's configuration space behind the
ports CF8h and CFCh, query-pci, and a machine that runs, stands and is reset."""

import re

from fakeqemu import Failure, FakeQemu

GUESTS_ADDRESS = 0x8000f8dc  # the guest was about to read something else


class Function:
    """@bars: {number: size}, of 64 bits."""

    def __init__(self, device, bars, slot=0x1d, function=1):
        self.device, self.bars, self.slot, self.function = device, bars, slot, function
        self.clear()

    def clear(self):
        self.command, self.at = 0, {bar: 0 for bar in self.bars}

    def write(self, offset, size, value):
        bar = (offset - 0x10) // 8 * 2
        if (offset, size) == (4, 2):
            self.command = value
        elif size == 4 and bar in self.bars:
            low, high = self.at[bar] & 0xffffffff, self.at[bar] >> 32
            low, high = (value, high) if offset % 8 == 0 else (low, value)
            self.at[bar] = (high << 32 | low) & -self.bars[bar]
        else:
            raise Failure(f"{size} bytes at {offset:#x}")

    def describe(self, bus):
        return {"bus": bus, "slot": self.slot, "function": self.function, "qdev_id": self.device, "regions": [
            {"bar": bar, "type": "memory", "size": size, "prefetch": True, "mem_type_64": True,
             "address": self.at[bar] if self.command & 2 and self.at[bar] else -1} for bar, size in self.bars.items()]}


class FakePci(FakeQemu):
    def __init__(self, path, functions, bus=0, running=True):
        self.functions, self.bus, self.running = functions, bus, running
        self.address = GUESTS_ADDRESS
        self.lines = []  # of the human monitor
        self.wrong = {}  # what it says instead, by line; "query-pci": there
        self.stray = []  # written while the machine ran, or to nobody
        self.clear()
        super().__init__(path)

    def clear(self):
        for f in self.functions:
            f.clear()

    def query_pci(self):
        if "query-pci" in self.wrong:
            return self.wrong["query-pci"]
        return [{"bus": 12, "devices": []},
                {"bus": self.bus, "devices": [Function("", {}, 0, 0).describe(self.bus)] +
                                             [f.describe(self.bus) for f in self.functions]}]

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
        for f in self.functions:
            if self.address & ~0xff == 0x80000000 | self.bus << 16 | f.slot << 11 | f.function << 8:
                f.write(self.address & 0xff, size, value)
                return
        self.stray.append((hex(self.address), value))

    # --- for tests ---

    def reset(self):
        with self.lock:
            self.clear()
            self.tell({"event": "RESET", "data": {"guest": True, "reason": "guest-reset"},
                       "timestamp": {"seconds": 1, "microseconds": 0}})

    def placed(self):
        """{device: {number: address}} of those that answer."""
        with self.lock:
            return {f.device: dict(f.at) for f in self.functions if f.command == 2}
