/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client of a served function: negotiation, then requests in order of arrival, each answered at
 * once. A request that is framed well but wrong gets an errno and changes nothing; the session goes
 * on. The function keeps its state when the client goes.
 */
#ifndef VFIO_USER_SESSION_H
#define VFIO_USER_SESSION_H

#include <glib.h>

#include "dma.h"
#include "irqs.h"
#include "target.h"
#include "vfu/conn.h"

#define MAX_FDS      16u    /* announced: descriptors on one message */
#define MAX_DMA_MAPS 65535u /* announced */

typedef struct Session Session;

/* The answer to one request, on its way. Handlers leave it alone where the header says it all. */
typedef struct {
	union {
		struct vfu_dma_unmap unmap;
		struct vfu_info info;
		struct vfu_region_info region;
		struct vfu_irq_info irq;
		struct vfu_region_access access;
		struct vfu_version version;
		uint64_t writes;
	} head;
	size_t head_len;
	const void *data; /* behind the head; must live until the handler's next request */
	size_t data_len;
	int fd; /* goes along, not closed; -1: none */
} Answer;

struct Session {
	char *name; /* for messages */
	CxbVfuConn *conn;
	const TargetOps *target;
	void *opaque;
	CxbTimer *patience; /* for the first message */
	bool negotiated;
	DmaMap *dma;
	Irqs *irqs;
	uint8_t *data; /* VFU_DATA_DEFAULT bytes for answers; NULL until they are needed */
	void (*ended)(void *opaque, const char *why);
	void *ended_opaque;
};

typedef struct {
	const char *name;
	GMainContext *context;
	CxbClock *clock;
	const TargetOps *target;
	void *opaque; /* the target's */
	/* The client has gone; @why, or NULL if it just went. The session is to be freed. */
	void (*ended)(void *opaque, const char *why);
	void *ended_opaque;
} SessionConfig;

/** session_new() - Serve the client at @fd, which belongs to the session from now on. */
Session *session_new(int fd, const SessionConfig *config);
void session_free(Session *s); /* NULL is fine */
/** session_check() - If the client has gone, notice now. */
void session_check(Session *s);
/** session_fire() - Interrupt @vector of kind @index; false if no client listens to it now. */
bool session_fire(Session *s, unsigned index, unsigned vector);

/* --- requests, by subject: errno, 0 for success. The body has at least the structure. --- */

int session_version(Session *s, CxbVfuMessage *msg, Answer *a); /* version.c */
int session_get_info(Session *s, CxbVfuMessage *msg, Answer *a);
/* regions.c */
int session_region_info(Session *s, CxbVfuMessage *msg, Answer *a);
int session_region_io_fds(Session *s, CxbVfuMessage *msg, Answer *a);
int session_region_read(Session *s, CxbVfuMessage *msg, Answer *a);
int session_region_write(Session *s, CxbVfuMessage *msg, Answer *a);
int session_region_write_multi(Session *s, CxbVfuMessage *msg, Answer *a);

#endif
