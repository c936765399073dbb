/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GLib ends the program after g_error() with a breakpoint, of which libFuzzer knows nothing: the input
 * would be lost. An abort it notices.
 */
#include <signal.h>
#include <stdlib.h>

static void trapped(int sig)
{
	abort();
}

__attribute__((constructor)) static void catch_traps(void)
{
	signal(SIGTRAP, trapped);
}
