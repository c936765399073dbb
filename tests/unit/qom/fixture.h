/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world of types shaped like the real ones: a backend to link to, a bridge with a bus, an
 * endpoint. What happens to an object is written to the journal, one "what NAME-or-TYPE;" each.
 */
#ifndef TEST_QOM_FIXTURE_H
#define TEST_QOM_FIXTURE_H

#include <glib.h>

#include "base/error.h"
#include "qom/device.h"
#include "qom/object.h"

typedef struct {
	CxbObject obj;
	uint64_t size;
	bool share;
	bool fail; /* complete fails */
	char *path;
	int policy;
	uint64_t limit;
	GPtrArray *targets; /* what the FN row with CXB_PROP_LIST took, "key=value" */
} Backend;

typedef struct {
	CxbDevice dev;
	bool multifunction;
	uint8_t bus_nr;
	uint16_t host;
	uint32_t speed;
	uint64_t sn;
	uint64_t membar;
	CxbObject *memdev;
	CxbObject *anything;
	unsigned addr; /* slot; the test bus takes each once, and none above 3 */
	bool fail;     /* realize fails */
	CxbDevBus *bus;
} Endpoint;

typedef struct {
	CxbQom *qom;
	CxbDevBus *root_bus; /* "pcie.0" below /machine */
	GString *journal;
} World;

World *world_new(void);
void world_free(World *w);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

/* As -object TEXT, -device TEXT; NULL with the error in @errp. */
CxbObject *add_object(World *w, const char *text, GError **errp);
CxbDevice *add_device(World *w, const char *text, GError **errp);
/* As device_add: TEXT is split as above, then counted as typed. */
CxbDevice *plug_device(World *w, const char *text, GError **errp);

/* @call, which gets &err, must fail with @text. */
#define assert_fails(text, error_code, call)                \
	do {                                                \
		g_autoptr(GError) err = NULL;               \
		g_assert_false(call);                       \
		g_assert_error(err, CXB_ERROR, error_code); \
		g_assert_cmpstr(err->message, ==, text);    \
	} while (0)

/* @call, which gets &err, must succeed. */
#define assert_works(call)                    \
	do {                                  \
		g_autoptr(GError) err = NULL; \
		const bool works = call;      \
		g_assert_no_error(err);       \
		g_assert_true(works);         \
	} while (0)

/* How many objects there are below @obj. */
unsigned count_below(const CxbObject *obj);

#endif
