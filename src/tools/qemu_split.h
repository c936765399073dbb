/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of a QEMU with CXL memory devices, taken apart: the devices and what is theirs go
 * to a cxlbox of machine x-remote, which serves each over vfio-user; everything else to a QEMU that
 * has a vfio-user-pci in the place of each.
 */
#ifndef CXB_TOOLS_QEMU_SPLIT_H
#define CXB_TOOLS_QEMU_SPLIT_H

#include "cmdline.h"
#include "qom/scalar.h"

/* A memory device: in cxlbox, and by the same id its place in QEMU. */
typedef struct {
	char *id;
	char *served;       /* "device=ID", of a head "device=ID,head=K" */
	char *bus;          /* what it is plugged into there */
	char *socket;       /* where it is served */
	GPtrArray *memdevs; /* char *: backends of its static memory, in order of their DPA */
	bool dynamic;       /* it has dynamic capacity */
} QemuDevice;

/* The objects of cxlbox's that serve a device and that map its memory, by its id. */
#define QEMU_SERVER_PREFIX "vfio-user."
#define QEMU_GUEST_PREFIX  "guest."

/* A QMP monitor that the line asks for, which will be ours. */
typedef struct {
	CxbOpts *chardev; /* as for cxb_chardev_new() */
	bool pretty;
	char *written;        /* the option that asks for it */
	const Option *option; /* the same; borrowed */
} QemuDoor;

typedef struct {
	GPtrArray *cxlbox; /* char *: arguments of each, in the order written */
	GPtrArray *qemu;
	GPtrArray *devices;  /* QemuDevice *, in order of the line */
	GPtrArray *doors;    /* QemuDoor * */
	GHashTable *objects; /* ids of those that are cxlbox's -> uint64_t: bytes, of a backend */
	GPtrArray *ports;    /* char *: ids of CXL ports that a device can be plugged into */
	GHashTable *buses;   /* id of a device of QEMU's -> bus it is on; of those that say so */
	GHashTable *slots;   /* set of char *: "BUS SS", taken on it */
	bool chassis[256];   /* taken */
	/* What QEMU gets only when the machine as a whole is known. */
	GPtrArray *memory;  /* CxbOpts *: -m */
	GPtrArray *machine; /* CxbOpts *: of -machine what windows and tables depend on */
	GPtrArray *bridges; /* CxbOpts *: -device pxb-cxl */
	uint64_t ram; /* bytes of the backend that is RAM; 0: none is, or its size is not said */
	const char *kernel, *initrd; /* NULL: not given; borrowed from the options */
} QemuSplit;

/**
 * qemu_split_new() - Take @options apart; all or nothing.
 * @options: Option *, as cxb_cmdline_parse() gives them; they must outlive what is made
 * @dir: where sockets will be
 * @culprit: the option that an error is about
 */
QemuSplit *qemu_split_new(GPtrArray *options, const char *dir, const Option **culprit,
			  GError **errp);
void qemu_split_free(QemuSplit *split); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QemuSplit, qemu_split_free)

/** qemu_split_is_memory_device() - @driver is one of cxlbox's; NULL is none. */
bool qemu_split_is_memory_device(const char *driver);
/** qemu_split_socket() - Where the device @id is served. Caller frees. */
char *qemu_split_socket(const char *dir, const char *id);
/** qemu_split_slot() - Take slot @slot of @bus; false: it is taken. */
bool qemu_split_slot(QemuSplit *split, const char *bus, unsigned slot);

#endif
