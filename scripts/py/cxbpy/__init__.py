# SPDX-License-Identifier: Apache-2.0
"""What the demo, the end-to-end tests and the benches share: starting cxlbox (or QEMU) and
speaking QMP and qtest to it. Standard library only."""
