# SPDX-License-Identifier: Apache-2.0
"""CRC-32C (Castagnoli), one bit after the other."""


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff
