/* SPDX-License-Identifier: Apache-2.0 */
/* Errors put into a memory device's RAS registers (CXL 3.1 8.2.4.17). */
#include "monitor.h"

#include "base/error.h"
#include "devices/cxl.h"

/* Names of the bits of a status register, and which they are. */
static const char *const uncorrectable_names[] = {
	"cache-data-parity", "cache-address-parity", "cache-be-parity", "cache-data-ecc",
	"mem-data-parity",   "mem-address-parity",   "mem-be-parity",   "mem-data-ecc",
	"reinit-threshold",  "rsvd-encoding",        "poison-received", "receiver-overflow",
	"internal",          "cxl-ide-tx",           "cxl-ide-rx",      NULL,
};
static const uint8_t uncorrectable_bits[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16 };
G_STATIC_ASSERT(G_N_ELEMENTS(uncorrectable_names) == G_N_ELEMENTS(uncorrectable_bits) + 1);

/* In order of bits, without a gap. */
static const char *const correctable_names[] = {
	"cache-data-ecc",        "mem-data-ecc",        "crc-threshold", "retry-threshold",
	"cache-poison-received", "mem-poison-received", "physical",      NULL,
};

/* What a request may carry; the log has room for CXB_RAS_HEADER of them. */
#define HEADER_MAX 32

struct error_arg {
	int type;
	GArray *header; /* uint32_t */
};

struct uncorrectable_args {
	char *path;
	GArray *errors; /* struct error_arg */
};

struct correctable_args {
	char *path;
	int type;
};

static const CxbArg dword_rows[] = {
	{ "", CXB_ARG_U32, 0, .has_offset = -1 },
	{ NULL },
};

static const CxbArg error_rows[] = {
	{ "type", CXB_ARG_ENUM, offsetof(struct error_arg, type), .has_offset = -1,
	  .names = uncorrectable_names, .enum_name = "CxlUncorErrorType" },
	{ "header", CXB_ARG_LIST, offsetof(struct error_arg, header), .has_offset = -1,
	  .elem = dword_rows, .elem_size = sizeof(uint32_t) },
	{ NULL },
};

static const CxbArg uncorrectable_rows[] = {
	{ "path", CXB_ARG_STR, offsetof(struct uncorrectable_args, path), .has_offset = -1 },
	{ "errors", CXB_ARG_LIST, offsetof(struct uncorrectable_args, errors), .has_offset = -1,
	  .elem = error_rows, .elem_size = sizeof(struct error_arg) },
	{ NULL },
};

static const CxbArg correctable_rows[] = {
	{ "path", CXB_ARG_STR, offsetof(struct correctable_args, path), .has_offset = -1 },
	{ "type", CXB_ARG_ENUM, offsetof(struct correctable_args, type), .has_offset = -1,
	  .names = correctable_names, .enum_name = "CxlCorErrorType" },
	{ NULL },
};

static json_object *inject_uncorrectable(void *opaque, void *args, GError **errp)
{
	const struct uncorrectable_args *a = args;
	CxbDevice *dev = qmp_find_type3(opaque, a->path, errp);
	const size_t n = a->errors->len;
	g_autofree CxbRasError *errors = g_new0(CxbRasError, n);

	if (!dev)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const struct error_arg *e = &g_array_index(a->errors, struct error_arg, i);

		if (e->header->len > HEADER_MAX) {
			cxb_fail(errp, CXB_ERROR_INVALID,
				 "Header must be 32 DWORD or less: error %zu has %u", i,
				 e->header->len);
			return NULL;
		}
		errors[i].bit = uncorrectable_bits[e->type];
		if (e->header->len)
			memcpy(errors[i].header, e->header->data,
			       MIN(e->header->len, CXB_RAS_HEADER) * sizeof(uint32_t));
	}
	return cxb_cxl_type3_uncorrectable(dev, errors, n, errp) ? cxb_qmp_empty() : NULL;
}

static json_object *inject_correctable(void *opaque, void *args, GError **errp)
{
	const struct correctable_args *a = args;
	CxbDevice *dev = qmp_find_type3(opaque, a->path, errp);

	if (!dev)
		return NULL;
	cxb_cxl_type3_correctable(dev, a->type);
	return cxb_qmp_empty();
}

static const CxbQmpCmd rows[] = {
	{ "cxl-inject-uncorrectable-errors", uncorrectable_rows, sizeof(struct uncorrectable_args),
	  0, "put uncorrectable errors into a device's RAS registers", inject_uncorrectable },
	{ "cxl-inject-correctable-error", correctable_rows, sizeof(struct correctable_args), 0,
	  "put a correctable error into a device's RAS registers", inject_correctable },
	{ NULL },
};

void qmp_add_ras_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
