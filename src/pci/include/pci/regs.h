/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets and bits of PCI and PCI Express configuration space (PCIe 6.0, chapter 7). */
#ifndef CXB_PCI_REGS_H
#define CXB_PCI_REGS_H

/* Header, both types (7.5.1.1) */
#define PCI_VENDOR_ID   0x00
#define PCI_DEVICE_ID   0x02
#define PCI_COMMAND     0x04
#define PCI_STATUS      0x06
#define PCI_REVISION    0x08
#define PCI_CLASS       0x09 /* 3 bytes */
#define PCI_CACHE_LINE  0x0c
#define PCI_HEADER_TYPE 0x0e
#define PCI_BAR0        0x10
#define PCI_ROM         0x30
#define PCI_CAP_PTR     0x34
#define PCI_INT_LINE    0x3c
#define PCI_INT_PIN     0x3d

#define PCI_COMMAND_IO           0x0001
#define PCI_COMMAND_MEM          0x0002
#define PCI_COMMAND_MASTER       0x0004
#define PCI_COMMAND_PARITY       0x0040
#define PCI_COMMAND_SERR         0x0100
#define PCI_COMMAND_NO_INTX      0x0400
#define PCI_STATUS_CAPS          0x0010
#define PCI_STATUS_ERRORS        0xf900 /* each clears on writing one */
#define PCI_STATUS_SIGNALED_SERR 0x4000
#define PCI_STATUS_RECEIVED_SERR 0x4000 /* secondary status */
#define PCI_HEADER_MULTI         0x80
#define PCI_BAR_IO               0x1
#define PCI_BAR_64               0x4
#define PCI_BAR_PREFETCH         0x8

/* Type 0 header (7.5.1.2) */
#define PCI_SUBSYS_VENDOR 0x2c
#define PCI_SUBSYS_ID     0x2e

/* Type 1 header (7.5.1.3) */
#define PCI_PRIMARY_BUS     0x18
#define PCI_SECONDARY_BUS   0x19
#define PCI_SUBORDINATE     0x1a
#define PCI_IO_BASE         0x1c
#define PCI_IO_LIMIT        0x1d
#define PCI_SEC_STATUS      0x1e
#define PCI_MEM_BASE        0x20
#define PCI_MEM_LIMIT       0x22
#define PCI_PREF_BASE       0x24
#define PCI_PREF_LIMIT      0x26
#define PCI_PREF_BASE_HI    0x28
#define PCI_PREF_LIMIT_HI   0x2c
#define PCI_BRIDGE_CTL      0x3e
#define PCI_BRIDGE_CTL_SERR 0x0002
#define PCI_BRIDGE_CTL_SBR  0x0040

/* Capability ids */
#define PCI_CAP_MSI      0x05
#define PCI_CAP_VENDOR   0x09
#define PCI_CAP_SSVID    0x0d
#define PCI_CAP_PCIE     0x10
#define PCI_CAP_MSIX     0x11
#define PCI_EXT_AER      0x0001
#define PCI_EXT_DSN      0x0003
#define PCI_EXT_ACS      0x000d
#define PCI_EXT_ARI      0x000e
#define PCI_EXT_SRIOV    0x0010
#define PCI_EXT_REBAR    0x0015
#define PCI_EXT_DVSEC    0x0023
#define PCI_EXT_VF_REBAR 0x0024
#define PCI_EXT_DOE      0x002e

/* MSI (7.7.1), from the capability */
#define PCI_MSI_CTL        0x02
#define PCI_MSI_CTL_ENABLE 0x0001
#define PCI_MSI_CTL_MMC    0x000e
#define PCI_MSI_CTL_MME    0x0070
#define PCI_MSI_CTL_64     0x0080
#define PCI_MSI_CTL_MASK   0x0100
#define PCI_MSI_ADDR       0x04

/* MSI-X (7.7.2), from the capability */
#define PCI_MSIX_CTL        0x02
#define PCI_MSIX_CTL_FMASK  0x4000
#define PCI_MSIX_CTL_ENABLE 0x8000
#define PCI_MSIX_TABLE      0x04
#define PCI_MSIX_PBA        0x08

/* PCI Express capability (7.5.3), from the capability */
#define PCIE_FLAGS     0x02
#define PCIE_DEV_CAP   0x04
#define PCIE_DEV_CTL   0x08
#define PCIE_DEV_STA   0x0a
#define PCIE_LINK_CAP  0x0c
#define PCIE_LINK_CTL  0x10
#define PCIE_LINK_STA  0x12
#define PCIE_SLOT_CAP  0x14
#define PCIE_SLOT_CTL  0x18
#define PCIE_SLOT_STA  0x1a
#define PCIE_ROOT_CTL  0x1c
#define PCIE_ROOT_STA  0x20
#define PCIE_DEV_CAP2  0x24
#define PCIE_DEV_CTL2  0x28
#define PCIE_LINK_CAP2 0x2c
#define PCIE_LINK_CTL2 0x30
#define PCIE_LINK_STA2 0x32
#define PCIE_CAP_LEN   0x3c

#define PCIE_FLAGS_TYPE      0x00f0
#define PCIE_FLAGS_SLOT      0x0100
#define PCIE_FLAGS_MSG       0x3e00
#define PCIE_TYPE_ENDPOINT   0x0
#define PCIE_TYPE_LEGACY     0x1 /* an endpoint, too */
#define PCIE_TYPE_ROOT_PORT  0x4
#define PCIE_TYPE_UPSTREAM   0x5
#define PCIE_TYPE_DOWNSTREAM 0x6
#define PCIE_TYPE_INTEGRATED 0x9 /* an endpoint of the root complex */
#define PCIE_DEV_CAP_EXT_TAG 0x00000020u
#define PCIE_DEV_CAP_FLR     0x10000000 /* function level reset */
#define PCIE_DEV_CTL_PAYLOAD 0x00e0
#define PCIE_DEV_CTL_FLR     0x8000 /* starts one; reads 0 */
#define PCIE_LINK_SPEED      0x000f
#define PCIE_LINK_WIDTH      0x03f0
#define PCIE_LINK_CAP_L0S    0x00000400
#define PCIE_LINK_CAP_NOTIFY 0x00200000 /* bandwidth notification */
#define PCIE_LINK_CAP_DLLLA  0x00100000 /* the link status has the active bit */
#define PCIE_LINK_CTL_OFF    0x0010     /* link disable */
#define PCIE_LINK_STA_ACTIVE 0x2000
#define PCIE_LINK_STA2_FLITS 0x0400

#define PCIE_SLOT_CAP_PCP     0x00000002  /* power controller present */
#define PCIE_SLOT_CAP_HPC     0x00000040u /* hot-plug capable */
#define PCIE_SLOT_CAP_HOTPLUG 0x00000060u /* that, and by surprise */
#define PCIE_SLOT_CAP_NR      0xfff80000
#define PCIE_SLOT_CTL_ABP     0x0001 /* event enables */
#define PCIE_SLOT_CTL_PFD     0x0002
#define PCIE_SLOT_CTL_PDC     0x0008
#define PCIE_SLOT_CTL_CC      0x0010
#define PCIE_SLOT_CTL_HPI     0x0020
#define PCIE_SLOT_CTL_ATTN    0x00c0 /* indicators: 1 on, 2 blink, 3 off */
#define PCIE_SLOT_CTL_POWER   0x0300
#define PCIE_SLOT_CTL_OFF     0x0400 /* power controller: off */
#define PCIE_SLOT_CTL_LOCK    0x0800 /* toggle the interlock; reads 0 */
#define PCIE_SLOT_CTL_DLLSC   0x1000
#define PCIE_SLOT_STA_ABP     0x0001
#define PCIE_SLOT_STA_PDC     0x0008
#define PCIE_SLOT_STA_CC      0x0010
#define PCIE_SLOT_STA_PRES    0x0040
#define PCIE_SLOT_STA_LOCK    0x0080
#define PCIE_SLOT_STA_DLLSC   0x0100
#define PCIE_SLOT_STA_W1C     0x011f

/* Advanced error reporting (7.8.4), from the capability */
#define PCIE_AER_UNC_STA  0x04
#define PCIE_AER_UNC_MASK 0x08
#define PCIE_AER_UNC_SEV  0x0c
#define PCIE_AER_COR_STA  0x10
#define PCIE_AER_COR_MASK 0x14
#define PCIE_AER_CTL      0x18
#define PCIE_AER_HDR_LOG  0x1c
#define PCIE_AER_ROOT_CMD 0x2c
#define PCIE_AER_ROOT_STA 0x30
#define PCIE_AER_ROOT_SRC 0x34
#define PCIE_AER_LEN      0x48

#define PCIE_AER_CTL_FIRST        0x0000001fu /* first error pointer */
#define PCIE_AER_CMD_COR          0x00000001u
#define PCIE_AER_CMD_NONFATAL     0x00000002u
#define PCIE_AER_CMD_FATAL        0x00000004u
#define PCIE_AER_ROOT_COR         0x00000001u
#define PCIE_AER_ROOT_MULTI_COR   0x00000002u
#define PCIE_AER_ROOT_UNC         0x00000004u /* fatal or not */
#define PCIE_AER_ROOT_MULTI_UNC   0x00000008u
#define PCIE_AER_ROOT_FIRST_FATAL 0x00000010u
#define PCIE_AER_ROOT_NONFATAL    0x00000020u
#define PCIE_AER_ROOT_FATAL       0x00000040u
#define PCIE_AER_ROOT_EVENTS      0x0000007fu
#define PCIE_AER_ROOT_MSG         0xf8000000u

/* Data object exchange (7.9.24), from the capability */
#define PCIE_DOE_CAP   0x04
#define PCIE_DOE_CTL   0x08
#define PCIE_DOE_STA   0x0c
#define PCIE_DOE_WRITE 0x10
#define PCIE_DOE_READ  0x14
#define PCIE_DOE_LEN   0x18

#define PCIE_DOE_CAP_INT    0x00000001u
#define PCIE_DOE_CAP_VECTOR 0x00000ffeu
#define PCIE_DOE_CTL_ABORT  0x00000001u /* reads 0 */
#define PCIE_DOE_CTL_INT_EN 0x00000002u
#define PCIE_DOE_CTL_GO     0x80000000u /* reads 0 */
#define PCIE_DOE_STA_BUSY   0x00000001u
#define PCIE_DOE_STA_INT    0x00000002u /* clears on writing one */
#define PCIE_DOE_STA_ERROR  0x00000004u
#define PCIE_DOE_STA_READY  0x80000000u

/* Data objects (6.30.1): two dwords of header */
#define PCIE_DOE_OBJ_VENDOR 0x0000ffffu /* dword 0 */
#define PCIE_DOE_OBJ_TYPE   0x00ff0000u
#define PCIE_DOE_OBJ_LEN    0x0003ffffu /* dword 1; dwords, header included; 0: 2^18 */
#define PCIE_DOE_VENDOR_SIG 0x0001
#define PCIE_DOE_DISCOVERY  0x00

#endif
