/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

typedef struct {
	const CxbMachineMapper *ops;
	void *opaque;
} Mapper;

void cxb_mappers_init(CxbMachine *m)
{
	m->mappers = g_hash_table_new_full(NULL, NULL, NULL, g_free);
}

void cxb_mappers_fini(CxbMachine *m)
{
	g_hash_table_unref(m->mappers);
}

bool cxb_machine_set_mapper(CxbMachine *m, CxbDevice *endpoint, const CxbMachineMapper *ops,
			    void *opaque)
{
	Mapper *mapper;

	if (!ops) {
		g_hash_table_remove(m->mappers, endpoint);
		return true;
	}
	if (g_hash_table_contains(m->mappers, endpoint))
		return false;
	mapper = g_new0(Mapper, 1);
	*mapper = (Mapper){ ops, opaque };
	g_hash_table_insert(m->mappers, endpoint, mapper);
	return true;
}

static const Mapper *mapper_of(CxbMachine *m, CxbDevice *endpoint)
{
	return g_hash_table_lookup(m->mappers, endpoint);
}

CxbDcPrepare cxb_mapper_prepare(CxbMachine *m, CxbDevice *endpoint, const CxbDcOp *op,
				GError **errp)
{
	const Mapper *mapper = mapper_of(m, endpoint);

	return mapper ? mapper->ops->prepare(mapper->opaque, op, errp) : CXB_DC_READY;
}

bool cxb_mappers_lost(CxbMachine *m, const CxbDcOp *op, GError **errp)
{
	GHashTableIter it;
	gpointer value;

	g_hash_table_iter_init(&it, m->mappers);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		const Mapper *mapper = value;

		for (size_t i = 0; i < op->n; i++) {
			const CxbDcExtent *e = op->extents[i];

			if (mapper->ops->shows(mapper->opaque, cxb_cxl_backing_mem(e->backing),
					       e->backing_off, e->len, errp))
				return false;
		}
	}
	return true;
}

void cxb_mapper_abort(CxbMachine *m, CxbDevice *endpoint, const CxbDcOp *op)
{
	const Mapper *mapper = mapper_of(m, endpoint);

	if (mapper)
		mapper->ops->abort(mapper->opaque, op);
}

void cxb_mapper_commit(CxbMachine *m, CxbDevice *endpoint, const CxbDcOp *op)
{
	const Mapper *mapper = mapper_of(m, endpoint);

	if (mapper)
		mapper->ops->commit(mapper->opaque, op);
}

void cxb_mapper_decode_changed(CxbMachine *m, CxbDevice *endpoint)
{
	const Mapper *mapper = mapper_of(m, endpoint);

	if (mapper)
		mapper->ops->decode_changed(mapper->opaque);
}

bool cxb_mapper_decode_settling(CxbMachine *m, CxbDevice *endpoint)
{
	const Mapper *mapper = mapper_of(m, endpoint);

	return mapper && mapper->ops->decode_settling(mapper->opaque);
}

void cxb_mapper_gone(CxbMachine *m, CxbDevice *endpoint)
{
	const Mapper *mapper = mapper_of(m, endpoint);

	if (mapper)
		mapper->ops->gone(mapper->opaque);
}
