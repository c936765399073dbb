/* SPDX-License-Identifier: Apache-2.0 */
/* -chardev options and short forms, with QEMU's texts for what is wrong. */
#include "io/chardev.h"

#include <string.h>

static char *dump(const CxbOpts *opts)
{
	GString *out = g_string_new(NULL);

	for (guint i = 0; i < opts->opts->len; i++) {
		const CxbOpt *o = g_ptr_array_index(opts->opts, i);

		g_string_append_printf(out, "%s%s=%s", i ? "|" : "", o->key, o->value.s);
	}
	return g_string_free(out, FALSE);
}

static void short_forms_become_options(void)
{
	static const char *const rows[][2] = {
		{ "stdio", "backend=stdio" },
		{ "null", "backend=null" },
		{ "pty", "backend=pty" },
		{ "file:/a,b=c", "backend=file|path=/a,b=c" },
		{ "unix:/p", "backend=socket|path=/p" },
		{ "unix:/a,,b", "backend=socket|path=/a,b" },
		{ "unix:/p,server=on,wait=off", "backend=socket|path=/p|server=on|wait=off" },
		{ "unix:/p,server,nowait", "backend=socket|path=/p|server=on|wait=off" },
		{ "tcp:localhost:4444,server=on",
		  "backend=socket|host=localhost|port=4444|server=on" },
		{ "tcp::0,server,nowait,nodelay",
		  "backend=socket|host=|port=0|server=on|wait=off|nodelay=on" },
		{ "tcp:[::1]:5", "backend=socket|host=::1|port=5" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(CxbOpts) opts = cxb_chardev_parse_legacy(rows[i][0], NULL);
		g_autofree char *text = NULL;

		g_assert_nonnull(opts);
		text = dump(opts);
		g_assert_cmpstr(text, ==, rows[i][1]);
	}
}

static void other_short_forms_are_refused(void)
{
	static const char *const rows[] = { "nosuch:x", "",           "none",  "tcp:localhost",
					    "tcp:a:",   "tcp:[::1:5", "stdiox" };

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *expected =
			g_strdup_printf("'%s' is not a valid char driver", rows[i]);
		g_autoptr(GError) err = NULL;

		g_assert_null(cxb_chardev_parse_legacy(rows[i], &err));
		g_assert_cmpstr(err->message, ==, expected);
	}
}

static void bad_options_are_refused_before_anything_is_opened(void)
{
	static const char *const rows[][2] = {
		{ "nosuch,id=a", "'nosuch' is not a valid char driver name" },
		{ "id=a", "chardev: \"a\" missing backend" },
		{ "null,id=a,foo=1", "Invalid parameter 'foo'" },
		{ "socket,path=/nodir/x,foo=1", "Invalid parameter 'foo'" },
		{ "socket,host=h", "chardev: socket: no port given" },
		{ "socket,id=a", "Exactly one of 'path', 'fd' or 'host' required" },
		{ "socket,path=/p,host=h,port=1",
		  "Exactly one of 'path', 'fd' or 'host' required" },
		{ "socket,path=/p,server=maybe", "Parameter 'server' expects 'on' or 'off'" },
		{ "socket,path=/p,server=ON", "Parameter 'server' expects 'on' or 'off'" },
		{ "socket,path=/p,wait=on",
		  "'wait' option is incompatible with socket in client connect mode" },
		{ "null,logfile=/p", "chardev: option 'logfile' is not supported" },
		{ "null,mux=x", "Parameter 'mux' expects 'on' or 'off'" },
		{ "socket,path=/p,telnet=on", "chardev: option 'telnet' is not supported" },
		{ "socket,path=/p,tls-creds=t", "chardev: option 'tls-creds' is not supported" },
		{ "socket,path=/p,reconnect-ms=10",
		  "chardev: option 'reconnect-ms' is not supported" },
		{ "socket,host=h,port=1,ipv4=off,ipv6=off",
		  "Cannot disable IPv4 and IPv6 at same time" },
		{ "socket,path=/nodir/x,server=on",
		  "Failed to bind socket to /nodir/x: No such file or directory" },
		{ "socket,path=/nodir/x",
		  "Failed to connect to '/nodir/x': No such file or directory" },
		{ "socket,fd=99999", "File descriptor '99999' is not a socket" },
		{ "socket,fd=x", "File descriptor 'x' is not a socket" },
		{ "file", "chardev: file: no filename given" },
		{ "file,path=/nodir/x", "Could not open '/nodir/x': No such file or directory" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(CxbOpts) opts = cxb_opts_parse(rows[i][0], "backend", true, NULL);
		g_autoptr(GError) err = NULL;

		g_assert_null(cxb_chardev_new(opts, NULL, "NAME", &err));
		g_assert_cmpstr(err->message, ==, rows[i][1]);
	}
}

static void a_path_too_long_for_a_socket_is_refused(void)
{
	g_autofree char *path = g_strnfill(200, 'p');
	g_autofree char *text = g_strdup_printf("socket,path=%s,server=on", path);
	g_autofree char *expected = g_strdup_printf("UNIX socket path '%s' is too long\n"
						    "Path must be less than 108 bytes",
						    path);
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "backend", true, NULL);
	g_autoptr(GError) err = NULL;

	g_assert_null(cxb_chardev_new(opts, NULL, "NAME", &err));
	g_assert_cmpstr(err->message, ==, expected);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/io/chardev_opts/short", short_forms_become_options);
	g_test_add_func("/io/chardev_opts/bad_short", other_short_forms_are_refused);
	g_test_add_func("/io/chardev_opts/bad", bad_options_are_refused_before_anything_is_opened);
	g_test_add_func("/io/chardev_opts/long_path", a_path_too_long_for_a_socket_is_refused);
	return g_test_run();
}
