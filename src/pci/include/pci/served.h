/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a function shows to those it is served to beyond what every PCI function has: regions of its
 * own, in the terms of VFIO, with VFIO's numbers: 0 to 5 BARs, 6 ROM, 7 configuration space, 8 VGA,
 * from CXB_PCI_SERVED_OWN on what the function makes of it.
 */
#ifndef CXB_PCI_SERVED_H
#define CXB_PCI_SERVED_H

#include "pci/pci.h"

#define CXB_PCI_SERVED_OWN 9

typedef struct {
	uint64_t size;   /* 0: there is no such region */
	int fd;          /* borrowed; all of it can be mapped, or what @caps says; -1: nothing */
	uint64_t fd_off; /* where the region begins in the file */
	const GByteArray
		*caps; /* borrowed: the chain of capabilities as in VFIO's region info, behind
				 * which it follows (@next counts from there); NULL: there are none */
} CxbPciServedRegion;

struct CxbPciServedOps {
	/* VFIO's flags of the device, beyond that it is PCI and can be reset. */
	uint32_t (*flags)(CxbPciDev *dev);
	/* How many regions there are, those of every function among them. */
	unsigned (*regions)(CxbPciDev *dev);
	/* False: region @index is as every function has it. */
	bool (*region)(CxbPciDev *dev, unsigned index, CxbPciServedRegion *out);
	/* Access to a region from CXB_PCI_SERVED_OWN on, which need not lie in it. Returns: how many
	 * bytes, or -errno; -ESHUTDOWN: there is no answer, and no other will be. */
	int (*read)(CxbPciDev *dev, unsigned index, uint64_t off, void *buf, size_t len);
	int (*write)(CxbPciDev *dev, unsigned index, uint64_t off, const void *buf, size_t len);
	/* Who is served asks for a reset, instead of a conventional one. Optional. */
	void (*reset)(CxbPciDev *dev);
};

#endif
