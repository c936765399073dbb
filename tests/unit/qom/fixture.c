/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void note(CxbObject *obj, const char *what)
{
	GString *journal = cxb_qom_get_service(obj->qom, "journal");

	if (journal)
		g_string_append_printf(journal, "%s %s;", what,
				       obj->name ? obj->name : obj->type->name);
}

/* memory-backend-ram */

static bool check_size(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	g_assert_cmpint(v->kind, ==, CXB_SCALAR_UINT);
	return v->u || cxb_fail(errp, CXB_ERROR_INVALID,
				"property 'size' of %s doesn't take value '0'", obj->type->name);
}

static bool target_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		       GError **errp)
{
	if (v->kind != CXB_SCALAR_TEXT && v->kind != CXB_SCALAR_STR)
		return cxb_fail(errp, CXB_ERROR_INVALID, "bad target");
	g_ptr_array_add(((Backend *)obj)->targets, g_strdup_printf("%s=%s", key, v->s));
	return true;
}

static bool secret_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		       GError **errp)
{
	return true;
}

static bool base_complete(CxbObject *obj, GError **errp)
{
	note(obj, "base-complete");
	return true;
}

static bool ram_complete(CxbObject *obj, GError **errp)
{
	note(obj, "complete");
	return !((Backend *)obj)->fail || cxb_fail(errp, CXB_ERROR_SYSTEM, "no memory left");
}

static bool ram_can_delete(CxbObject *obj, GError **errp)
{
	return !((Backend *)obj)->share ||
	       cxb_fail(errp, CXB_ERROR_BUSY,
			"Cannot delete host memory backend '%s' which is mapped", obj->name);
}

static void base_init(CxbObject *obj)
{
	note(obj, "base-init");
	((Backend *)obj)->targets = g_ptr_array_new_with_free_func(g_free);
}

static void base_unparent(CxbObject *obj)
{
	note(obj, "base-unparent");
}

static void base_finalize(CxbObject *obj)
{
	note(obj, "base-finalize");
	g_ptr_array_unref(((Backend *)obj)->targets);
}

static void ram_init(CxbObject *obj)
{
	note(obj, "init");
	g_assert_cmpuint(((Backend *)obj)->limit, ==, 0); /* defaults come later */
}

static void ram_unparent(CxbObject *obj)
{
	note(obj, "unparent");
}

static void ram_leave(CxbObject *obj)
{
	note(obj, "leave");
}

static void ram_finalize(CxbObject *obj)
{
	note(obj, "finalize");
}

static const char *const policies[] = { "default", "bind", "interleave", NULL };

static const CxbProp base_props[] = {
	{ .name = "size",
	  .kind = CXB_PROP_SIZE,
	  .offset = offsetof(Backend, size),
	  .desc = "bytes",
	  .check = check_size },
	{ .name = "share", .kind = CXB_PROP_BOOL, .offset = offsetof(Backend, share) },
	{ 0 },
};

static const CxbProp ram_props[] = {
	{ .name = "fail", .kind = CXB_PROP_BOOL, .offset = offsetof(Backend, fail), .def = "off" },
	{ .name = "mem-path",
	  .kind = CXB_PROP_STR,
	  .offset = offsetof(Backend, path),
	  .desc = "file to map",
	  .def = "/dev/shm" },
	{ .name = "policy",
	  .kind = CXB_PROP_ENUM,
	  .offset = offsetof(Backend, policy),
	  .names = policies,
	  .def = "bind" },
	{ .name = "limit",
	  .kind = CXB_PROP_SIZE,
	  .offset = offsetof(Backend, limit),
	  .flags = CXB_PROP_LIVE,
	  .desc = "bytes, may change at run time",
	  .def = "1.5K" },
	{ .name = "targets",
	  .kind = CXB_PROP_FN,
	  .flags = CXB_PROP_LIST,
	  .set = target_set,
	  .type_name = "list" },
	{ .name = "secret", .kind = CXB_PROP_FN, .flags = CXB_PROP_HIDDEN, .set = secret_set },
	{ 0 },
};

static const int backend_klass = 7;

static const CxbType base_type = {
	.name = "memory-backend",
	.size = sizeof(Backend),
	.flags = CXB_TYPE_ABSTRACT | CXB_TYPE_USER_OBJECT,
	.props = base_props,
	.klass = &backend_klass,
	.init = base_init,
	.complete = base_complete,
	.can_delete = ram_can_delete,
	.unparent = base_unparent,
	.finalize = base_finalize,
};

static const CxbType ram_type = {
	.name = "memory-backend-ram",
	.parent = "memory-backend",
	.desc = "anonymous memory",
	.flags = CXB_TYPE_USER_OBJECT,
	.props = ram_props,
	.init = ram_init,
	.complete = ram_complete,
	.unparent = ram_unparent,
	.leave = ram_leave,
	.finalize = ram_finalize,
};

static const CxbType plain_type = {
	.name = "memory-backend-plain",
	.parent = "memory-backend",
	.flags = CXB_TYPE_USER_OBJECT,
};

static const CxbType other_type = { .name = "other", .flags = CXB_TYPE_USER_OBJECT };

/* devices */

static bool addr_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		     GError **errp)
{
	uint64_t u;

	if (v->kind == CXB_SCALAR_UINT)
		u = v->u;
	else if (v->kind != CXB_SCALAR_TEXT || !cxb_parse_uint(v->s, 31, &u))
		return cxb_fail(errp, CXB_ERROR_INVALID, "Property '%s.addr' doesn't take value",
				obj->type->name);
	((Endpoint *)obj)->addr = u;
	return true;
}

static bool addr_get(CxbObject *obj, const CxbProp *prop, CxbScalar *out, GError **errp)
{
	*out = (CxbScalar){ .kind = CXB_SCALAR_UINT, .u = ((Endpoint *)obj)->addr };
	return true;
}

static const CxbProp device_props[] = {
	{ .name = "multifunction",
	  .kind = CXB_PROP_BOOL,
	  .offset = offsetof(Endpoint, multifunction),
	  .desc = "on/off",
	  .def = "off" },
	{ .name = "bus_nr",
	  .kind = CXB_PROP_U8,
	  .offset = offsetof(Endpoint, bus_nr),
	  .type_name = "busnr" },
	{ .name = "host-id", .kind = CXB_PROP_U16, .offset = offsetof(Endpoint, host) },
	{ .name = "speed",
	  .kind = CXB_PROP_U32,
	  .offset = offsetof(Endpoint, speed),
	  .def = "0x40" },
	{ .name = "sn", .kind = CXB_PROP_U64, .offset = offsetof(Endpoint, sn) },
	{ .name = "membar", .kind = CXB_PROP_SIZE, .offset = offsetof(Endpoint, membar) },
	{ .name = "memdev",
	  .kind = CXB_PROP_LINK,
	  .offset = offsetof(Endpoint, memdev),
	  .desc = "memory",
	  .link_type = "memory-backend" },
	{ .name = "anything", .kind = CXB_PROP_LINK, .offset = offsetof(Endpoint, anything) },
	{ .name = "addr",
	  .kind = CXB_PROP_FN,
	  .desc = "Slot and optional function number, example: 06.0 or 06",
	  .def = "0",
	  .type_name = "int32",
	  .set = addr_set,
	  .get = addr_get },
	{ .name = "fail", .kind = CXB_PROP_BOOL, .offset = offsetof(Endpoint, fail) },
	{ 0 },
};

static bool endpoint_realize(CxbDevice *dev, GError **errp)
{
	note(&dev->obj, "realize");
	g_assert_false(dev->realized);
	return !((Endpoint *)dev)->fail ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "at least one memdev property must be set");
}

static void endpoint_unrealize(CxbDevice *dev)
{
	note(&dev->obj, "unrealize");
	g_assert_nonnull(dev->bus);
}

static void endpoint_reset(CxbDevice *dev, CxbResetKind kind)
{
	note(&dev->obj, "reset");
	if (((Endpoint *)dev)->sn == 99) /* an unplug that waited for this */
		cxb_device_remove(dev);
}

static bool bridge_realize(CxbDevice *dev, GError **errp)
{
	Endpoint *rp = (Endpoint *)dev;
	const CxbType *type = cxb_qom_find_type(dev->obj.qom, "PCIE");

	note(&dev->obj, "realize");
	rp->bus = cxb_dev_bus_new(dev->obj.qom, type, dev->id ? dev->id : "anon", dev, NULL, errp);
	if (!rp->bus)
		return false;
	rp->bus->hotplug = true;
	return !rp->fail || cxb_fail(errp, CXB_ERROR_INVALID, "Can't add chassis slot, error -16");
}

static void bridge_unrealize(CxbDevice *dev)
{
	note(&dev->obj, "unrealize");
	/* the bus is still there, and nothing is on it */
	g_assert_cmpuint(((Endpoint *)dev)->bus->devices->len, ==, 0);
	g_assert_true(((Endpoint *)dev)->bus->obj.parent == &dev->obj);
}

static bool bus_accepts(CxbDevBus *bus, CxbDevice *dev, GError **errp)
{
	const unsigned slot = ((Endpoint *)dev)->addr;

	for (guint i = 0; i < bus->devices->len; i++) {
		if (((Endpoint *)bus->devices->pdata[i])->addr == slot)
			return cxb_fail(errp, CXB_ERROR_INVALID, "PCI: slot %u not available",
					slot);
	}
	return slot < 4 || cxb_fail(errp, CXB_ERROR_INVALID, "PCI: no slot %u", slot);
}

static void test_bus_unparent(CxbObject *obj)
{
	note(obj, "bus-gone");
}

static const CxbDeviceClass endpoint_klass = { .bus_kind = "PCI",
					       .realize = endpoint_realize,
					       .unrealize = endpoint_unrealize,
					       .reset = endpoint_reset };
static const CxbDeviceClass bridge_klass = { .bus_kind = "PCI",
					     .no_hotplug = true,
					     .realize = bridge_realize,
					     .unrealize = bridge_unrealize,
					     .reset = endpoint_reset };
static const CxbDeviceClass usb_klass = { .bus_kind = "usb-bus" };
static const CxbDevBusClass bus_klass = { .kind = "PCI", .accepts = bus_accepts };
static const CxbDevBusClass isa_klass = { .kind = "ISA" };

static const CxbType types[] = {
	{ .name = "pci-device",
	  .parent = "device",
	  .size = sizeof(Endpoint),
	  .flags = CXB_TYPE_ABSTRACT,
	  .props = device_props,
	  .klass = &endpoint_klass },
	{ .name = "cxl-type3",
	  .parent = "pci-device",
	  .desc = "CXL Memory Device (Type 3)",
	  .category = "Storage",
	  .flags = CXB_TYPE_DEVICE },
	{ .name = "cxl-rp",
	  .parent = "pci-device",
	  .desc = "CXL Root Port",
	  .category = "Bridge",
	  .flags = CXB_TYPE_DEVICE,
	  .klass = &bridge_klass },
	{ .name = "built-in", .parent = "pci-device" },
	{ .name = "usb-stick", .parent = "device", .flags = CXB_TYPE_DEVICE, .klass = &usb_klass },
	{ .name = "busless", .parent = "device", .flags = CXB_TYPE_DEVICE },
	{ .name = "PCIE", .parent = "bus", .klass = &bus_klass, .unparent = test_bus_unparent },
	{ .name = "ISA", .parent = "bus", .klass = &isa_klass },
};

World *world_new(void)
{
	World *w = g_new0(World, 1);

	w->qom = cxb_qom_new();
	w->journal = g_string_new(NULL);
	cxb_qom_register(w->qom, &base_type);
	cxb_qom_register(w->qom, &ram_type);
	cxb_qom_register(w->qom, &plain_type);
	cxb_qom_register(w->qom, &other_type);
	cxb_device_types_register(w->qom);
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		cxb_qom_register(w->qom, &types[i]);
	w->root_bus = cxb_dev_bus_new(w->qom, cxb_qom_find_type(w->qom, "PCIE"), "pcie.0", NULL,
				      cxb_qom_container(w->qom, "/machine/q35"), NULL);
	g_assert_nonnull(w->root_bus);
	cxb_qom_set_service(w->qom, "journal", w->journal);
	return w;
}

void world_free(World *w)
{
	cxb_qom_free(w->qom);
	g_string_free(w->journal, TRUE);
	g_free(w);
}

static CxbOpts *opts_of(const char *text, const char *implied)
{
	g_autoptr(GError) err = NULL;
	CxbOpts *opts = cxb_opts_parse(text, implied, true, &err);

	g_assert_no_error(err);
	return opts;
}

CxbObject *add_object(World *w, const char *text, GError **errp)
{
	g_autoptr(CxbOpts) opts = opts_of(text, "qom-type");

	return cxb_user_object_add(w->qom, opts, errp);
}

CxbDevice *add_device(World *w, const char *text, GError **errp)
{
	g_autoptr(CxbOpts) opts = opts_of(text, "driver");

	return cxb_device_add(w->qom, opts, false, errp);
}

CxbDevice *plug_device(World *w, const char *text, GError **errp)
{
	g_autoptr(CxbOpts) opts = opts_of(text, "driver");

	opts->typed = true;
	return cxb_device_add(w->qom, opts, true, errp);
}

unsigned count_below(const CxbObject *obj)
{
	unsigned n = 0;

	for (guint i = 0; obj->children && i < obj->children->len; i++)
		n += 1 + count_below(obj->children->pdata[i]);
	return n;
}
