# SPDX-License-Identifier: Apache-2.0
"""Running cxlbox-qemu."""

import os
import subprocess
import tempfile

PROGRAM = os.environ.get("CXLBOX_QEMU") or os.path.normpath(os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "../../build/src/tools/cxlbox-qemu"))


def run(*args, env=None):
    """It ends by itself: what it has said."""
    result = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60,
                            stdin=subprocess.DEVNULL, check=False, env=env)
    assert "Sanitizer" not in result.stderr, result.stderr
    return result


def table(*args):
    """The table CEDT for the guest of that line, out of the archive that is made for its initramfs."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "archive")
        result = run("--dry-run", "--cedt", path, *args)
        assert result.returncode == 0, result.stderr
        with open(path, "rb") as f:
            data = f.read()
    # "newc": 6 characters, 13 fields of 8 hexadecimal digits, the name, to a multiple of 4
    size = int(data[54:62], 16)
    assert data[110:140] == b"kernel/firmware/acpi/CEDT.aml\0", data[110:140]
    return data[140:140 + size]
