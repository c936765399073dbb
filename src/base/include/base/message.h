/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operators read on stderr: "PROG: TEXT", with a time and the machine's name in front if
 * -msg asks for them.
 */
#ifndef CXB_BASE_MESSAGE_H
#define CXB_BASE_MESSAGE_H

#include <glib.h>
#include <stdbool.h>

/** cxb_message_style() - What stands in front of every message from now on.
 * @timestamp: UTC with microseconds
 * @guest: a name; NULL: none */
void cxb_message_style(bool timestamp, const char *guest);
/** cxb_message() - "[TIME ][GUEST ]PROG: TEXT" and a newline. */
void cxb_message(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/** cxb_message_at() - The same for something in a file: "PROG:WHERE: TEXT". */
void cxb_message_at(const char *where, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

#endif
