/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of bus there are, and the choice of one by its name. */
#include "busclient/client.h"

#include <string.h>

#include "base/error.h"
#include "busclient/qtest.h"
#include "busclient/sysfs.h"

struct CxbBusClient {
	const CxbBusClientKind *kind;
	CxbBus *bus;
};

static const CxbBusClientKind *const kinds[] = {
	&cxb_bus_qtest_kind,
	&cxb_bus_sysfs_kind,
};

/* What stands behind the colon of @bus, if it is of @kind. */
static const char *where_of(const CxbBusClientKind *kind, const char *bus)
{
	const size_t len = strlen(kind->scheme);

	return strncmp(bus, kind->scheme, len) == 0 && bus[len] == ':' && bus[len + 1]
		       ? bus + len + 1
		       : NULL;
}

CxbBusClient *cxb_bus_client_open(const char *text, CxbWorkq *workq, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "bus", false, errp);
	g_autofree char *usage = cxb_bus_client_usage();
	const CxbBusClientKind *kind = NULL;
	const char *bus, *where = NULL;
	CxbBusClient *client;

	if (!opts || !cxb_opts_get_str(opts, "bus", &bus, errp))
		return NULL;
	for (unsigned i = 0; bus && !where && i < G_N_ELEMENTS(kinds); i++) {
		kind = kinds[i];
		where = where_of(kind, bus);
	}
	if (!where) {
		cxb_fail(errp, CXB_ERROR_INVALID, "expected %s", usage);
		return NULL;
	}
	client = g_new0(CxbBusClient, 1);
	client->kind = kind;
	client->bus = kind->open(where, opts, workq, errp);
	if (client->bus && (!kind->firmware || kind->firmware(client->bus, errp)))
		return client;
	cxb_bus_client_close(client);
	return NULL;
}

void cxb_bus_client_close(CxbBusClient *client)
{
	if (!client)
		return;
	if (client->bus)
		client->kind->close(client->bus);
	g_free(client);
}

CxbBus *cxb_bus_client_bus(CxbBusClient *client)
{
	return client->bus;
}

bool cxb_bus_client_poll(CxbBusClient *client, bool all, bool *any, GError **errp)
{
	return client->kind->poll(client->bus, all, any, errp);
}

bool cxb_bus_client_memory(CxbBusClient *client, int *fd, GError **errp)
{
	*fd = -1;
	return !client->kind->memory || client->kind->memory(client->bus, fd, errp);
}

char *cxb_bus_client_usage(void)
{
	GString *usage = g_string_new(NULL);

	for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++)
		g_string_append_printf(usage, "%s%s", i ? " | " : "", kinds[i]->usage);
	return g_string_free(usage, FALSE);
}

bool cxb_bus_client_opts_done(CxbOpts *opts, GError **errp)
{
	const char *unused = cxb_opts_unused(opts);

	return !unused || cxb_fail(errp, CXB_ERROR_INVALID, "Invalid parameter '%s'", unused);
}
