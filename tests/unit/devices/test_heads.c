/* SPDX-License-Identifier: Apache-2.0 */
/* A device with several heads: what they share, what each has of its own, and heads that come and go. */
#include <string.h>

#include "devices.h"
#include "rig.h"
#include "wire/dc.h"
#include "wire/fmapi.h"
#include "wire/mbox.h"

#define MIB(n) ((uint64_t)(n) << 20)
#define TAG    "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
#define TAG2   "5be13bce-ae34-4a77-b6c3-16df975fcf1b"
#define SHARED MIB(768) /* DPA of the sharable region, behind static memory and a private one */
#define DEVICE                                                                   \
	"cxl-type3,id=t,bus=rp,heads=3,volatile-memdev=v,dc-region.0.size=512M," \
	"dc-region.1.size=512M,dc-region.1.sharable=on"

typedef struct {
	Type3 *t, *head;
	CxbHostMem *m, *m2;
} Two;

static Two two_heads(Rig *r)
{
	Two h;

	rig_backend(r, "memory-backend-ram,id=v,size=256M");
	h.m = rig_backend(r, "memory-backend-ram,id=m,size=4M,tag=" TAG);
	h.m2 = rig_backend(r, "memory-backend-ram,id=m2,size=2M,tag=" TAG2);
	rig_bridge(r);
	rig_device(r, "cxl-rp,id=rp1,bus=cxl.1,port=4,chassis=0,slot=3");
	h.t = (Type3 *)rig_device(r, DEVICE);
	h.head = (Type3 *)rig_device(r, "cxl-type3-head,id=h,bus=rp1,device=t,head=1");
	return h;
}

static CxbUuid uuid(const char *text)
{
	CxbUuid u;

	g_assert_true(cxb_uuid_parse(text, &u));
	return u;
}

static bool add(CxbDc *dc, uint16_t host, unsigned region, const char *tag, uint64_t len)
{
	const CxbDcAddReq req = {
		.host_id = host,
		.policy = len ? CXB_DC_SELECT_CONTIGUOUS : CXB_DC_SELECT_SHARED,
		.region = region,
		.tag = uuid(tag),
		.length = len,
	};

	return cxb_dc_add(dc, &req, NULL);
}

/* 4802h or 4803h of one extent, through a head's mailbox. */
static CxbRc answer(Type3 *t3, uint16_t opcode, uint64_t dpa, uint64_t len)
{
	uint8_t in[sizeof(struct wire_dc_update_in) + sizeof(struct wire_dc_update_entry)] = { 0 };
	struct wire_dc_update_in *list = (struct wire_dc_update_in *)in;
	uint8_t out[64];
	CxbRd rd = { in, sizeof(in) };
	CxbWr wr = { .buf = out, .cap = sizeof(out) };

	list->count = le32_put(1);
	list->entry[0].dpa = le64_put(dpa);
	list->entry[0].length = le64_put(len);
	return cxb_cci_run(t3->cci, opcode, &rd, &wr, NULL, NULL);
}

static void accepts(Type3 *t3, uint64_t dpa, uint64_t len)
{
	g_assert_cmpint(answer(t3, 0x4802, dpa, len), ==, CXB_RC_SUCCESS);
}

static bool reads(Type3 *t3, uint64_t dpa, uint8_t want)
{
	uint8_t got = ~want;

	return cxb_cxl_endpoint_read(&t3->pci.dev, dpa, &got, 1) && got == want;
}

static bool writes(Type3 *t3, uint64_t dpa, uint8_t byte)
{
	return cxb_cxl_endpoint_write(&t3->pci.dev, dpa, &byte, 1);
}

static size_t records(Type3 *t3)
{
	return cxb_evlogs_size(t3->logs, CXB_LOG_DC) - cxb_evlogs_room(t3->logs, CXB_LOG_DC);
}

static void a_shared_tag_is_the_same_bytes(Rig *r, gconstpointer unused)
{
	const Two h = two_heads(r);

	g_assert_true(add(h.t->dc, 0, 1, TAG, MIB(4)));
	accepts(h.t, SHARED, MIB(4));
	g_assert_true(writes(h.t, SHARED + 5, 0x5a));
	g_assert_true(add(h.t->dc, 1, 1, TAG, 0));
	g_assert_false(reads(h.head, SHARED + 5, 0x5a)); /* not before it accepts */
	accepts(h.head, SHARED, MIB(4));
	g_assert_true(reads(h.head, SHARED + 5, 0x5a));
	g_assert_true(writes(h.head, SHARED + 6, 0xa5));
	g_assert_true(reads(h.t, SHARED + 6, 0xa5));
	g_assert_cmpint(answer(h.t, 0x4803, SHARED, MIB(4)), ==, CXB_RC_SUCCESS);
	g_assert_false(reads(h.t, SHARED + 5, 0x5a));
	g_assert_true(reads(h.head, SHARED + 5, 0x5a));
	g_assert_nonnull(cxb_hostmem_holder(h.m));
	g_assert_cmpint(answer(h.head, 0x4803, SHARED, MIB(4)), ==, CXB_RC_SUCCESS);
	g_assert_null(cxb_hostmem_holder(h.m));
}

static void what_one_host_has_the_other_cannot_touch(Rig *r, gconstpointer unused)
{
	const Two h = two_heads(r);

	g_assert_true(add(h.t->dc, 0, 0, TAG, MIB(4)));
	g_assert_cmpuint(records(h.t), ==, 1);
	g_assert_cmpuint(records(h.head), ==, 0);
	/* It can neither answer, nor reach, nor give back what is another's. */
	g_assert_cmpint(answer(h.head, 0x4802, MIB(256), MIB(4)), ==, CXB_RC_INVALID_PA);
	accepts(h.t, MIB(256), MIB(4));
	g_assert_true(writes(h.t, MIB(256), 1));
	g_assert_false(writes(h.head, MIB(256), 2));
	g_assert_false(reads(h.head, MIB(256), 1));
	g_assert_cmpint(answer(h.head, 0x4803, MIB(256), MIB(4)), ==, CXB_RC_INVALID_PA);
	g_assert_true(reads(h.t, MIB(256), 1));
	/* The next one of its own lies elsewhere. */
	g_assert_true(add(h.t->dc, 1, 0, TAG2, MIB(2)));
	g_assert_cmpuint(records(h.head), ==, 1);
	accepts(h.head, MIB(260), MIB(2));
	g_assert_false(writes(h.t, MIB(260), 3));
	/* Nor does it reach the static memory of the device. */
	g_assert_true(writes(h.t, 0, 4));
	g_assert_false(reads(h.head, 0, 4));
}

static void registers_and_logs_are_its_own(Rig *r, gconstpointer unused)
{
	const Two h = two_heads(r);
	const CxbRasError error = { .bit = 14 };

	g_assert_true(cxb_cxl_type3_uncorrectable(&h.head->pci.dev, &error, 1, NULL));
	g_assert_true(h.head->comp != h.t->comp && h.head->cci != h.t->cci);
	g_assert_true(add(h.t->dc, 1, 0, TAG2, MIB(2)));
	cxb_type3_reset(&h.t->pci, CXB_RESET_COLD);
	g_assert_cmpuint(records(h.head), ==, 1);
	accepts(h.head, MIB(256), MIB(2));
	/* A reset of one head leaves what the other has, and its own. */
	cxb_type3_reset(&h.head->pci, CXB_RESET_COLD);
	g_assert_cmpuint(records(h.head), ==, 0);
	g_assert_true(writes(h.head, MIB(256), 1));
	g_assert_null(h.head->fm);
	g_assert_null(cxb_cxl_type3_fm_cci(&h.head->pci.dev));
}

static void an_offer_waits_for_a_head_that_is_not_plugged(Rig *r, gconstpointer unused)
{
	const Two h = two_heads(r);
	g_autoptr(GError) err = NULL;
	Type3 *late;

	g_assert_true(add(h.t->dc, 2, 0, TAG2, MIB(2)));
	g_assert_null(cxb_cxl_type3_dc_head(&h.t->pci.dev, 2, &err));
	g_assert_nonnull(strstr(err->message, "that head of /machine/peripheral/t is not plugged"));
	rig_device(r, "cxl-rp,id=rp2,bus=cxl.1,port=5,chassis=0,slot=4");
	late = (Type3 *)rig_device(r, "cxl-type3-head,id=late,bus=rp2,device=t,head=2");
	cxb_type3_reset(&late->pci, CXB_RESET_COLD);
	g_assert_cmpuint(records(late), ==, 1);
	accepts(late, MIB(256), MIB(2));
}

static void a_head_that_goes_gives_everything_back(Rig *r, gconstpointer unused)
{
	const CxbUuid tag2 = uuid(TAG2);
	const Two h = two_heads(r);
	CxbDcStatus status;

	g_assert_true(add(h.t->dc, 0, 1, TAG, MIB(4)));
	accepts(h.t, SHARED, MIB(4));
	g_assert_true(add(h.t->dc, 1, 1, TAG, 0));
	accepts(h.head, SHARED, MIB(4));
	g_assert_true(writes(h.head, SHARED, 7));
	g_assert_true(add(h.t->dc, 1, 0, TAG2, MIB(2))); /* offered only */
	cxb_device_remove(&h.head->pci.dev);
	g_assert_cmpuint(r->endpoints, ==, 1);
	g_assert_true(reads(h.t, SHARED, 7));
	g_assert_null(cxb_hostmem_holder(h.m2));
	g_assert_true(cxb_dc_status(h.t->dc, 1, 0, &tag2, &status, NULL, NULL, NULL));
	g_assert_cmpint(status, ==, CXB_DC_STATUS_NOT_FOUND);
	g_assert_null(cxb_cxl_type3_head(&h.t->pci.dev, 1));
	/* Another one may take its place. */
	rig_device(r, "cxl-type3-head,id=again,bus=rp1,device=t,head=1");
	g_assert_true(add(h.t->dc, 1, 1, TAG, 0));
}

static void the_others_go_on_without_the_first(Rig *r, gconstpointer unused)
{
	const Two h = two_heads(r);

	g_assert_true(add(h.t->dc, 0, 1, TAG, MIB(4)));
	accepts(h.t, SHARED, MIB(4));
	g_assert_true(add(h.t->dc, 1, 1, TAG, 0));
	accepts(h.head, SHARED, MIB(4));
	g_assert_true(writes(h.head, SHARED, 9));
	cxb_device_remove(&h.t->pci.dev);
	g_assert_true(reads(h.head, SHARED, 9));
	g_assert_true(cxb_cxl_type3_first_head(&h.head->pci.dev) == &h.head->pci.dev);
	g_assert_true(add(h.head->dc, 1, 0, TAG2, MIB(2)));
	accepts(h.head, MIB(256), MIB(2));
	rig_refuses(r, "cxl-type3-head,id=x,bus=rp,device=t,head=2", "Device 't' not found");
	cxb_device_remove(&h.head->pci.dev);
	g_assert_null(cxb_hostmem_holder(h.m));
	g_assert_null(cxb_hostmem_holder(h.m2));
}

static void what_does_not_go_together_is_refused(Rig *r, gconstpointer unused)
{
	two_heads(r);
	rig_device(r, "cxl-rp,id=rp2,bus=cxl.1,port=5,chassis=0,slot=4");
	rig_device(r, "cxl-rp,id=rp3,bus=cxl.1,port=6,chassis=0,slot=5");
	rig_backend(r, "memory-backend-ram,id=s,size=256M");
	rig_device(r, "cxl-type3,id=plain,bus=rp2,volatile-memdev=s");
	rig_refuses(r, "cxl-type3-head,bus=rp3", "'device' property not set");
	rig_refuses(r, "cxl-type3-head,bus=rp3,device=rp2", "Device 'rp2' not found");
	rig_refuses(r, "cxl-type3-head,bus=rp3,device=plain,head=1",
		    "/machine/peripheral/plain has no dynamic capacity to share");
	rig_device(r, "cxl-rp,id=rp4,bus=cxl.1,port=7,chassis=0,slot=6");
	rig_device(r, "cxl-type3,id=one,bus=rp4,dc-region.0.size=256M");
	rig_refuses(r, "cxl-type3-head,bus=rp3,device=one,head=1",
		    "/machine/peripheral/one has one head, itself");
	rig_refuses(r, "cxl-type3-head,bus=rp3,device=t", "0 is not 1 to 2");
	rig_refuses(r, "cxl-type3-head,bus=rp3,device=t,head=3", "3 is not 1 to 2");
	rig_refuses(r, "cxl-type3-head,bus=rp3,device=t,head=1",
		    "1 of /machine/peripheral/t is /machine/peripheral/h already");
	rig_refuses(r, "cxl-type3-head,bus=rp3,device=h,head=1",
		    "Invalid parameter type for 'device', expected: cxl-type3");
	rig_refuses(r, "cxl-type3-head,bus=rp3,device=t,head=2,dc-event-log-size=0",
		    "dc-event-log-size 0");
	rig_refuses(r, "cxl-type3,bus=rp3,heads=2,volatile-memdev=s",
		    "can't be used multiple times");
	rig_backend(r, "memory-backend-ram,id=s2,size=256M");
	rig_refuses(r, "cxl-type3,bus=rp3,heads=2,volatile-memdev=s2",
		    "heads is 2, but there is no dynamic capacity");
	rig_refuses(r, "cxl-type3,bus=rp3,heads=0,dc-region.0.size=256M",
		    "heads 0 is not 1 to 255");
	rig_refuses(r, "cxl-type3,bus=rp3,heads=256,dc-region.0.size=256M",
		    "heads 256 is not 1 to 255");
	g_assert_cmpuint(r->endpoints, ==, 4);
}

/* --- poison --- */

static CxbRc poison_line(Type3 *t3, uint16_t opcode, uint64_t dpa)
{
	uint8_t in[sizeof(struct wire_clear_poison_in)] = { 0 }, out[64];
	CxbRd rd = { in, opcode == CXB_OP_CLEAR_POISON ? sizeof(in) : 8 };
	CxbWr wr = { .buf = out, .cap = sizeof(out) };

	memcpy(in, &(le64[]){ le64_put(dpa) }, sizeof(le64));
	return cxb_cci_run(t3->cci, opcode, &rd, &wr, NULL, NULL);
}

/* How many records 4300h has of a range. */
static unsigned bad(Type3 *t3, uint64_t dpa, uint64_t len)
{
	const struct wire_poison_range in = { le64_put(dpa), le64_put(len / CXB_POISON_LINE) };
	uint8_t out[2048];
	CxbRd rd = { (const uint8_t *)&in, sizeof(in) };
	CxbWr wr = { .buf = out, .cap = sizeof(out) };

	g_assert_cmpint(cxb_cci_run(t3->cci, CXB_OP_GET_POISON, &rd, &wr, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	return le16_get(((const struct wire_get_poison_out *)out)->count);
}

static void what_is_shared_is_bad_for_all_who_have_it(Rig *r, gconstpointer unused)
{
	const Two h = two_heads(r);
	g_autoptr(GError) err = NULL;

	g_assert_true(add(h.t->dc, 0, 1, TAG, MIB(4)));
	accepts(h.t, SHARED, MIB(4));
	g_assert_cmpint(poison_line(h.t, CXB_OP_INJECT_POISON, SHARED), ==, CXB_RC_SUCCESS);
	g_assert_true(add(h.t->dc, 1, 1, TAG, 0));
	/* Before it accepts there is nothing to be bad; then it is as bad as for the others. */
	g_assert_cmpuint(bad(h.head, SHARED, MIB(4)), ==, 0);
	g_assert_cmpint(poison_line(h.t, CXB_OP_INJECT_POISON, SHARED + 64), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(bad(h.head, SHARED, MIB(4)), ==, 0);
	accepts(h.head, SHARED, MIB(4));
	g_assert_cmpuint(bad(h.head, SHARED, MIB(4)), ==, 2);
	/* Whichever finds it, and whichever writes it anew. */
	g_assert_true(cxb_poison_inject(cxb_cxl_type3_poison(&h.head->pci.dev), SHARED + MIB(1),
					4096, &err));
	g_assert_cmpuint(bad(h.t, SHARED + MIB(1), 4096), ==, 1);
	g_assert_cmpint(poison_line(h.head, CXB_OP_CLEAR_POISON, SHARED), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(bad(h.t, SHARED, 64), ==, 0);
	g_assert_cmpuint(bad(h.t, SHARED, MIB(4)), ==, 2);
	g_assert_cmpuint(bad(h.head, SHARED, MIB(4)), ==, 2);
	/* Who gives it back has none of it; the others keep theirs. */
	g_assert_cmpint(answer(h.t, 0x4803, SHARED, MIB(4)), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(bad(h.t, SHARED, MIB(4)), ==, 0);
	g_assert_cmpuint(bad(h.head, SHARED, MIB(4)), ==, 2);
	g_assert_true(add(h.t->dc, 0, 1, TAG, 0));
	accepts(h.t, SHARED, MIB(4));
	g_assert_cmpuint(bad(h.t, SHARED, MIB(4)), ==, 2);
}

static void what_a_reference_keeps_stays_bad(Rig *r, gconstpointer unused)
{
	const Two h = two_heads(r);
	const CxbUuid tag = uuid(TAG);

	g_assert_true(add(h.t->dc, 0, 0, TAG, MIB(4)));
	accepts(h.t, MIB(256), MIB(4));
	for (unsigned i = 0; i < 3; i++)
		g_assert_cmpint(poison_line(h.t, CXB_OP_INJECT_POISON, MIB(256) + 128 * i), ==,
				CXB_RC_SUCCESS);
	g_assert_true(cxb_dc_add_reference(h.t->dc, &tag, NULL));
	g_assert_cmpint(answer(h.t, 0x4803, MIB(256), MIB(4)), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(bad(h.t, 0, MIB(512)), ==, 0);
	/* The next host has it, and what that one clears is clean for the next but one. */
	g_assert_true(add(h.t->dc, 1, 0, TAG, 0));
	accepts(h.head, MIB(256), MIB(4));
	g_assert_cmpuint(bad(h.head, 0, MIB(512)), ==, 3);
	g_assert_cmpint(poison_line(h.head, CXB_OP_CLEAR_POISON, MIB(256)), ==, CXB_RC_SUCCESS);
	g_assert_cmpint(answer(h.head, 0x4803, MIB(256), MIB(4)), ==, CXB_RC_SUCCESS);
	g_assert_true(add(h.t->dc, 0, 0, TAG, 0));
	accepts(h.t, MIB(256), MIB(4));
	g_assert_cmpuint(bad(h.t, 0, MIB(512)), ==, 2);
	/* Without the reference it goes, and what comes to its place is clean. */
	g_assert_cmpint(answer(h.t, 0x4803, MIB(256), MIB(4)), ==, CXB_RC_SUCCESS);
	g_assert_true(cxb_dc_remove_reference(h.t->dc, &tag, NULL));
	g_assert_true(add(h.t->dc, 1, 0, TAG2, MIB(2)));
	accepts(h.head, MIB(256), MIB(2));
	g_assert_cmpuint(bad(h.head, 0, MIB(512)), ==, 0);
}

static void what_is_private_is_bad_for_one(Rig *r, gconstpointer unused)
{
	const Two h = two_heads(r);

	g_assert_true(add(h.t->dc, 0, 0, TAG, MIB(4)));
	accepts(h.t, MIB(256), MIB(4));
	g_assert_true(add(h.t->dc, 1, 0, TAG2, MIB(2)));
	accepts(h.head, MIB(260), MIB(2));
	g_assert_cmpint(poison_line(h.t, CXB_OP_INJECT_POISON, MIB(260) - 64), ==, CXB_RC_SUCCESS);
	g_assert_cmpint(poison_line(h.head, CXB_OP_INJECT_POISON, MIB(260)), ==, CXB_RC_SUCCESS);
	g_assert_cmpint(poison_line(h.t, CXB_OP_INJECT_POISON, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmpint(poison_line(h.head, CXB_OP_CLEAR_POISON, 0), ==, CXB_RC_INVALID_PA);
	g_assert_cmpuint(bad(h.t, 0, MIB(512)), ==, 2);
	g_assert_cmpuint(bad(h.head, 0, MIB(512)), ==, 1);
	g_assert_cmpuint(bad(h.head, MIB(260), 64), ==, 1);
}

static void the_fabric_manager_sees_all_hosts(Rig *r, gconstpointer unused)
{
	const struct wire_list_tags_in in = { .count = le32_put(8) };
	const Two h = two_heads(r);
	uint8_t out[512];
	const struct wire_list_tags_out *o = (const void *)out;
	CxbRd rd = { (const uint8_t *)&in, sizeof(in) };
	CxbWr wr = { .buf = out, .cap = sizeof(out) };

	g_assert_true(add(h.t->dc, 1, 1, TAG, MIB(4)));
	accepts(h.head, SHARED, MIB(4));
	g_assert_true(add(h.t->dc, 2, 1, TAG, 0));
	g_assert_cmpint(cxb_cci_run(cxb_fmld_cci(h.t->fm), 0x5608, &rd, &wr, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	g_assert_cmpuint(le32_get(o->returned), ==, 1);
	g_assert_cmphex(o->tag[0].references[0], ==, 0x02);
	g_assert_cmphex(o->tag[0].pending_refs[0], ==, 0x04);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	RIG_ADD("/devices/heads/shared", a_shared_tag_is_the_same_bytes);
	RIG_ADD("/devices/heads/isolated", what_one_host_has_the_other_cannot_touch);
	RIG_ADD("/devices/heads/own", registers_and_logs_are_its_own);
	RIG_ADD("/devices/heads/late", an_offer_waits_for_a_head_that_is_not_plugged);
	RIG_ADD("/devices/heads/leave", a_head_that_goes_gives_everything_back);
	RIG_ADD("/devices/heads/first-leaves", the_others_go_on_without_the_first);
	RIG_ADD("/devices/heads/poison-shared", what_is_shared_is_bad_for_all_who_have_it);
	RIG_ADD("/devices/heads/poison-kept", what_a_reference_keeps_stays_bad);
	RIG_ADD("/devices/heads/poison-private", what_is_private_is_bad_for_one);
	RIG_ADD("/devices/heads/mistakes", what_does_not_go_together_is_refused);
	RIG_ADD("/devices/heads/fabric-manager", the_fabric_manager_sees_all_hosts);
	return g_test_run();
}
