/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CXB_TOOLS_HELP_H
#define CXB_TOOLS_HELP_H

void cxb_print_version(void);
void cxb_print_help(const char *prog);

#endif
