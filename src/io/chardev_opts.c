/* SPDX-License-Identifier: Apache-2.0 */
/* The options of -chardev, and the short forms of -qmp, -qtest and the like. */
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "chardev_impl.h"

bool opt_bool(CxbOpts *opts, const char *key, bool def, bool *out, GError **errp)
{
	const CxbScalar *v = cxb_opts_find(opts, key);

	*out = def;
	if (!v)
		return true;
	if (v->kind == CXB_SCALAR_BOOL) {
		*out = v->b;
		return true;
	}
	if (v->kind == CXB_SCALAR_TEXT && cxb_parse_bool(v->s, out))
		return true;
	return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' expects 'on' or 'off'", key);
}

/* Options of QEMU's that we lack may be given as long as they ask for nothing. */
static bool refuse_features(CxbOpts *opts, GError **errp)
{
	static const char *const flags[] = { "telnet", "tn3270", "websocket" };
	static const char *const texts[] = { "tls-creds", "tls-authz", "reconnect", "reconnect-ms",
					     "to" };
	bool on;

	for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
		if (!opt_bool(opts, flags[i], false, &on, errp))
			return false;
		if (on)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"chardev: option '%s' is not supported", flags[i]);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		const CxbScalar *v = cxb_opts_find(opts, texts[i]);

		if (v && !(v->kind == CXB_SCALAR_TEXT && !strcmp(v->s, "0")))
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"chardev: option '%s' is not supported", texts[i]);
	}
	return true;
}

bool common_opts_check(CxbOpts *opts, GError **errp)
{
	bool on;

	/* One who speaks is all that a chardev has here: to be ready for more changes nothing. */
	if (!opt_bool(opts, "mux", false, &on, errp) ||
	    !opt_bool(opts, "logappend", false, &on, errp))
		return false;
	return !cxb_opts_find(opts, "logfile") ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "chardev: option 'logfile' is not supported");
}

static bool get_family(CxbOpts *opts, int *family, GError **errp)
{
	const bool has4 = cxb_opts_has(opts, "ipv4"), has6 = cxb_opts_has(opts, "ipv6");
	bool v4, v6;

	if (!opt_bool(opts, "ipv4", true, &v4, errp) || !opt_bool(opts, "ipv6", true, &v6, errp))
		return false;
	/* Naming one family as wanted means not the other one. */
	if (has4 && v4 && !has6)
		v6 = false;
	if (has6 && v6 && !has4)
		v4 = false;
	if (!v4 && !v6)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Cannot disable IPv4 and IPv6 at same time");
	*family = v4 && v6 ? AF_UNSPEC : v4 ? AF_INET : AF_INET6;
	return true;
}

bool socket_opts_get(CxbOpts *opts, SocketOpts *out, GError **errp)
{
	const bool has_wait = cxb_opts_has(opts, "wait");

	*out = (SocketOpts){ 0 };
	if (!cxb_opts_get_str(opts, "path", &out->path, errp) ||
	    !cxb_opts_get_str(opts, "host", &out->host, errp) ||
	    !cxb_opts_get_str(opts, "port", &out->port, errp) ||
	    !cxb_opts_get_str(opts, "fd", &out->fd, errp) ||
	    !opt_bool(opts, "server", false, &out->server, errp) ||
	    !opt_bool(opts, "wait", out->server, &out->wait, errp) ||
	    !opt_bool(opts, "abstract", false, &out->abstract, errp) ||
	    !opt_bool(opts, "tight", true, &out->tight, errp) ||
	    !opt_bool(opts, "nodelay", false, &out->nodelay, errp) ||
	    !get_family(opts, &out->family, errp) || !refuse_features(opts, errp))
		return false;
	if (!!out->path + !!out->host + !!out->fd != 1)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Exactly one of 'path', 'fd' or 'host' required");
	if (out->host && !out->port)
		return cxb_fail(errp, CXB_ERROR_INVALID, "chardev: socket: no port given");
	if (!out->server && has_wait && out->wait)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"'wait' option is incompatible with socket in client connect mode");
	return true;
}

/* The field at *p up to a single comma, doubled ones halved; *p moves behind the comma, or NULL. */
static char *take_field(const char **p)
{
	GString *out = g_string_new(NULL);
	const char *s = *p;

	for (; *s; s++) {
		if (*s == ',') {
			if (s[1] != ',')
				break;
			s++;
		}
		g_string_append_c(out, *s);
	}
	*p = *s ? s + 1 : NULL;
	return g_string_free(out, FALSE);
}

/* "server=on,nowait": here short booleans give no warning. */
static void add_fields(CxbOpts *opts, const char *p)
{
	while (p) {
		g_autofree char *field = take_field(&p);
		char *eq = strchr(field, '=');

		if (eq) {
			*eq = '\0';
			cxb_opts_add_text(opts, field, eq + 1);
		} else if (g_str_has_prefix(field, "no") && strcmp(field, "nodelay") != 0) {
			cxb_opts_add_text(opts, field + 2, "off");
		} else if (field[0]) {
			cxb_opts_add_text(opts, field, "on");
		}
	}
}

/* "HOST:PORT" or "[HOST]:PORT". */
static bool split_host(CxbOpts *opts, const char *addr)
{
	const char *colon = strrchr(addr, ':');
	g_autofree char *host = NULL;
	size_t len;

	if (!colon || !colon[1])
		return false;
	len = (size_t)(colon - addr);
	if (addr[0] == '[') {
		if (len < 2 || addr[len - 1] != ']')
			return false;
		host = g_strndup(addr + 1, len - 2);
	} else {
		host = g_strndup(addr, len);
	}
	cxb_opts_add_text(opts, "host", host);
	cxb_opts_add_text(opts, "port", colon + 1);
	return true;
}

CxbOpts *cxb_chardev_parse_legacy(const char *text, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_new();
	const char *rest;

	if (!strcmp(text, "stdio") || !strcmp(text, "null") || !strcmp(text, "pty")) {
		cxb_opts_add_text(opts, "backend", text);
		return g_steal_pointer(&opts);
	}
	if (g_str_has_prefix(text, "file:")) {
		cxb_opts_add_text(opts, "backend", "file");
		cxb_opts_add_text(opts, "path", text + strlen("file:"));
		return g_steal_pointer(&opts);
	}
	if (g_str_has_prefix(text, "unix:")) {
		g_autofree char *path = NULL;

		rest = text + strlen("unix:");
		path = take_field(&rest);
		cxb_opts_add_text(opts, "backend", "socket");
		cxb_opts_add_text(opts, "path", path);
		add_fields(opts, rest);
		return g_steal_pointer(&opts);
	}
	if (g_str_has_prefix(text, "tcp:")) {
		g_autofree char *addr = NULL;

		rest = text + strlen("tcp:");
		addr = take_field(&rest);
		cxb_opts_add_text(opts, "backend", "socket");
		if (split_host(opts, addr)) {
			add_fields(opts, rest);
			return g_steal_pointer(&opts);
		}
	}
	cxb_fail(errp, CXB_ERROR_INVALID, "'%s' is not a valid char driver", text);
	return NULL;
}
