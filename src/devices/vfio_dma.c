/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the machine, let to a device that is passed through: by descriptor, and by message. */
#include "vfio.h"

#include <errno.h>
#include <inttypes.h>

#include "base/error.h"
#include "memory/guard.h"

bool vfio_dma_map_memory(CxbPciDev *dev, GError **errp)
{
	VfioPci *v = vfio_pci(dev);
	unsigned n;
	const CxbPciMemory *memory = cxb_pci_host_memory(cxb_pci_dev_bus(dev)->host, &n);

	for (unsigned i = 0; i < n && !v->memory_let; i++) {
		CxbVfioDma dma = { .iova = memory[i].hpa, .size = memory[i].len };
		int err;

		dma.fd = cxb_hostmem_fd(memory[i].mem, &dma.fd_off);
		dma.fd_off += memory[i].mem_off;
		err = cxb_vfio_dma_map(v->dev, &dma);
		if (err)
			return cxb_fail_errno(errp, err,
					      "%s: memory at 0x%" PRIx64 ", 0x%" PRIx64
					      " bytes, cannot be mapped for DMA",
					      v->path, dma.iova, dma.size);
	}
	v->memory_let = n;
	return true;
}

int vfio_dma_read(void *opaque, uint64_t iova, void *buf, size_t len)
{
	const VfioPci *v = opaque;
	const void *from = cxb_pci_memory_ptr(&v->pci, iova, len);

	if (!from)
		return ENODEV;
	return cxb_guard_copy(buf, from, len, from, len) ? 0 : EFAULT;
}

int vfio_dma_write(void *opaque, uint64_t iova, const void *buf, size_t len)
{
	const VfioPci *v = opaque;
	void *to = cxb_pci_memory_ptr(&v->pci, iova, len);

	if (!to)
		return ENODEV;
	return cxb_guard_copy(to, buf, len, to, len) ? 0 : EFAULT;
}
