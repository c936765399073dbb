/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupt lines. The one device that has any is the I/O APIC, with its 24 inputs. */
#include "qtest_impl.h"

#include <string.h>

#include "qom/device.h"

#define IOAPIC  "ioapic"
#define UNNAMED "unnamed-gpio-in"

static void on_irq(void *opaque, const CxbMachineIrqEvent *event)
{
	CxbQtest *q = opaque;
	char text[32];

	if (!q->irq_in || event->line >= QTEST_LINES || q->irq_levels[event->line] == event->level)
		return;
	q->irq_levels[event->line] = event->level;
	qtest_send(q, text,
		   g_snprintf(text, sizeof(text), "IRQ %s %u\n", event->level ? "raise" : "lower",
			      event->line));
}

void qtest_irq_init(CxbQtest *q)
{
	q->irq_id = cxb_irq_notify_add(cxb_machine_irq_notify(q->machine), on_irq, q);
}

void qtest_irq_fini(CxbQtest *q)
{
	cxb_irq_notify_remove(cxb_machine_irq_notify(q->machine), q->irq_id);
	g_free(q->irq_device);
}

void qtest_irq_forget(CxbQtest *q)
{
	memset(q->irq_levels, 0, sizeof(q->irq_levels));
}

/* The absolute path of the device that @w names, or NULL. The caller frees it. */
static char *find_device(CxbQtest *q, Word w)
{
	g_autofree char *path = NULL;
	const CxbObject *obj;

	if (word_is(w, IOAPIC) && cxb_machine_has_ports(q->machine))
		return g_strdup(IOAPIC);
	path = g_strndup(w.p, w.len);
	obj = cxb_qom_resolve(cxb_machine_qom(q->machine), path, CXB_TYPE_NAME_DEVICE, NULL);
	return obj ? cxb_object_path(obj) : NULL;
}

void qtest_intercept(CxbQtest *q, Words words, unsigned out)
{
	const Word device = words_next(&words), name = words_next(&words);
	g_autofree char *path = NULL;

	if (!device.p) {
		reply_fail(q, "device is missing");
		return;
	}
	path = find_device(q, device);
	if (!path)
		reply_fail(q, "Unknown device");
	else if (name.p && !out)
		reply_fail(q, "Interception of named in-GPIOs not yet supported");
	else if (q->irq_device && strcmp(q->irq_device, path) != 0)
		reply_fail(q, "IRQ intercept already enabled");
	else if (q->irq_device)
		reply_text(q, "OK");
	else if (out) /* no device has outputs */
		reply_fail(q, "No intercepts installed");
	else
		reply_text(q, "OK");
	if (path && !q->irq_device && !out && !name.p) {
		q->irq_in = strcmp(path, IOAPIC) == 0;
		q->irq_device = g_steal_pointer(&path);
	}
}

void qtest_set_irq_in(CxbQtest *q, Words words, unsigned arg)
{
	const Word device = words_next(&words), name = words_next(&words);
	const Word line = words_next(&words), level = words_next(&words);
	g_autofree char *path = device.p ? find_device(q, device) : NULL;
	uint64_t number;
	int64_t value;

	if (!device.p)
		reply_fail(q, "device is missing");
	else if (!path)
		reply_fail(q, "Unknown device");
	else if (!word_u64(line, &number) || !word_i64(level, &value))
		reply_fail(q, "line or level is missing or not a number");
	else if (strcmp(path, IOAPIC) != 0 || !word_is(name, UNNAMED) || number > UINT_MAX ||
		 !cxb_machine_set_irq(q->machine, number, value != 0))
		reply_fail(q, "no such interrupt line");
	else
		reply_text(q, "OK");
}
