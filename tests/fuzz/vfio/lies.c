/* SPDX-License-Identifier: Apache-2.0 */
#include "served.h"

#include <stdlib.h>
#include <string.h>

#define HEADER   sizeof(struct vfu_header)
#define LIES_MAX 32u

static Lie lies[LIES_MAX];
static unsigned n_lies;

void lies_forget(void)
{
	n_lies = 0;
}

bool lies_add(const Lie *lie)
{
	if (lie->n > LIE_BYTES_MAX)
		abort();
	if (n_lies == LIES_MAX)
		return false;
	lies[n_lies++] = *lie;
	return true;
}

static void cut(Answer *a, const Lie *l)
{
	a->ends = true;
	g_byte_array_set_size(a->bytes, MIN(l->at, a->bytes->len));
}

static void make_error(Answer *a, const Lie *l)
{
	struct vfu_header h;

	memcpy(&h, a->bytes->data, HEADER);
	h.flags |= VFU_ERROR;
	h.error = l->value;
	h.size = HEADER;
	g_byte_array_set_size(a->bytes, HEADER);
	memcpy(a->bytes->data, &h, HEADER);
}

static void change_length(Answer *a, const Lie *l)
{
	uint32_t size;

	g_byte_array_set_size(a->bytes, MIN(HEADER + l->at, a->bytes->len));
	if (l->n)
		g_byte_array_append(a->bytes, l->bytes, l->n);
	size = a->bytes->len;
	memcpy(a->bytes->data + offsetof(struct vfu_header, size), &size, sizeof(size));
}

static void apply(const Lie *l, Answer *a)
{
	uint8_t *d = a->bytes->data;
	uint32_t word;

	switch (l->kind % LIES) {
	case LIE_ERRNO:
		make_error(a, l);
		break;
	case LIE_HEADER:
		memcpy(&word, d + l->at % 4 * 4, 4);
		word += l->value;
		memcpy(d + l->at % 4 * 4, &word, 4);
		break;
	case LIE_BODY:
		if (HEADER + l->at < a->bytes->len)
			memcpy(d + HEADER + l->at, l->bytes,
			       MIN(l->n, a->bytes->len - HEADER - l->at));
		break;
	case LIE_LENGTH:
		change_length(a, l);
		break;
	case LIE_FILES:
		a->files = l->files;
		break;
	case LIE_SILENT:
		g_byte_array_set_size(a->bytes, 0);
		break;
	case LIE_LEAVE:
		a->goes = true;
		cut(a, l);
		break;
	case LIE_CUT:
		cut(a, l);
		break;
	case LIE_BEFORE:
		served_say(l->bytes, l->n, l->files);
		break;
	case LIE_AFTER:
		a->after = *l;
		break;
	case LIE_TWICE:
		a->twice = true;
		break;
	case LIE_DMA:
		served_dma(l->value | (uint64_t)(l->at & 0xf) << 32, l->at >> 4 << 8 | l->files,
			   l->bytes, l->n);
		break;
	case LIE_LATE:
		a->late += l->value % 10000;
		break;
	case LIE_PIECES:
		a->held = a->bytes->len - MIN(l->at, a->bytes->len);
		break;
	}
}

/* Lies are told in the order in which they were thought of; a header that is gone ends them. */
void lies_tell(Answer *a, unsigned command)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n_lies; i++) {
		Lie *l = &lies[i];
		const bool due = !l->command || l->command == command;

		if (due && !l->after && a->bytes->len >= HEADER && !a->ends)
			apply(l, a);
		if (!due || l->after || l->sticks)
			lies[left++] = *l;
		if (due && l->after)
			lies[left - 1].after--;
	}
	n_lies = left;
}
