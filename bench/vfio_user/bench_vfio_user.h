/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_VFIO_USER_H
#define BENCH_VFIO_USER_H

/** serve() - A device with a BAR 0 of 2 MiB of memory at a socket, one client after the other. */
int serve(const char *path);

#endif
