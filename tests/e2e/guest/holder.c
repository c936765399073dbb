/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of a test's guest that has memory by tag from cxlbox-host: of the tag that "cxlbox-host exec"
 * holds for it, or of every tag that is listed at the control socket.
 *
 *   holder [-c SOCKET] ACTION...
 *
 * Word i of a tag's memory is i beside the tag's last byte, plus 1.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TAGS    256
#define EXTENTS 16
#define LINE    512
#define TAG_LEN 36

typedef struct {
	uint64_t at[EXTENTS], len[EXTENTS]; /* in the order that makes up the memory */
	unsigned n;
} Place;

typedef struct {
	char name[TAG_LEN + 1];
	volatile uint64_t *p;
	uint64_t words, seed;
} Tag;

static Tag tags[TAGS];
static unsigned n_tags;
static int control = -1, memory = -1;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void wrong(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static void add_extent(Place *place, const char *at, const char *len)
{
	if (!at || !len || place->n == EXTENTS)
		wrong("extents are not what they should be");
	place->at[place->n] = strtoull(at, NULL, 0);
	place->len[place->n++] = strtoull(len, NULL, 0);
}

/* All extents side by side. */
static void map_tag(const char *name, const Place *place)
{
	Tag *tag = &tags[n_tags++];
	uint64_t len = 0, off = 0;
	uint8_t *p;

	for (unsigned i = 0; i < place->n; i++)
		len += place->len[i];
	p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		die("room for a tag");
	for (unsigned i = 0; i < place->n; off += place->len[i++])
		if (mmap(p + off, place->len[i], PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 memory, place->at[i]) == MAP_FAILED)
			die("an extent");
	snprintf(tag->name, sizeof(tag->name), "%s", name);
	tag->p = (volatile uint64_t *)p;
	tag->words = len / 8;
	tag->seed = strtoull(name + TAG_LEN - 2, NULL, 16) + 1;
}

/* --- the connection --- */

/* A byte at a time: nothing of the next line, and no descriptor of its, is taken. */
static void read_line(char line[LINE])
{
	char space[CMSG_SPACE(sizeof(int))];
	size_t n = 0;

	for (;; n++) {
		struct iovec iov = { line + n, 1 };
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = space,
				      .msg_controllen = sizeof(space) };
		const struct cmsghdr *c;

		if (n == LINE - 1 || recvmsg(control, &msg, 0) != 1)
			die("a line of the connection");
		c = CMSG_FIRSTHDR(&msg);
		if (c && c->cmsg_type == SCM_RIGHTS)
			memcpy(&memory, CMSG_DATA(c), sizeof(memory));
		if (line[n] == '\n')
			break;
	}
	line[n] = '\0';
}

static void ask(const char *command, const char *tag)
{
	if (dprintf(control, tag ? "%s %s\n" : "%s\n", command, tag) < 0)
		die(command);
}

/* False: it was the last line of an answer. */
static int answer(char line[LINE])
{
	read_line(line);
	if (!strncmp(line, "error", 5))
		wrong(line);
	return strcmp(line, "ok") != 0;
}

static void hold(const char *name)
{
	Place place = { 0 };
	char line[LINE];

	ask("hold", name);
	while (answer(line)) {
		const char *word = strtok(line, " "), *at = strtok(NULL, " ");

		if (word && !strcmp(word, "map"))
			add_extent(&place, at, strtok(NULL, " "));
	}
	map_tag(name, &place);
}

static void hold_all(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char line[LINE], names[TAGS][TAG_LEN + 1];
	unsigned n = 0;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	control = socket(AF_UNIX, SOCK_STREAM, 0);
	if (control < 0 || connect(control, (struct sockaddr *)&addr, sizeof(addr)))
		die(path);
	ask("list", NULL);
	while (answer(line))
		if (n == TAGS || sscanf(line, "tag %36s", names[n++]) != 1)
			wrong(line);
	for (unsigned i = 0; i < n; i++)
		hold(names[i]);
}

static int number_of(const char *variable)
{
	const char *text = getenv(variable);

	if (!text)
		wrong(variable);
	return atoi(text);
}

static void take_what_is_held(void)
{
	char *map = getenv("CXLBOX_MAP");
	Place place = { 0 };

	control = number_of("CXLBOX_CONTROL_FD");
	memory = number_of("CXLBOX_MEMORY_FD");
	if (!map || !getenv("CXLBOX_TAG"))
		wrong("it was not started by cxlbox-host exec");
	for (char *at = strtok(map, "+"); at; at = strtok(NULL, "+"))
		add_extent(&place, at, strtok(NULL, ","));
	map_tag(getenv("CXLBOX_TAG"), &place);
}

/* --- actions --- */

static void fill(void)
{
	for (const Tag *t = tags; t < tags + n_tags; t++)
		for (uint64_t i = 0; i < t->words; i++)
			t->p[i] = t->seed << 32 | i;
}

static void verify(void)
{
	for (const Tag *t = tags; t < tags + n_tags; t++)
		for (uint64_t i = 0; i < t->words; i++)
			if (t->p[i] != (t->seed << 32 | i)) {
				printf("tag %s: word %" PRIu64 " is 0x%" PRIx64 "\n", t->name, i,
				       t->p[i]);
				exit(1);
			}
}

/* Wait until nothing of the memory is there any more. */
static void lost(void)
{
	for (const Tag *t = tags; t < tags + n_tags; t++)
		for (uint64_t i = 0; i < t->words; i++)
			while (t->p[i])
				usleep(1000);
}

static void told(const char *what)
{
	char line[LINE], wanted[LINE];

	snprintf(wanted, sizeof(wanted), "%s %s", what, tags[0].name);
	read_line(line);
	if (strcmp(line, wanted))
		wrong(line);
}

static void until(const char *file)
{
	while (access(file, F_OK))
		usleep(1000);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	argv++;
	if (argc > 2 && !strcmp(*argv, "-c")) {
		hold_all(argv[1]);
		argv += 2;
	} else {
		take_what_is_held();
	}
	for (; *argv; argv++) {
		if (!strcmp(*argv, "fill"))
			fill();
		else if (!strcmp(*argv, "verify"))
			verify();
		else if (!strcmp(*argv, "lost"))
			lost();
		else if (!strcmp(*argv, "told") && argv[1])
			told(*++argv);
		else if (!strcmp(*argv, "until") && argv[1])
			until(*++argv);
		else if (!strcmp(*argv, "say") && argv[1])
			puts(*++argv);
		else
			wrong(*argv);
	}
	return 0;
}
