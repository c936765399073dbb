/* SPDX-License-Identifier: Apache-2.0 */
/* A QEMU command line taken apart: who gets which words. */
#include "qemu_line.h"
#include "qemu_words.h"

#define PLACE(id, bus, more)                                                                 \
	"-device '{\"driver\":\"vfio-user-pci\",\"id\":\"" id "\",\"bus\":\"" bus "\"," more \
	"\"socket\":{\"type\":\"unix\",\"path\":\"/d/" id ".vfio-user\"}}'"
#define SERVER(id) \
	" -object x-vfio-user-server,id=vfio-user." id ",device=" id ",path=/d/" id ".vfio-user"
#define CPU " -cpu max,-hypervisor"

typedef struct {
	const char *line, *cxlbox, *qemu;
} Row;

static void each_gets_its_own(void)
{
	static const Row rows[] = {
		{ "-M q35,cxl=on", "-M x-remote", "-M q35,cxl=on" CPU },
		{ "-device cxl-type3,bus=rp0,id=t3,sn=7 -S",
		  "-M x-remote -device cxl-type3,sn=7,id=t3" SERVER("t3"),
		  PLACE("t3", "rp0", "") " -S" CPU },
		/* without an id; with one that the first choice would be */
		{ "-device cxl-type3,bus=rp0 -device cxl-rp,id=cxlbox-0 -cpu max",
		  "-M x-remote -device cxl-type3,id=cxlbox-1" SERVER("cxlbox-1"),
		  PLACE("cxlbox-1", "rp0", "") " -device cxl-rp,id=cxlbox-0" CPU },
		{ "-device cxl-type3,bus=rp0,id=t3,addr=0.0,multifunction=on -cpu host",
		  "-M x-remote -device cxl-type3,id=t3" SERVER("t3"),
		  PLACE("t3", "rp0",
			"\"multifunction\":true,\"addr\":\"0.0\",") " -cpu host,-hypervisor" },
		/* backends by name and by tag, in the order written; others stay */
		{ "-object memory-backend-ram,id=v,size=1M -object memory-backend-ram,id=r,size=1M "
		  "-object memory-backend-ram,id=t,size=1M,tag=x "
		  "-device cxl-type3,bus=rp0,id=t3,volatile-memdev=v",
		  "-M x-remote -object memory-backend-ram,id=v,size=1M "
		  "-object memory-backend-ram,id=t,size=1M,tag=x "
		  "-device cxl-type3,volatile-memdev=v,id=t3" SERVER("t3"),
		  "-object memory-backend-ram,id=r,size=1M " PLACE("t3", "rp0", "") CPU },
		{ "-device cxl-type3,bus=a,id=t3,heads=2 -device "
		  "cxl-type3-head,bus=b,id=h,device=t3,head=1",
		  "-M x-remote -device cxl-type3,heads=2,id=t3" SERVER(
			  "t3") " -device cxl-type3-head,device=t3,head=1,id=h"
				" -object "
				"x-vfio-user-server,id=vfio-user.h,device=t3,head=1,path=/d/"
				"h.vfio-user",
		  PLACE("t3", "a", "") " " PLACE("h", "b", "") CPU },
		{ "-device {\"driver\":\"cxl-type3-head\",\"bus\":\"b\",\"id\":\"h\","
		  "\"device\":\"t3\",\"head\":2,\"addr\":8}",
		  "-M x-remote -device cxl-type3-head,device=t3,head=2,id=h"
		  " -object x-vfio-user-server,id=vfio-user.h,device=t3,head=2,path=/d/h.vfio-user",
		  PLACE("h", "b", "\"addr\":8,") CPU },
		{ "-chardev pty,id=c -chardev pty,id=s -serial chardev:s "
		  "-device cxl-mctp,target=t3,chardev=c",
		  "-M x-remote -chardev pty,id=c -device cxl-mctp,target=t3,chardev=c",
		  "-chardev pty,id=s -serial chardev:s" CPU },
		{ "-global cxl-type3.sn=1 -global cxl-rp.slot=1",
		  "-M x-remote -global cxl-type3.sn=1", "-global cxl-rp.slot=1" CPU },
		/* windows are no affair of QEMU's; an option of nothing else goes */
		{ "-M q35,cxl-fmw.0.size=1G,cxl=on -M cxl-fmw.0.targets.0=a", "-M x-remote",
		  "-M q35,cxl=on" CPU },
		{ "a,b.img -drive file=a,,b", "-M x-remote", "-hda a,b.img -drive file=a,,b" CPU },
		{ "-cpu max,+hypervisor", "-M x-remote", "-cpu max,+hypervisor" },
		{ "-cpu max,hypervisor=on", "-M x-remote", "-cpu max,hypervisor=on" },
		{ "-qmp unix:a,server=on,wait=off -chardev stdio,id=c -mon c,mode=control",
		  "-M x-remote", &CPU[1] },
		{ "-chardev stdio,id=c -mon c,mode=readline", "-M x-remote",
		  "-chardev stdio,id=c -mon c,mode=readline" CPU },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GPtrArray) options = NULL;
		g_autoptr(GError) err = NULL;
		g_autoptr(QemuSplit) split = split_line(rows[i].line, &options, &err);
		g_autofree char *cxlbox = NULL, *qemu = NULL;

		g_test_message("%s", rows[i].line);
		g_assert_no_error(err);
		cxlbox = qemu_words_shell(split->cxlbox);
		qemu = qemu_words_shell(split->qemu);
		g_assert_cmpstr(cxlbox, ==, rows[i].cxlbox);
		g_assert_cmpstr(qemu, ==, rows[i].qemu);
	}
}

static void what_is_wrong_is_named(void)
{
	static const struct {
		const char *line, *error;
	} rows[] = {
		{ "-device cxl-type3,id=t3", "Parameter 'bus' is missing: name the root port or "
					     "the port of a switch that it is "
					     "plugged into" },
		{ "-device cxl-type3,id=3,bus=a", "Parameter 'id' expects an identifier" },
		{ "-device cxl-type3,bus=a,multifunction=maybe",
		  "Parameter 'multifunction' expects 'on' or 'off'" },
		{ "-device {\"driver\":\"cxl-type3\",\"bus\":7}",
		  "Invalid parameter type for 'bus', expected: string" },
		{ "-object memory-backend-ram,id=m,size=1M -M memory-backend=m "
		  "-device cxl-type3,bus=a,volatile-memdev=m",
		  "'m' is not QEMU's: it goes with CXL memory, or is QMP's" },
		{ "-object memory-backend-ram,id=m,size=1M,tag=x -numa node,memdev=m",
		  "'m' is not QEMU's: it goes with CXL memory, or is QMP's" },
		{ "-mon c,mode=control", "chardev \"c\" not found, or something else has it" },
		{ "-chardev stdio,id=c -mon c,mode=control -mon c,mode=control",
		  "chardev \"c\" not found, or something else has it" },
		{ "-qmp nosuch:x", NULL },
		{ "-M x-remote", "name the machine of the guest: q35, or one of its versions" },
		{ "-daemonize", NULL },
		{ "-nosuch", "-nosuch: invalid option" },
		{ "-M q35,cxl", NULL },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GPtrArray) options = NULL;
		g_autoptr(GError) err = NULL;
		g_autoptr(QemuSplit) split = split_line(rows[i].line, &options, &err);

		g_test_message("%s", rows[i].line);
		g_assert_null(split);
		g_assert_nonnull(err);
		if (rows[i].error)
			g_assert_cmpstr(err->message, ==, rows[i].error);
	}
}

static void monitors_are_taken_with_their_chardevs(void)
{
	g_autoptr(GPtrArray) options = NULL;
	g_autoptr(QemuSplit) split = split_line(
		"-chardev socket,id=c,path=p,server=on,wait=off -mon "
		"chardev=c,mode=control,pretty=on "
		"-chardev socket,id=d,path=q -object monitor-qmp,id=m,chardev=d -qmp-pretty stdio",
		&options, NULL);
	const char *const written[] = { "-mon chardev=c,mode=control,pretty=on",
					"-object monitor-qmp,id=m,chardev=d", "-qmp-pretty stdio" };
	const bool pretty[] = { true, false, true };

	g_assert_nonnull(split);
	g_assert_cmpuint(split->doors->len, ==, 3);
	for (unsigned i = 0; i < 3; i++) {
		const QemuDoor *door = split->doors->pdata[i];

		g_assert_cmpstr(door->written, ==, written[i]);
		g_assert_cmpint(door->pretty, ==, pretty[i]);
		g_assert_true(cxb_opts_has(door->chardev, "backend"));
		g_assert_false(cxb_opts_has(door->chardev, "id"));
	}
}

static void dynamic_capacity_is_seen_however_it_is_given(void)
{
	static const struct {
		const char *line;
		bool dynamic;
	} rows[] = {
		{ "-device cxl-type3,bus=a,volatile-memdev=m", false },
		{ "-device cxl-type3,bus=a,num-dc-regions=1", true },
		{ "-device cxl-type3,bus=a,dc-region.0.size=1G", true },
		{ "-device {\"driver\":\"cxl-type3\",\"bus\":\"a\",\"dc-region\":[{\"size\":1}]}",
		  true },
		{ "-device cxl-type3,bus=a,volatile-dc-memdev=m", true },
		{ "-device cxl-type3-head,bus=a,device=t", true },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GPtrArray) options = NULL;
		g_autoptr(QemuSplit) split = split_line(rows[i].line, &options, NULL);

		g_test_message("%s", rows[i].line);
		g_assert_nonnull(split);
		g_assert_cmpint(((QemuDevice *)split->devices->pdata[0])->dynamic, ==,
				rows[i].dynamic);
	}
}

static void words_survive_a_shell(void)
{
	static const char *const words[] = {
		"plain-1.2,a=b:/c@d%", "", "two words", "it's", "$x`y`", "a\"b", "*"
	};
	g_autoptr(GPtrArray) list = g_ptr_array_new();
	g_autofree char *line = NULL;
	g_auto(GStrv) again = NULL;
	int n;

	for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
		g_ptr_array_add(list, (char *)words[i]);
	line = qemu_words_shell(list);
	g_assert_true(g_str_has_prefix(line, "plain-1.2,a=b:/c@d% "));
	g_assert_true(g_shell_parse_argv(line, &n, &again, NULL));
	g_assert_cmpint(n, ==, G_N_ELEMENTS(words));
	for (int i = 0; i < n; i++)
		g_assert_cmpstr(again[i], ==, words[i]);
}

static void options_are_written_as_they_were(void)
{
	static const char *const texts[] = { "q35,cxl=on", "type=a=b,x=1,,2",
					     "q35,a.0.b=c,a.1.b=d" };
	for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(CxbOpts) opts = cxb_opts_parse(texts[i], "type", false, NULL);
		g_autofree char *again = qemu_words_opts(opts, "type");

		g_assert_cmpstr(again, ==, texts[i]);
	}
}

static void sizes_are_in_the_largest_whole_unit(void)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = { { 0, "0b" },
		     { 1, "1b" },
		     { 1024, "1K" },
		     { 1025, "1025b" },
		     { 3ull << 29, "1536M" },
		     { 6ull << 30, "6G" },
		     { 2ull << 50, "2048T" } };

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = qemu_words_size(rows[i].bytes);

		g_assert_cmpstr(text, ==, rows[i].text);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/qemu_split/each_gets_its_own", each_gets_its_own);
	g_test_add_func("/qemu_split/what_is_wrong_is_named", what_is_wrong_is_named);
	g_test_add_func("/qemu_split/monitors_are_taken_with_their_chardevs",
			monitors_are_taken_with_their_chardevs);
	g_test_add_func("/qemu_split/dynamic_capacity_is_seen_however_it_is_given",
			dynamic_capacity_is_seen_however_it_is_given);
	g_test_add_func("/qemu_split/words_survive_a_shell", words_survive_a_shell);
	g_test_add_func("/qemu_split/options_are_written_as_they_were",
			options_are_written_as_they_were);
	g_test_add_func("/qemu_split/sizes_are_in_the_largest_whole_unit",
			sizes_are_in_the_largest_whole_unit);
	return g_test_run();
}
