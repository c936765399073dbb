/* SPDX-License-Identifier: Apache-2.0 */
/* Values -> text as QMP prints it. A stack of our own instead of recursion. */
#include "io/json.h"

#include <json-c/linkhash.h>
#include <string.h>

#include "json_string.h"

typedef struct {
	json_object *obj;
	size_t index;          /* array: next element */
	struct lh_entry *next; /* object: next member */
	bool any;              /* something is printed already */
} Frame;

static void newline(GString *out, bool pretty, unsigned depth)
{
	if (!pretty)
		return;
	g_string_append_c(out, '\n');
	for (unsigned i = 0; i < depth; i++)
		g_string_append(out, "    ");
}

static void print_scalar(GString *out, json_object *obj)
{
	char buf[G_ASCII_DTOSTR_BUF_SIZE];
	int64_t i;

	switch (json_object_get_type(obj)) {
	case json_type_boolean:
		g_string_append(out, json_object_get_boolean(obj) ? "true" : "false");
		break;
	case json_type_int:
		i = json_object_get_int64(obj);
		if (i < 0)
			g_string_append_printf(out, "%" G_GINT64_FORMAT, i);
		else
			g_string_append_printf(out, "%" G_GUINT64_FORMAT,
					       json_object_get_uint64(obj));
		break;
	case json_type_double:
		g_string_append(out, g_ascii_formatd(buf, sizeof(buf), "%.17g",
						     json_object_get_double(obj)));
		break;
	case json_type_string:
		json_string_encode(out, json_object_get_string(obj),
				   (size_t)json_object_get_string_len(obj));
		break;
	default:
		g_string_append(out, "null");
		break;
	}
}

static bool is_container(json_object *obj)
{
	return json_object_is_type(obj, json_type_object) ||
	       json_object_is_type(obj, json_type_array);
}

static void push(GString *out, GArray *stack, json_object *obj)
{
	Frame f = { .obj = obj };

	if (json_object_is_type(obj, json_type_object)) {
		f.next = json_object_get_object(obj)->head;
		g_string_append_c(out, '{');
	} else {
		g_string_append_c(out, '[');
	}
	g_array_append_val(stack, f);
}

/* The next child of the innermost container, its separator and key printed; false at its end. */
static bool next_child(GString *out, Frame *f, bool pretty, unsigned depth, json_object **child)
{
	const bool object = json_object_is_type(f->obj, json_type_object);

	if (object ? !f->next : f->index == json_object_array_length(f->obj))
		return false;
	if (f->any)
		g_string_append(out, pretty ? "," : ", ");
	f->any = true;
	newline(out, pretty, depth);
	if (object) {
		const char *key = lh_entry_k(f->next);

		json_string_encode(out, key, strlen(key));
		g_string_append(out, ": ");
		*child = lh_entry_v(f->next);
		f->next = f->next->next;
	} else {
		*child = json_object_array_get_idx(f->obj, f->index++);
	}
	return true;
}

GString *cxb_json_text(json_object *obj, bool pretty)
{
	GString *out = g_string_new(NULL);
	g_autoptr(GArray) stack = g_array_new(FALSE, FALSE, sizeof(Frame));

	if (is_container(obj))
		push(out, stack, obj);
	else
		print_scalar(out, obj);
	while (stack->len) {
		Frame *f = &g_array_index(stack, Frame, stack->len - 1);
		json_object *child;

		if (next_child(out, f, pretty, stack->len, &child)) {
			if (is_container(child))
				push(out, stack, child);
			else
				print_scalar(out, child);
			continue;
		}
		if (f->any)
			newline(out, pretty, stack->len - 1);
		g_string_append_c(out, json_object_is_type(f->obj, json_type_object) ? '}' : ']');
		g_array_set_size(stack, stack->len - 1);
	}
	return out;
}
