/* SPDX-License-Identifier: Apache-2.0 */
/* Error texts are QEMU 11.1's, which scripts compare. */
#include "fixture.h"

static CxbObject *new_of(World *w, const char *type)
{
	return cxb_object_new(w->qom, cxb_qom_find_type(w->qom, type));
}

static const CxbScalar typed_str = { .kind = CXB_SCALAR_STR, .s = (char *)"4096" };
static const CxbScalar typed_true = { .kind = CXB_SCALAR_BOOL, .b = true };
static const CxbScalar typed_double = { .kind = CXB_SCALAR_DOUBLE, .d = 4096.0 };
static const CxbScalar typed_negative = { .kind = CXB_SCALAR_INT, .i = -1 };
static const CxbScalar typed_null = { .kind = CXB_SCALAR_NULL };
static const CxbScalar typed_list = { .kind = CXB_SCALAR_EMPTY_LIST };

static CxbScalar uint_of(uint64_t u)
{
	return (CxbScalar){ .kind = CXB_SCALAR_UINT, .u = u };
}

static void defaults_are_set_before_anything_else(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(CxbObject) ram = new_of(w, "memory-backend-ram");
	g_autoptr(CxbObject) t3 = new_of(w, "cxl-type3");
	const Backend *b = (Backend *)ram;

	g_assert_cmpuint(b->limit, ==, 1536);
	g_assert_cmpstr(b->path, ==, "/dev/shm");
	g_assert_cmpint(b->policy, ==, 1);
	g_assert_cmpuint(b->size, ==, 0);
	g_assert_cmpuint(((Endpoint *)t3)->speed, ==, 0x40);
}

static void text_is_parsed_by_the_kind_of_the_row(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(CxbObject) ram = new_of(w, "memory-backend-ram");
	g_autoptr(CxbObject) t3 = new_of(w, "cxl-type3");
	Backend *b = (Backend *)ram;
	Endpoint *e = (Endpoint *)t3;

	assert_works(cxb_object_set_text(ram, "size", "1.5M", &err));
	assert_works(cxb_object_set_text(ram, "share", "yes", &err));
	assert_works(cxb_object_set_text(ram, "mem-path", "/x", &err));
	assert_works(cxb_object_set_text(ram, "policy", "interleave", &err));
	g_assert_cmpuint(b->size, ==, 0x180000);
	g_assert_true(b->share);
	g_assert_cmpstr(b->path, ==, "/x");
	g_assert_cmpint(b->policy, ==, 2);
	assert_works(cxb_object_set_text(t3, "bus_nr", "255", &err));
	assert_works(cxb_object_set_text(t3, "host-id", "0xffff", &err));
	assert_works(cxb_object_set_text(t3, "speed", "4294967295", &err));
	assert_works(cxb_object_set_text(t3, "sn", "0xc0ffee", &err));
	assert_works(cxb_object_set_text(t3, "addr", "3", &err));
	g_assert_cmpuint(e->bus_nr, ==, 255);
	g_assert_cmpuint(e->host, ==, 0xffff);
	g_assert_cmpuint(e->speed, ==, UINT32_MAX);
	g_assert_cmpuint(e->sn, ==, 0xc0ffee);
	g_assert_cmpuint(e->addr, ==, 3);
}

static void bad_text_of_an_object_is_worded_as_for_objects(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(CxbObject) ram = new_of(w, "memory-backend-ram");

	assert_fails("Parameter 'size' expects a size value", CXB_ERROR_INVALID,
		     cxb_object_set_text(ram, "size", "1MiB", &err));
	assert_fails("Parameter 'share' expects 'on' or 'off'", CXB_ERROR_INVALID,
		     cxb_object_set_text(ram, "share", "ON", &err));
	assert_fails("Parameter 'policy' does not accept value 'bad'", CXB_ERROR_INVALID,
		     cxb_object_set_text(ram, "policy", "bad", &err));
	assert_fails("property 'size' of memory-backend-ram doesn't take value '0'",
		     CXB_ERROR_INVALID, cxb_object_set_text(ram, "size", "0", &err));
	g_assert_cmpuint(((Backend *)ram)->size, ==, 0);
	g_assert_cmpint(((Backend *)ram)->policy, ==, 1);
}

static void bad_text_of_a_device_is_worded_as_for_devices(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(CxbObject) t3 = new_of(w, "cxl-type3");

	assert_fails("Parameter 'membar' expects size", CXB_ERROR_INVALID,
		     cxb_object_set_text(t3, "membar", "x", &err));
	assert_fails("Parameter 'multifunction' expects 'on' or 'off'", CXB_ERROR_INVALID,
		     cxb_object_set_text(t3, "multifunction", "maybe", &err));
	assert_fails("Parameter 'bus_nr' expects uint8_t", CXB_ERROR_INVALID,
		     cxb_object_set_text(t3, "bus_nr", "256", &err));
	assert_fails("Parameter 'bus_nr' expects uint8_t", CXB_ERROR_INVALID,
		     cxb_object_set_text(t3, "bus_nr", "-1", &err));
	assert_fails("Parameter 'bus_nr' expects integer", CXB_ERROR_INVALID,
		     cxb_object_set_text(t3, "bus_nr", "12x", &err));
	assert_fails("Parameter 'host-id' expects uint16_t", CXB_ERROR_INVALID,
		     cxb_object_set_text(t3, "host-id", "65536", &err));
	assert_fails("Parameter 'speed' expects uint32_t", CXB_ERROR_INVALID,
		     cxb_object_set_text(t3, "speed", "4294967296", &err));
	assert_fails("Parameter 'sn' expects uint64", CXB_ERROR_INVALID,
		     cxb_object_set_text(t3, "sn", "-1", &err));
}

static void typed_values_must_have_the_right_type(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(CxbObject) ram = new_of(w, "memory-backend-ram");
	g_autoptr(CxbObject) t3 = new_of(w, "cxl-type3");
	const CxbScalar big = uint_of(256), fits = uint_of(4096);

	assert_works(cxb_object_set(ram, "size", &fits, &err));
	assert_works(cxb_object_set(t3, "multifunction", &typed_true, &err));
	g_assert_true(((Endpoint *)t3)->multifunction);
	assert_fails("Invalid parameter type for 'multifunction', expected: boolean",
		     CXB_ERROR_INVALID, cxb_object_set(t3, "multifunction", &typed_str, &err));
	assert_fails("Invalid parameter type for 'multifunction', expected: boolean",
		     CXB_ERROR_INVALID, cxb_object_set(t3, "multifunction", &fits, &err));
	assert_fails("Parameter 'size' expects uint64", CXB_ERROR_INVALID,
		     cxb_object_set(ram, "size", &typed_str, &err));
	assert_fails("Parameter 'size' expects uint64", CXB_ERROR_INVALID,
		     cxb_object_set(ram, "size", &typed_double, &err));
	assert_fails("Parameter 'size' expects uint64", CXB_ERROR_INVALID,
		     cxb_object_set(ram, "size", &typed_negative, &err));
	assert_fails("Parameter 'bus_nr' expects uint8_t", CXB_ERROR_INVALID,
		     cxb_object_set(t3, "bus_nr", &big, &err));
	assert_fails("Invalid parameter type for 'mem-path', expected: string", CXB_ERROR_INVALID,
		     cxb_object_set(ram, "mem-path", &typed_null, &err));
	assert_fails("Invalid parameter type for 'policy', expected: string", CXB_ERROR_INVALID,
		     cxb_object_set(ram, "policy", &typed_list, &err));
	assert_fails("Invalid parameter type for 'memdev', expected: string", CXB_ERROR_INVALID,
		     cxb_object_set(t3, "memdev", &fits, &err));
}

static void unknown_read_only_and_completed_are_refused(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *m0 = add_object(w, "memory-backend-ram,id=m0,size=4096", NULL);
	CxbObject *t3 = &add_device(w, "cxl-type3,id=t3", NULL)->obj;
	CxbObject *anon = &add_device(w, "cxl-type3,addr=1", NULL)->obj;

	assert_fails("Property 'cxl-type3.nosuch' not found", CXB_ERROR_INVALID,
		     cxb_object_set_text(t3, "nosuch", "1", &err));
	assert_fails("Property 'memory-backend-ram.nosuch' not found", CXB_ERROR_INVALID,
		     cxb_object_set(m0, "nosuch", &typed_true, &err));
	assert_fails("Property 'cxl-type3.type' is not writable", CXB_ERROR_INVALID,
		     cxb_object_set_text(t3, "type", "x", &err));
	assert_fails("Attempt to set property 'sn' on device 't3' (type 'cxl-type3') "
		     "after it was realized",
		     CXB_ERROR_INVALID, cxb_object_set_text(t3, "sn", "1", &err));
	assert_fails("Attempt to set property 'sn' on anonymous device (type 'cxl-type3') "
		     "after it was realized",
		     CXB_ERROR_INVALID, cxb_object_set_text(anon, "sn", "1", &err));
	assert_fails("cannot change property size of memory-backend-ram ", CXB_ERROR_INVALID,
		     cxb_object_set_text(m0, "size", "1M", &err));
	assert_works(cxb_object_set_text(m0, "limit", "1M", &err));
	g_assert_cmpuint(((Backend *)m0)->limit, ==, 0x100000);
}

#define assert_get_str(obj, key, want)                            \
	do {                                                      \
		g_auto(CxbScalar) v = { 0 };                      \
		assert_works(cxb_object_get(obj, key, &v, &err)); \
		g_assert_cmpint(v.kind, ==, CXB_SCALAR_STR);      \
		g_assert_cmpstr(v.s, ==, want);                   \
	} while (0)

#define assert_get_uint(obj, key, want)                           \
	do {                                                      \
		g_auto(CxbScalar) v = { 0 };                      \
		assert_works(cxb_object_get(obj, key, &v, &err)); \
		g_assert_cmpint(v.kind, ==, CXB_SCALAR_UINT);     \
		g_assert_cmpuint(v.u, ==, want);                  \
	} while (0)

static void values_are_read_back_typed(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *m0 = add_object(w, "memory-backend-ram,id=m0,size=4096", NULL);
	CxbObject *t3 = &add_device(w, "cxl-type3,id=t3,memdev=m0,addr=2,sn=9,bus_nr=8", NULL)->obj;
	g_auto(CxbScalar) b = { 0 };
	g_auto(CxbScalar) none = { 0 };

	assert_get_str(m0, "type", "memory-backend-ram");
	assert_get_str(m0, "policy", "bind");
	assert_get_str(m0, "mem-path", "/dev/shm");
	assert_get_uint(m0, "size", 4096);
	assert_get_str(t3, "type", "cxl-type3");
	assert_get_str(t3, "memdev", "/objects/m0");
	assert_get_str(t3, "anything", "");
	assert_get_uint(t3, "addr", 2);
	assert_get_uint(t3, "sn", 9);
	assert_get_uint(t3, "bus_nr", 8);
	assert_get_uint(t3, "host-id", 0);
	assert_get_uint(t3, "speed", 0x40);
	assert_works(cxb_object_get(m0, "share", &b, &err));
	g_assert_cmpint(b.kind, ==, CXB_SCALAR_BOOL);
	g_assert_false(b.b);
	assert_fails("Property 'cxl-type3.nosuch' not found", CXB_ERROR_INVALID,
		     cxb_object_get(t3, "nosuch", &none, &err));
	assert_fails("Property 'memory-backend-ram.secret' is not readable", CXB_ERROR_INVALID,
		     cxb_object_get(m0, "secret", &none, &err));
}

static void a_link_holds_its_target_until_the_end(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *m0 = add_object(w, "memory-backend-ram,id=m0,size=4096", NULL);
	CxbObject *t3 = new_of(w, "cxl-type3");

	assert_works(cxb_object_set_text(t3, "memdev", "m0", &err));
	assert_works(cxb_object_set_text(t3, "memdev", "/objects/m0", &err));
	g_assert_true(((Endpoint *)t3)->memdev == m0);
	g_assert_cmpuint(m0->refs, ==, 2);
	assert_works(cxb_object_set_text(t3, "memdev", "", &err));
	g_assert_null(((Endpoint *)t3)->memdev);
	assert_works(cxb_object_set_text(t3, "memdev", "objects/m0", &err));
	assert_works(cxb_user_object_del(w->qom, "m0", &err));
	g_assert_cmpuint(m0->refs, ==, 1);
	assert_get_str(t3, "memdev", "");
	cxb_object_unref(t3);
	g_assert_nonnull(g_strrstr(w->journal->str, "base-finalize memory-backend-ram;"));
}

static void a_link_is_looked_up_below_objects_first(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *same = add_object(w, "memory-backend-ram,id=same,size=4096", NULL);
	CxbObject *dev = &add_device(w, "cxl-type3,id=same", NULL)->obj;
	g_autoptr(CxbObject) t3 = new_of(w, "cxl-type3");

	assert_works(cxb_object_set_text(t3, "anything", "same", &err));
	g_assert_true(((Endpoint *)t3)->anything == same);
	assert_works(cxb_object_set_text(t3, "anything", "peripheral/same", &err));
	g_assert_true(((Endpoint *)t3)->anything == dev);
}

static void a_link_to_nothing_or_to_the_wrong_type_is_refused(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(CxbObject) t3 = new_of(w, "cxl-type3");

	add_device(w, "cxl-rp,id=rp0", NULL);
	add_device(w, "cxl-type3,id=a,addr=1", NULL);
	assert_fails("Device 'nomem' not found", CXB_ERROR_NOT_FOUND,
		     cxb_object_set_text(t3, "memdev", "nomem", &err));
	assert_fails("Invalid parameter type for 'memdev', expected: memory-backend",
		     CXB_ERROR_INVALID, cxb_object_set_text(t3, "memdev", "a", &err));
	assert_fails("Path 'rp0' does not uniquely identify an object", CXB_ERROR_INVALID,
		     cxb_object_set_text(t3, "anything", "rp0", &err));
	g_assert_null(((Endpoint *)t3)->memdev);
}

static void a_list_row_takes_every_key_below_its_name(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(CxbObject) ram = new_of(w, "memory-backend-ram");
	const GPtrArray *targets = ((Backend *)ram)->targets;

	assert_works(cxb_object_set_text(ram, "targets.0", "a", &err));
	assert_works(cxb_object_set_text(ram, "targets.1.x", "b", &err));
	g_assert_cmpuint(targets->len, ==, 2);
	g_assert_cmpstr(targets->pdata[1], ==, "targets.1.x=b");
	g_assert_null(cxb_object_find_prop(ram, "targetsx"));
	g_assert_null(cxb_object_find_prop(ram, "size.0"));
	assert_fails("Property 'memory-backend-ram.size.0' not found", CXB_ERROR_INVALID,
		     cxb_object_set_text(ram, "size.0", "1", &err));
}

static void of_a_repeated_option_only_the_last_counts(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(CxbObject) ram = new_of(w, "memory-backend-ram");
	g_autoptr(CxbOpts) opts = cxb_opts_parse("size=bad,targets.0=a,size=4k,targets.0=b,skip=1",
						 NULL, false, NULL);

	g_assert_nonnull(cxb_opts_find(opts, "skip"));
	assert_works(cxb_object_set_opts(ram, opts, &err));
	g_assert_cmpuint(((Backend *)ram)->size, ==, 4096);
	g_assert_cmpuint(((Backend *)ram)->targets->len, ==, 1);
	g_assert_null(cxb_opts_unused(opts));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(fn) g_test_add_func("/qom/prop/" #fn, fn)
	T(defaults_are_set_before_anything_else);
	T(text_is_parsed_by_the_kind_of_the_row);
	T(bad_text_of_an_object_is_worded_as_for_objects);
	T(bad_text_of_a_device_is_worded_as_for_devices);
	T(typed_values_must_have_the_right_type);
	T(unknown_read_only_and_completed_are_refused);
	T(values_are_read_back_typed);
	T(a_link_holds_its_target_until_the_end);
	T(a_link_is_looked_up_below_objects_first);
	T(a_link_to_nothing_or_to_the_wrong_type_is_refused);
	T(a_list_row_takes_every_key_below_its_name);
	T(of_a_repeated_option_only_the_last_counts);
	return g_test_run();
}
