/* SPDX-License-Identifier: Apache-2.0 */
/* A PCI function's registers in a test's guest, through sysfs: its kernel has no driver for it. */
#ifndef SYSFS_PCI_H
#define SYSFS_PCI_H

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *pci = "0000:0d:00.0";

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline uint64_t number(const char *text)
{
	return strtoull(text, NULL, 0);
}

static inline int open_of_pci(const char *file)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", pci, file);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		die(path);
	return fd;
}

static inline volatile uint8_t *bar(unsigned nr)
{
	char file[16];
	struct stat st;
	void *p;
	int fd;

	snprintf(file, sizeof(file), "resource%u", nr);
	fd = open_of_pci(file);
	if (fstat(fd, &st))
		die(file);
	p = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	close(fd);
	return p;
}

static inline uint32_t get32(volatile uint8_t *at)
{
	return *(volatile uint32_t *)at;
}

static inline void put32(volatile uint8_t *at, uint32_t value)
{
	*(volatile uint32_t *)at = value;
}

#endif
