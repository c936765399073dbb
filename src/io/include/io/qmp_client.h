/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of QMP: commands to another program's monitor and their answers, asynchronously.
 * The greeting is taken and capabilities are negotiated before anything else goes out. Answers come in
 * the order of the commands.
 */
#ifndef CXB_IO_QMP_CLIENT_H
#define CXB_IO_QMP_CLIENT_H

#include "io/chardev.h"
#include "io/json.h"

typedef struct CxbQmpClient CxbQmpClient;

/* Only closed may free the client. */
typedef struct {
	void (*ready)(void *opaque); /* negotiated */
	/* Optional. @event is borrowed: the whole message, with "event", "data", "timestamp". */
	void (*event)(void *opaque, const char *name, json_object *event);
	/* The other side has gone or talks nonsense; @why, or NULL if it just went. Commands without an
	 * answer get none. Called once. */
	void (*closed)(void *opaque, const char *why);
} CxbQmpClientOps;

/**
 * An answer.
 * @ret: what "return" has, borrowed; NULL with @error, which is the description
 */
typedef void (*CxbQmpAnswer)(void *opaque, json_object *ret, const char *error);

/** cxb_qmp_client_new() - Connect to a unix socket. Fails if nobody listens. */
CxbQmpClient *cxb_qmp_client_new(const char *path, GMainContext *context,
				 const CxbQmpClientOps *ops, void *opaque, GError **errp);
/** cxb_qmp_client_listen() - Wait at a unix socket for the other side to connect. */
CxbQmpClient *cxb_qmp_client_listen(const char *path, GMainContext *context,
				    const CxbQmpClientOps *ops, void *opaque, GError **errp);
void cxb_qmp_client_free(CxbQmpClient *c); /* no answer comes any more; NULL is fine */

/** cxb_qmp_client_hold() - Keep what is sent from now on, until cxb_qmp_client_flush() sends it in one
 * write: so that nothing the other side does comes in between. */
void cxb_qmp_client_hold(CxbQmpClient *c);
void cxb_qmp_client_flush(CxbQmpClient *c);
/** cxb_qmp_client_send() - @args belongs to the client; NULL: none. @fn may be NULL. */
void cxb_qmp_client_send(CxbQmpClient *c, const char *command, json_object *args, CxbQmpAnswer fn,
			 void *opaque);

/** @message: the whole answer as it came, with the id of the request; borrowed. */
typedef void (*CxbQmpRelay)(void *opaque, json_object *message);
/** cxb_qmp_client_relay() - Send somebody else's @request as it is, right or wrong; borrowed. */
void cxb_qmp_client_relay(CxbQmpClient *c, json_object *request, CxbQmpRelay fn, void *opaque);

#endif
