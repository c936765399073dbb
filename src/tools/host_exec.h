/* SPDX-License-Identifier: Apache-2.0 */
/* cxlbox-host exec: run a program that holds the memory of a tag. */
#ifndef CXB_TOOLS_HOST_EXEC_H
#define CXB_TOOLS_HOST_EXEC_H

/** host_exec_main() - As main(), of the words from "exec" on. Does not return if all went well. */
int host_exec_main(int argc, char **argv);

#endif
