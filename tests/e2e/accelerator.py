# SPDX-License-Identifier: Apache-2.0
"""A CXL accelerator served over vfio-user that can be wrong in every way, and keeps a log."""

import os
import socket
import struct
import threading
import time

MIB = 1 << 20
MEMORY = 256 * MIB
HOST_BASE = 0x2000000000
CXL = 0x80001e98
BAR_SIZE = 0x40000
BLOCK = 0x10000          # of component registers in BAR 0
HDM_IN_ARRAY = 0x40
MEM, REGS = 9, 10
READ, WRITE, MMAP, CAPS = 1, 2, 4, 8
EIO, EINVAL = 5, 22


def take(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


class Accelerator(threading.Thread):
    """Serves at path, to one client after another, until end().

    absorbs: registers are live and what is written to them is absorbed; else they are emulated.
    """

    def __init__(self, path, absorbs=False, committed=True, locked=False, **knobs):
        super().__init__(daemon=True)
        self.absorbs, self.committed, self.locked = absorbs, committed, locked
        self.flags = 1 | 2 | 1 << 9
        self.fail = set()           # kinds of register accesses that fail: "r", "w"
        self.fail_at = 0            # this register access fails, counted from 1
        self.accesses = 0
        self.stuck = False          # base is not taken
        self.delay = 0              # seconds before each answer
        self.never = False          # COMMITTED does not follow
        self.die_at = 0             # the connection ends at this register access
        self.mem_index, self.regs_index, self.n_regions = MEM, REGS, 11
        self.size = MEMORY
        self.mem_flags = READ | WRITE | MMAP | CAPS
        self.array = [0x02110001, 0x10020002, HDM_IN_ARRAY << 20 | 0x10005]
        self.log = []
        self.dma = []               # (address, size) of memory let to it
        self.resets = 0
        self.lock = threading.Lock()
        self.mem = os.memfd_create("accelerator")
        for knob, value in knobs.items():
            if not hasattr(self, knob):
                raise AttributeError(knob)
            setattr(self, knob, value)
        os.ftruncate(self.mem, self.size)
        self.bar = bytearray(BAR_SIZE)
        for off in range(0, BAR_SIZE, 4):
            struct.pack_into("<I", self.bar, off, 0x5c000000 | off)
        self.config = self.make_config()
        self.conn = None
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(1)
        self.start()

    def end(self):
        self.kill()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join()
        os.close(self.mem)

    def kill(self):
        """The connection is gone, as if the process were."""
        conn = self.conn
        if conn:
            conn.shutdown(socket.SHUT_RDWR)

    def revive(self):
        """It serves again, which it does by itself."""

    def pattern(self, off, data):
        os.pwrite(self.mem, data, off)

    def bytes_at(self, off, n):
        return os.pread(self.mem, n, off)

    def bar_at(self, off, n):
        return bytes(self.bar[off:off + n])

    def reads_fail(self, fail):
        self.fail = {"r"} if fail else set()

    def make_config(self):
        c = bytearray(4096)
        struct.pack_into("<HHHH", c, 0, 0x1234, 0xc2c2, 0, 0x10)
        c[0x0b], c[0x0a] = 0x03, 0x02
        struct.pack_into("<I", c, 0x10, 0x4)          # BAR 0: 64 bits
        c[0x34] = 0x80
        struct.pack_into("<BBHI", c, 0x80, 0x10, 0, 0x2, 0x10000000)   # PCIe endpoint, FLR
        struct.pack_into("<IIH", c, 0x100, 0x14010023, 0x03c01e98, 0)
        struct.pack_into("<HH", c, 0x10a, 0x00d7, 0x6)
        struct.pack_into("<IIH", c, 0x140, 0x10023, 0x01401e98, 8)
        struct.pack_into("<II", c, 0x14c, BLOCK | 0x100, 0)
        return c

    def reset(self):
        ctrl = 0
        if self.committed:
            ctrl = 0x700 if self.absorbs or self.locked else 0x600
        base = HOST_BASE if self.absorbs and self.committed else 0
        self.hdm = {0: 0, 4: 2, 0x10: base & 0xf0000000, 0x14: base >> 32,
                    0x18: self.size & 0xf0000000, 0x1c: self.size >> 32, 0x20: ctrl}
        if not self.committed:
            self.hdm[0x18] = self.hdm[0x1c] = 0
        self.resets += 1

    # --- registers ---

    def fails(self, kind):
        self.accesses += 1
        if self.accesses == self.die_at:
            raise EOFError
        return kind in self.fail or self.accesses == self.fail_at

    def regs_read(self, off, n):
        if n != 4 or off % 4:
            return EINVAL
        if self.fails("r"):
            return EIO
        with self.lock:
            self.log.append(("r", off))
        hdm = 0 if self.absorbs else HDM_IN_ARRAY
        if off < hdm:
            value = self.array[off // 4] if off // 4 < len(self.array) else 0
        else:
            value = self.hdm.get(off - hdm, 0)
        return struct.pack("<I", value)

    def regs_write(self, off, data):
        if len(data) != 4 or off % 4:
            return EINVAL
        value = struct.unpack("<I", data)[0]
        if self.fails("w"):
            return EIO
        with self.lock:
            self.log.append(("w", off, value))
        if self.absorbs or off < HDM_IN_ARRAY:
            return b""
        off -= HDM_IN_ARRAY
        ctrl = self.hdm[0x20]
        if off == 0x20 and ctrl & 0x100:
            self.hdm[0x20] = ctrl if value & 0x100 else ctrl & ~0x100
        elif off == 0x20:
            commits = value & 0x200 and not self.never
            self.hdm[0x20] = value & ~0x1c00 | (0x400 if commits else 0)
        elif off in (0x10, 0x14, 0x18, 0x1c) and not ctrl & 0x100:
            if not self.stuck or off >= 0x18:
                self.hdm[off] = value & 0xf0000000 if off % 8 == 0 else value
        elif off == 4:
            self.hdm[4] = value & 2
        return b""

    # --- regions ---

    def region(self, index):
        """Flags, size, capabilities, descriptor."""
        cap = struct.Struct("<HHI")
        if index == 0:
            return READ | WRITE, BAR_SIZE, b"", None
        if index == 7:
            return READ | WRITE, 4096, b"", None
        if index == self.mem_index:
            fd = self.mem if self.mem_flags & MMAP else None
            return self.mem_flags, self.size, cap.pack(2, 1, 0) + struct.pack("<II", CXL, 1), fd
        if index == self.regs_index:
            size = 0x30 if self.absorbs else HDM_IN_ARRAY + 0x30
            caps = cap.pack(2, 1, 48 if self.absorbs else 0) + struct.pack("<II", CXL, 2)
            if self.absorbs:
                caps += cap.pack(6, 1, 0) + struct.pack("<IIQ", 0, 0, BLOCK + 0x1000 + 0x40)
            return READ | WRITE | CAPS, size, caps, None
        return 0, 0, b"", None

    def read(self, index, off, n):
        if index == self.regs_index:
            return self.regs_read(off, n)
        if index == 7:
            return bytes(self.config[off:off + n])
        if index == 0:
            return bytes(self.bar[off:off + n])
        return EINVAL

    def write(self, index, off, data):
        if index == self.regs_index:
            return self.regs_write(off, data)
        if index == 7:
            written = range(off, off + len(data))
            if 0x110 in written and data[0x110 - off] & 4:
                self.reset()        # CXL reset
            elif 0x89 in written and data[0x89 - off] & 0x80:
                self.reset()        # function level reset
            elif off < 0x100 or off >= 0x140:
                self.config[off:off + len(data)] = data
            return b""
        if index == 0:
            self.bar[off:off + len(data)] = data
            return b""
        return EINVAL

    # --- messages ---

    def answer(self, command, body):
        """Body of the answer and a descriptor to go with it, or an errno."""
        if command == 1:
            text = b'{"capabilities":{"max_msg_fds":1,"max_data_xfer_size":1048576}}\0'
            return struct.pack("<HH", 0, 1) + text, None
        if command == 2:
            self.dma.append(struct.unpack_from("<QQ", body, 16))
        if command == 4:
            return struct.pack("<IIII", 16, self.flags, self.n_regions, 5), None
        if command == 5:
            index = struct.unpack_from("<I", body, 8)[0]
            flags, size, caps, fd = self.region(index)
            return struct.pack("<IIIIQQ", 32 + len(caps), flags, index, 32 if caps else 0, size,
                               0) + caps, fd
        if command == 7:
            index = struct.unpack_from("<I", body, 8)[0]
            return struct.pack("<IIII", 16, 0, index, 0), None
        if command == 9:
            off, index, n = struct.unpack_from("<QII", body)
            data = self.read(index, off, n)
            return data if isinstance(data, int) else (body[:16] + data, None)
        if command == 10:
            off, index, n = struct.unpack_from("<QII", body)
            data = self.write(index, off, body[16:])
            return data if isinstance(data, int) else (body[:16], None)
        if command == 13:
            self.reset()
        return b"", None

    def serve(self, conn):
        while True:
            head, fds, _, _ = socket.recv_fds(conn, 16, 8)
            for fd in fds:
                os.close(fd)
            if not head:
                return
            head += take(conn, 16 - len(head))
            mid, command, size, flags, _ = struct.unpack("<HHIII", head)
            body = take(conn, size - 16)
            time.sleep(self.delay)
            got = self.answer(command, body)
            if isinstance(got, int):
                out, fd, flags, error = b"", None, 0x21, got
            else:
                (out, fd), flags, error = got, 1, 0
            message = struct.pack("<HHIII", mid, command, 16 + len(out), flags, error) + out
            if fd is None:
                conn.sendall(message)
            else:
                sent = socket.send_fds(conn, [message], [fd])
                conn.sendall(message[sent:])

    def run(self):
        while True:
            try:
                self.conn, _ = self.listener.accept()
            except OSError:
                return
            self.dma.clear()
            self.reset()            # each opening finds it fresh
            try:
                with self.conn:
                    self.serve(self.conn)
            except (EOFError, ConnectionError):
                pass
            self.conn = None
