# SPDX-License-Identifier: Apache-2.0
"""The initramfs of a test's guest, made of what is in the tree of peers: busybox, cxl, daxctl, their
libraries and the kernel's modules for CXL. This checkout's programs are added behind it."""

import io
import lzma
import os
import re
import stat
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
LIB = "usr/lib/x86_64-linux-gnu"
LOADER = "lib64/ld-linux-x86-64.so.2"
PROGRAMS = ("cxl", "daxctl", "ndctl")
# In the order in which they can be loaded. Without dax_cxl no region of RAM gets a DAX device.
MODULES = ("libnvdimm", "cxl_pmem", "cxl_mem", "cxl_acpi", "cxl_pci", "device_dax", "dax_hmem", "dax_cxl",
           "kmem")
# For namespaces of persistent memory; loaded by who wants them.
PMEM_MODULES = ("nd_btt", "nd_pmem", "dax_pmem")
ALIGN = 512  # the kernel wants 4; it skips zeros between archives


def archive(files):
    """A "newc" archive of @files: {path: bytes, or a pair of mode and bytes}; a mode alone makes a
    directory. Directories above a path come by themselves."""
    out, made = io.BytesIO(), set()

    def entry(name, mode, data=b""):
        fields = (len(made) + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out.write(b"070701" + "".join(f"{field:08x}" for field in fields).encode())
        for part in (name.encode() + b"\0", data):
            out.write(part)
            out.write(bytes(-out.tell() % 4))
        made.add(name)

    for path, content in files.items():
        path = path.strip("/")
        parts = path.split("/")
        for n in range(1, len(parts)):
            parent = "/".join(parts[:n])
            if parent not in made:
                entry(parent, stat.S_IFDIR | 0o755)
        mode, data = content if isinstance(content, tuple) else (stat.S_IFREG | 0o755, content)
        entry(path, mode, data)
    entry("TRAILER!!!", 0)
    out.write(bytes(-out.tell() % ALIGN))
    return out.getvalue()


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def libraries(tree, program):
    """Paths of the libraries that @program of @tree loads, asked of the tree's own loader."""
    said = subprocess.run([os.path.join(tree, LOADER), "--library-path", os.path.join(tree, LIB),
                           "--list", program], capture_output=True, text=True, timeout=60, check=True)
    return re.findall(r"=> (\S+/lib/\S+) ", said.stdout)


def program(path):
    """The files of a program of this machine with its libraries, and the command that runs it: the
    guest's libraries are another system's."""
    name = os.path.basename(path)
    files = {f"host/{name}": read(path)}
    said = subprocess.run(["ldd", path], capture_output=True, text=True, timeout=60, check=True)
    for library in re.findall(r"(/\S+) \(0x", said.stdout):
        files[f"host/lib/{os.path.basename(library)}"] = read(library)
    loader = os.path.basename(LOADER)
    return files, f"/host/lib/{loader} --library-path /host/lib /host/{name}"


def modules(tree):
    """{name: path} of the modules of the tree's kernel."""
    top = os.path.join(tree, "usr/lib/modules/current")
    with open(os.path.join(top, "modules.dep"), encoding="ascii") as f:
        paths = [line.partition(":")[0] for line in f]
    return {os.path.basename(path).partition(".")[0]: os.path.join(top, path) for path in paths}


def contents(tree):
    """The files of the image."""
    files = {"init": read(HERE, "init"), "dev": (stat.S_IFDIR | 0o755, b""),
             "proc": (stat.S_IFDIR | 0o755, b""), "sys": (stat.S_IFDIR | 0o755, b""),
             "run": (stat.S_IFDIR | 0o755, b""), "tmp": (stat.S_IFDIR | 0o777, b""),
             "bin/busybox": read(tree, "usr/bin/busybox"), LOADER: read(tree, LOADER)}
    applets = subprocess.run([os.path.join(tree, "usr/bin/busybox"), "--list"], capture_output=True,
                             text=True, timeout=60, check=True).stdout.split()
    for applet in applets:
        files.setdefault(f"bin/{applet}", (stat.S_IFLNK | 0o777, b"busybox"))
    for program in PROGRAMS:
        path = os.path.join(tree, "usr/bin", program)
        files[f"bin/{program}"] = read(path)
        for library in libraries(tree, path):
            files[f"{LIB}/{os.path.basename(library)}"] = read(library)
    found = modules(tree)
    for module in MODULES + PMEM_MODULES:
        files[f"modules/{module}.ko"] = lzma.decompress(read(found[module]))
    return files


def base(tree):
    """The image's bytes, made anew each time: it takes less time than to find out whether a kept one is
    still what would be made."""
    return archive(contents(tree))
