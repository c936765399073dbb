/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor behind a memory backend: a sealed memfd, or a file that is locked while in use. */
#ifndef MEMORY_BACKING_H
#define MEMORY_BACKING_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "memory/hostmem.h"

typedef struct {
	int fd;             /* -1: none */
	uint64_t fd_off;    /* where the backend starts in it */
	uint64_t page_size; /* of what the file lives on: sizes, offsets, mappings are multiples */
	bool readonly;
	char *path; /* absolute, of a file with a name; else NULL */
	char *made; /* path of the file if opening created it */
	bool grown; /* opening gave an empty file its size */
} Backing;

/* What memory-backend-file is asked for. */
typedef struct {
	const char *path;
	uint64_t offset, size; /* bytes; size is not zero */
	bool share;
	bool readonly;
} BackingFile;

/* All-or-nothing; @b is zeroed or closed before. @id is the backend's, for messages. */
bool backing_open_memfd(Backing *b, const char *id, uint64_t size, GError **errp);
/* Without share the bytes are copied to a memfd once and the file is let go. A missing file is
 * created and an empty one extended, unless readonly; a shorter one is an error. */
bool backing_open_file(Backing *b, const char *id, const BackingFile *file, GError **errp);
/* A descriptor of somebody else's, which stays theirs; from @off on. */
bool backing_open_fd(Backing *b, const char *id, int fd, uint64_t off, bool readonly,
		     GError **errp);
/* Allocate all @size bytes now; what is there is kept. */
bool backing_prealloc(Backing *b, const char *id, uint64_t size, GError **errp);
/* Take back what opening did to the file system. For failures after opening. */
void backing_undo(Backing *b);
void backing_close(Backing *b);

/* Page size that mappings of @mem have to keep to. */
uint64_t hostmem_page_size(const CxbHostMem *mem);

#endif
