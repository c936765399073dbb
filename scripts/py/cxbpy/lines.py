# SPDX-License-Identifier: Apache-2.0
"""Lines from a socket, long and short ones alike."""

import socket


def connect_unix(path, timeout):
    """A stream connected to @path; nothing is left open on failure."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return sock


class Lines:
    """Reads ahead; a line may be megabytes long."""

    # Below malloc's threshold for mapping memory anew at each call.
    CHUNK = 64 << 10

    def __init__(self, sock):
        self.sock = sock
        self.buffer = bytearray()

    def next(self):
        """The next line, without its end."""
        buffer, end = self.buffer, self.buffer.find(b"\n")
        while end < 0:
            seen = len(buffer)
            data = self.sock.recv(self.CHUNK)
            if not data:
                raise EOFError("the peer closed the connection")
            buffer += data
            end = buffer.find(b"\n", seen)
        line = bytes(buffer[:end])
        del buffer[:end + 1]
        return line
