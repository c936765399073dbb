/* SPDX-License-Identifier: Apache-2.0 */
/* -global: defaults for properties of devices, by type. */
#include "base/error.h"
#include "base/trace.h"
#include "qom.h"
#include "qom/device.h"

static void global_free(gpointer data)
{
	Global *g = data;

	g_free(g->driver);
	g_free(g->property);
	g_free(g->value);
	g_free(g);
}

void cxb_qom_add_global(CxbQom *qom, const char *driver, const char *property, const char *value)
{
	Global *g = g_new(Global, 1);

	if (!cxb_qom_find_type(qom, driver))
		cxb_warn("global %s.%s has invalid class name", driver, property);
	*g = (Global){ g_strdup(driver), g_strdup(property), g_strdup(value) };
	if (!qom->globals)
		qom->globals = g_ptr_array_new_with_free_func(global_free);
	g_ptr_array_add(qom->globals, g);
}

bool cxb_globals_apply(CxbObject *obj, GError **errp)
{
	const GPtrArray *globals = obj->qom->globals;

	for (guint i = 0; globals && i < globals->len; i++) {
		const Global *g = globals->pdata[i];

		if (!cxb_object_is(obj, g->driver) ||
		    cxb_object_set_text(obj, g->property, g->value, errp))
			continue;
		if (errp && *errp)
			g_prefix_error(errp, "can't apply global %s.%s=%s: ", g->driver,
				       g->property, g->value);
		return false;
	}
	return true;
}
