/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that serves a device over vfio-user and cannot be trusted, played in the thread of the
 * machine that has it: whenever the client waits it is the server's turn, and when the server has nothing
 * to say the time that the client waits has passed. model.c is the device, an honest one that may be made
 * any other; served.c speaks for it; lies.c is what becomes of its answers.
 */
#ifndef FUZZ_SERVED_H
#define FUZZ_SERVED_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfu/wire.h"

/* What the machine is given as the path of its socket. */
#define SERVED_PATH "/served"

/* Descriptors the server may send. */
enum { FILE_NONE, FILE_MEMORY, FILE_BAR, FILE_SMALL, FILE_PIPE, FILE_NULL, FILE_EVENT, FILES };

#define MODEL_MEMORY  (256u << 20)
#define MODEL_BAR     0x4000u /* bytes of the BAR that may be mapped */
#define MODEL_REGIONS 16u

/* What a client is told of a region. */
typedef struct __attribute__((packed)) {
	uint32_t flags, cap_offset;
	uint64_t size, offset;
	uint8_t file, n_caps;
	uint8_t caps[80];
} ModelRegion;

typedef struct {
	struct vfu_info info;
	struct vfu_irq_info irqs[VFU_IRQS];
	ModelRegion regions[MODEL_REGIONS];
	uint8_t config[4096];
	uint8_t bar[256];                  /* what all BARs have, again and again */
	uint8_t regs[0x200], fresh[0x200]; /* component registers; after a reset */
	unsigned hdm;                      /* where in them the decoders are */
	bool absorbs;                      /* what is written to them */
	bool stubborn;                     /* a decoder never commits */
	const uint8_t *version;            /* NULL: a good one */
	size_t version_len;
	int files[FILES];
	int pipe_out;
} Model;

enum {
	MODEL_PLAIN = 1,   /* no accelerator */
	MODEL_ABSORBS = 2, /* what is written to its registers, which are live */
	MODEL_UNCOMMITTED = 4,
	MODEL_MSI = 8,
	MODEL_MESSAGES = 16, /* with PLAIN: memory by message */
	MODEL_STUBBORN = 32, /* its decoders never commit */
};

/** model_init() - An accelerator with memory, but for what @kind says: MODEL_* */
void model_init(Model *m, unsigned kind);
void model_fini(Model *m);
/** model_answer() - The honest answer to a request: its body and a descriptor of m->files, or an errno. */
int model_answer(Model *m, unsigned command, const uint8_t *body, size_t len, GByteArray *out,
		 unsigned *file);

/* What is done to an answer. */
enum {
	LIE_ERRNO,  /* it is an error: @value */
	LIE_HEADER, /* word @at of the header: @value is added to it */
	LIE_BODY,   /* bytes at @at of the body become @bytes */
	LIE_LENGTH, /* the body is cut at @at, @bytes follow; the header says so */
	LIE_FILES,  /* others come with it: @files */
	LIE_SILENT,
	LIE_CUT,    /* @at bytes of it, then silence */
	LIE_LEAVE,  /* @at bytes of it, then the server goes */
	LIE_BEFORE, /* first @bytes */
	LIE_AFTER,  /* then @bytes */
	LIE_TWICE,
	LIE_DMA,    /* first a request for memory: see served_dma() */
	LIE_LATE,   /* @value ms pass before */
	LIE_PIECES, /* the client sees @at bytes of it, and waits, before the rest */
	LIES
};

typedef struct {
	uint8_t kind, files;
	uint8_t command; /* to whose answers: 0: to all */
	uint8_t after;   /* so many that are not touched come before */
	bool sticks;     /* to all that come later */
	uint16_t at;
	uint32_t value;
	const uint8_t *bytes; /* not copied */
	size_t n;
} Lie;

#define LIE_BYTES_MAX 255u

/* An answer, and what else is done with it. */
typedef struct {
	GByteArray *bytes; /* header and body */
	unsigned files;    /* as served_say() has them */
	size_t held;       /* bytes at its end that come once the client waits for them */
	bool twice, ends, goes;
	unsigned late; /* ms */
	Lie after;     /* its bytes follow */
} Answer;

/** lies_add() - Be ready to lie; false if there are enough. */
bool lies_add(const Lie *lie);
void lies_forget(void);
/** lies_tell() - What is due happens to the answer to @command. */
void lies_tell(Answer *a, unsigned command);

void served_init(Model *m);
void served_fini(void);
/** served_refuse() - The next one who connects gets this errno; 0: a connection. */
void served_refuse(int err);
/** served_turn() - Read what there is, answer, send what is left. */
void served_turn(void);
/** served_say() - Bytes that nobody asked for. @files: how many, low nibble; which, high nibble */
void served_say(const void *bytes, size_t n, unsigned files);
/** served_dma() - Ask for memory: @value bytes to read, or @n bytes to write if there are any, at @address. */
void served_dma(uint64_t address, uint32_t value, const uint8_t *bytes, size_t n);
/** served_go() - Leave. @how: 1: shut down for writing, 2: for reading, else close */
void served_go(unsigned how);
/** served_raise() - Signal an eventfd that the client gave, by number. */
void served_raise(unsigned nr);

#endif
