/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that are served to machines elsewhere. */
#include "internal.h"

void cxb_pci_host_set_remote(CxbPciHost *host)
{
	host->remote = true;
}

bool cxb_pci_serve(CxbPciDev *dev, const CxbPciServer *server, GError **errp)
{
	if (server && dev->server)
		return cxb_fail(errp, CXB_ERROR_BUSY, "Device '%s' is in use by '%s'",
				dev->dev.id ?: dev->dev.obj.name, dev->server->name);
	dev->server = server;
	dev->dev.user = server ? server->name : NULL;
	return true;
}

void cxb_pci_served_ready(CxbPciDev *dev, unsigned first, unsigned n)
{
	msix_flush(dev, first, n);
}

void cxb_pci_served_to(CxbPciDev *dev, bool somebody)
{
	const CxbPciClass *k = pci_class(dev);

	dev->served = somebody;
	if (k->served)
		k->served(dev, somebody);
}
