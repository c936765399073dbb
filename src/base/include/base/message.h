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
/** cxb_message_at() - The same for something in a file: "PROG:WHERE: TEXT". @where: NULL: none. */
void cxb_message_at(const char *where, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/** cxb_message_about() - What is worked on from now on, for warnings.
 * @where: "FILE:LINE" it is from, or NULL
 * @what: the option as written, or NULL */
void cxb_message_about(const char *where, const char *what);
/** cxb_message_warning() - "PROG[:WHERE]: [WHAT: ]warning: TEXT" of what is worked on. */
void cxb_message_warning(const char *text);

#endif
