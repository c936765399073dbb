/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The human monitor on a chardev: a banner, a prompt, lines that are echoed as they are typed. Each
 * byte redraws the line, as QEMU's readline does: programs that talk to it know what that looks like.
 */
#include <string.h>

#include "hmp.h"

#define MAX_LINE 4095 /* bytes; more are not taken */
#define ERASE    "\033[K"
#define BACK     "\033[D"

struct HmpSession {
	CxbQmp *qmp;
	CxbChardev *chr;
	GString *line;
	GString *waiting;                      /* input, while the peer does not read */
	enum { PLAIN, ESCAPE, SEQUENCE } keys; /* cursor keys are looked over */
};

static void say(HmpSession *s, const char *text)
{
	cxb_chardev_write(s->chr, text, strlen(text));
}

static void prompt(HmpSession *s)
{
	g_string_truncate(s->line, 0);
	say(s, "(qemu) ");
}

/* Draw the line anew over one that had @old bytes before the cursor. */
static void redraw(HmpSession *s, size_t old)
{
	g_autoptr(GString) out = g_string_new(NULL);

	for (size_t i = 0; i < old; i++)
		g_string_append(out, BACK);
	g_string_append_len(out, s->line->str, s->line->len);
	g_string_append(out, ERASE);
	cxb_chardev_write(s->chr, out->str, out->len);
}

static void run_line(HmpSession *s)
{
	g_autofree char *text = NULL;

	say(s, "\r\n");
	/* What earlier commands set off comes to rest first, as for QMP. */
	cxb_workq_drain(cxb_machine_workq(s->qmp->machine));
	text = hmp_run(s->qmp, s->line->str);
	say(s, text);
	if (!s->qmp->ended)
		prompt(s);
}

static void take_key(HmpSession *s, char c)
{
	const size_t len = s->line->len;

	if (c == '\r' || c == '\n') {
		run_line(s);
	} else if ((c == '\b' || c == 0x7f) && len) {
		g_string_truncate(s->line, len - 1);
		redraw(s, len);
	} else if (!g_ascii_iscntrl(c) && len < MAX_LINE) {
		g_string_append_c(s->line, c);
		redraw(s, len);
	}
}

static void take_byte(HmpSession *s, char c)
{
	switch (s->keys) {
	case PLAIN:
		if (c == '\033')
			s->keys = ESCAPE;
		else
			take_key(s, c);
		break;
	case ESCAPE:
		s->keys = c == '[' || c == 'O' ? SEQUENCE : PLAIN;
		break;
	case SEQUENCE:
		if (c >= '@' && c <= '~')
			s->keys = PLAIN;
		break;
	}
}

/* Whatever came; what a peer that does not read asks for next stays in @waiting. */
static void work(HmpSession *s)
{
	size_t done = 0;

	while (done < s->waiting->len && !s->qmp->ended && !cxb_chardev_congested(s->chr))
		take_byte(s, s->waiting->str[done++]);
	g_string_erase(s->waiting, 0, done);
	cxb_chardev_pause(s->chr, s->waiting->len && !s->qmp->ended);
}

static void on_opened(void *opaque)
{
	HmpSession *s = opaque;
	g_autofree char *banner =
		g_strdup_printf("QEMU %d.%d.%d monitor - type 'help' for more information\r\n",
				QMP_MAJOR, QMP_MINOR, QMP_MICRO);

	s->keys = PLAIN;
	g_string_truncate(s->waiting, 0);
	cxb_chardev_pause(s->chr, false);
	say(s, banner);
	prompt(s);
}

static void on_input(void *opaque, const char *bytes, size_t len)
{
	HmpSession *s = opaque;

	g_string_append_len(s->waiting, bytes, len);
	work(s);
}

static void on_closed(void *opaque)
{
	HmpSession *s = opaque;

	g_string_truncate(s->waiting, 0);
	cxb_chardev_pause(s->chr, false);
}

static void on_drained(void *opaque)
{
	work(opaque);
}

static const CxbChardevFront front = { on_opened, on_input, on_closed, on_drained };

bool cxb_qmp_serve_hmp(CxbQmp *qmp, CxbChardev *chr, GError **errp)
{
	HmpSession *s = g_new0(HmpSession, 1);

	*s = (HmpSession){ qmp, chr, g_string_new(NULL), g_string_new(NULL), PLAIN };
	if (!cxb_chardev_attach(chr, &front, s, errp)) {
		g_string_free(s->line, TRUE);
		g_string_free(s->waiting, TRUE);
		g_free(s);
		return false;
	}
	g_ptr_array_add(qmp->hmp_sessions, s);
	return true;
}

void hmp_session_free(HmpSession *s)
{
	cxb_chardev_detach(s->chr);
	cxb_chardev_free(s->chr);
	g_string_free(s->line, TRUE);
	g_string_free(s->waiting, TRUE);
	g_free(s);
}

void hmp_session_flush(HmpSession *s)
{
	cxb_chardev_flush(s->chr);
}
