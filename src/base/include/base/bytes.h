/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Little- and big-endian fields as types of their own: host order and wire order cannot be
 * confused, and no structure made of them needs packing or alignment care.
 */
#ifndef CXB_BASE_BYTES_H
#define CXB_BASE_BYTES_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* clang-format off */
typedef struct { uint8_t b[2]; } le16;
typedef struct { uint8_t b[3]; } le24;
typedef struct { uint8_t b[4]; } le32;
typedef struct { uint8_t b[8]; } le64;
/* clang-format on */

static inline uint16_t le16_get(le16 v)
{
	uint16_t x;

	memcpy(&x, v.b, sizeof(x));
	return le16toh(x);
}

static inline le16 le16_put(uint16_t x)
{
	le16 v;

	x = htole16(x);
	memcpy(v.b, &x, sizeof(x));
	return v;
}

static inline uint32_t le24_get(le24 v)
{
	return v.b[0] | v.b[1] << 8 | (uint32_t)v.b[2] << 16;
}

static inline le24 le24_put(uint32_t x)
{
	return (le24){ { x & 0xff, x >> 8 & 0xff, x >> 16 & 0xff } };
}

static inline uint32_t le32_get(le32 v)
{
	uint32_t x;

	memcpy(&x, v.b, sizeof(x));
	return le32toh(x);
}

static inline le32 le32_put(uint32_t x)
{
	le32 v;

	x = htole32(x);
	memcpy(v.b, &x, sizeof(x));
	return v;
}

static inline uint64_t le64_get(le64 v)
{
	uint64_t x;

	memcpy(&x, v.b, sizeof(x));
	return le64toh(x);
}

static inline le64 le64_put(uint64_t x)
{
	le64 v;

	x = htole64(x);
	memcpy(v.b, &x, sizeof(x));
	return v;
}

/** le_load() - The @size (1 to 8) bytes at @p as a little-endian number. */
static inline uint64_t le_load(const void *p, unsigned size)
{
	const uint8_t *b = p;
	uint64_t x = 0;

	for (unsigned i = 0; i < size; i++)
		x |= (uint64_t)b[i] << (8 * i);
	return x;
}

/** le_store() - Store the low @size (1 to 8) bytes of @x at @p, least significant first. */
static inline void le_store(void *p, unsigned size, uint64_t x)
{
	uint8_t *b = p;

	for (unsigned i = 0; i < size; i++)
		b[i] = x >> (8 * i);
}

/* Sizes and offsets a reviewer would check against the table, built from the type's name. */
#define WIRE_SIZE(type, size) \
	_Static_assert(sizeof(struct type) == (size), #type " is not " #size " bytes")
#define WIRE_AT(type, field, off) \
	_Static_assert(offsetof(struct type, field) == (off), #type "." #field " is not at " #off)

/* Bit fields: a mask and one pair of helpers, never C bit-fields. */
#define FIELD_GET(mask, reg)  (((reg) & (mask)) >> __builtin_ctzll(mask))
#define FIELD_PREP(mask, val) (((uint64_t)(val) << __builtin_ctzll(mask)) & (mask))

#endif
