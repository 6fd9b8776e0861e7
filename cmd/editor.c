/* SPDX-License-Identifier: Apache-2.0 */
#include "editor.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "model/json.h"

/* Shells have no other way to tell that what they ran was interrupted. */
#define SHELL_STATUS_OF(signal) (128 + (signal))

struct Editor {
	char *command;
	char *folder, *path;
	struct stat before; /* of the file as it was given */
	gboolean kept, terminal;
};

/* ---- which ---------------------------------------------------------------------------------- */

static const char *named_editor(void)
{
	static const char *const variables[] = { "KUBE_EDITOR", "EDITOR" };

	for (gsize i = 0; i < G_N_ELEMENTS(variables); i++) {
		const char *value = g_getenv(variables[i]);

		if (value && *value)
			return value;
	}
	return NULL;
}

/* A command with quotes is for a shell, as kubectl has it; else its words are split at blanks. */
static GStrv make_argv(const char *command, const char *path)
{
	const char *shell = g_getenv("SHELL");
	g_autofree char *quoted = g_shell_quote(path);
	GStrvBuilder *builder = g_strv_builder_new();
	GStrv argv;

	if (strpbrk(command, "\"'\\")) {
		g_autofree char *line = g_strconcat(command, " ", quoted, NULL);

		g_strv_builder_add(builder, shell && *shell ? shell : "/bin/sh");
		g_strv_builder_add(builder, "-c");
		g_strv_builder_add(builder, line);
	} else {
		g_auto(GStrv) words = g_strsplit_set(command, " \t\n", -1);

		for (char **word = words; *word; word++)
			if (**word)
				g_strv_builder_add(builder, *word);
		g_strv_builder_add(builder, path);
	}
	argv = g_strv_builder_end(builder);
	g_strv_builder_unref(builder);
	return argv;
}

Editor *editor_new(const CommandContext *context, const char *file_name, const char *otherwise,
		   GError **error)
{
	const char *named = named_editor();
	g_autoptr(GError) cause = NULL;
	g_autofree char *name = g_strdup(file_name);
	Editor *editor;

	if (!named && (!context->stdin_tty || !context->stdout_tty)) {
		error_set(error, KVMIG_ERROR_REFUSED, "there is no terminal to edit on");
		error_hint(error, "name an editor with EDITOR, or change it with '%s'",
			   otherwise ? otherwise : "kvmig apply -f FILE");
		return NULL;
	}
	editor = g_new0(Editor, 1);
	editor->command = g_strstrip(g_strdup(named ? named : ""));
	if (!*editor->command) {
		g_free(editor->command);
		editor->command = g_strdup("vi");
	}
	editor->terminal = context->stdin_tty;
	editor->folder = g_dir_make_tmp("kvmig-edit-XXXXXX", &cause); /* mode 0700 */
	if (!editor->folder) {
		error_set(error, KVMIG_ERROR_IO, "cannot make a temporary folder: %s",
			  cause->message);
		editor_free(editor);
		return NULL;
	}
	g_strcanon(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-.", '-');
	editor->path = g_build_filename(editor->folder, name, NULL);
	return editor;
}

void editor_keep(Editor *editor, GError **error)
{
	g_autofree char *hint = error && *error ? g_strdup(error_get_hint(*error)) : NULL;

	editor->kept = TRUE;
	error_hint(error, "%s%swhat was saved is kept in %s", hint ? hint : "", hint ? "; " : "",
		   editor->path);
}

const char *editor_path(const Editor *editor)
{
	return editor->path;
}

void editor_free(Editor *editor)
{
	if (!editor)
		return;
	if (!editor->kept && editor->path)
		(void)g_unlink(editor->path);
	if (!editor->kept && editor->folder)
		(void)g_rmdir(editor->folder); /* an editor's own files may still be in it */
	g_free(editor->command);
	g_free(editor->folder);
	g_free(editor->path);
	g_free(editor);
}

/* ---- running -------------------------------------------------------------------------------- */

/* What Ctrl-C and Ctrl-\ did before: they are the editor's while it runs. */
typedef struct {
	struct sigaction interrupt, quit;
} Dispositions;

static void child_setup(gpointer data)
{
	const Dispositions *before = data;

	(void)sigaction(SIGINT, &before->interrupt, NULL);
	(void)sigaction(SIGQUIT, &before->quit, NULL);
}

static gboolean was_interrupted(int status)
{
	static const int signals[] = { SIGINT, SIGQUIT };

	for (gsize i = 0; i < G_N_ELEMENTS(signals); i++)
		if ((WIFSIGNALED(status) && WTERMSIG(status) == signals[i]) ||
		    (WIFEXITED(status) && WEXITSTATUS(status) == SHELL_STATUS_OF(signals[i])))
			return TRUE;
	return FALSE;
}

static gboolean check_ended(const Editor *editor, int status, GError **error)
{
	g_autoptr(GError) cause = NULL;

	if (g_spawn_check_wait_status(status, &cause))
		return TRUE;
	if (was_interrupted(status))
		return error_set(error, KVMIG_ERROR_CANCELLED, "interrupted; nothing was changed");
	return error_set(error, KVMIG_ERROR_FAILED,
			 "the editor '%s' failed: %s; nothing was changed", editor->command,
			 cause->message);
}

static gboolean wait_for(GPid pid, int *ret_status, GError **error)
{
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return error_set_errno(error, errno, "cannot wait for the editor");
	return TRUE;
}

static gboolean spawn(const Editor *editor, Dispositions *before, GPid *ret_pid, GError **error)
{
	const GSpawnFlags flags =
		G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN | G_SPAWN_DO_NOT_REAP_CHILD;
	g_auto(GStrv) argv = make_argv(editor->command, editor->path);
	g_autoptr(GError) cause = NULL;

	if (g_spawn_async(NULL, argv, NULL, flags, child_setup, before, ret_pid, &cause))
		return TRUE;
	error_set(error, KVMIG_ERROR_FAILED, "the editor '%s' cannot be started: %s",
		  editor->command, cause->message);
	error_hint(error, "EDITOR or KUBE_EDITOR names another");
	return FALSE;
}

static gboolean run_command(const Editor *editor, GError **error)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct termios terminal;
	gboolean known = editor->terminal && tcgetattr(STDIN_FILENO, &terminal) == 0;
	Dispositions before;
	gboolean ok;
	int status = 0;
	GPid pid;

	(void)sigaction(SIGINT, &ignore, &before.interrupt);
	(void)sigaction(SIGQUIT, &ignore, &before.quit);
	ok = spawn(editor, &before, &pid, error) && wait_for(pid, &status, error);
	(void)sigaction(SIGINT, &before.interrupt, NULL);
	(void)sigaction(SIGQUIT, &before.quit, NULL);
	if (ok && status != 0 && known) /* it may have left it without echo */
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal);
	return ok && check_ended(editor, status, error);
}

/* ---- the text ------------------------------------------------------------------------------- */

#define HEADER                                                                                     \
	"# Save the text to have it applied; leave it as it is, or empty, to cancel.\n"            \
	"# Lines that begin with '#' are remarks. What is not accepted is shown here again.\n"     \
	"#\n"
#define HEADER_LINES 3
#define REASON_LINES 3 /* message, hint, blank: always, whether there is a hint or not */

static void append_remark(GString *header, const char *head, const char *text)
{
	g_autofree char *safe = output_escape(text ? text : "");

	g_string_append_printf(header, "#%s%s%s\n", text ? " " : "", text ? head : "", safe);
}

static char *make_header(const EditorReason *reason)
{
	GString *header = g_string_new(HEADER);

	if (reason) {
		append_remark(header, "", reason->message);
		append_remark(header, "Hint: ", reason->hint);
		append_remark(header, "", NULL);
	}
	return g_string_free(header, FALSE);
}

char *editor_place_text(const char *text)
{
	g_autofree char *lines = g_strnfill(HEADER_LINES + REASON_LINES, '\n');

	return g_strconcat(lines, text, NULL);
}

/* Behind the remarks at its beginning. */
static const char *skip_header(const char *text)
{
	while (*text == '#') {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return text;
}

static gboolean only_remarks(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++)
		if (*g_strstrip(*line) && **line != '#')
			return FALSE;
	return TRUE;
}

/* Whether the file was written since: its time was set to one long past. */
static gboolean was_written(const Editor *editor)
{
	struct stat now;

	return stat(editor->path, &now) < 0 || now.st_ino != editor->before.st_ino ||
	       now.st_size != editor->before.st_size ||
	       now.st_mtim.tv_sec != editor->before.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != editor->before.st_mtim.tv_nsec;
}

static gboolean write_text(Editor *editor, const char *text, const EditorReason *reason,
			   GError **error)
{
	static const struct timespec past[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1 } };
	g_autofree char *header = make_header(reason);
	g_autofree char *whole = g_strconcat(header, text, NULL);
	g_autoptr(GError) cause = NULL;

	/* whole, or what was there stays */
	if (!g_file_set_contents_full(editor->path, whole, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
				      &cause))
		return error_set(error, KVMIG_ERROR_IO, "cannot write '%s': %s", editor->path,
				 cause->message);
	if (utimensat(AT_FDCWD, editor->path, past, 0) < 0 ||
	    stat(editor->path, &editor->before) < 0)
		return error_set_errno(error, errno, "cannot write '%s'", editor->path);
	return TRUE;
}

static char *read_text(const Editor *editor, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autofree char *whole = NULL;
	struct stat now;
	gsize length = 0;

	if (stat(editor->path, &now) < 0) {
		error_set_errno(error, errno, "cannot read what was saved");
		return NULL;
	}
	if (!S_ISREG(now.st_mode) || now.st_size > JSON_MAX_BYTES) {
		error_set(error, KVMIG_ERROR_INVALID, "what was saved is %s",
			  S_ISREG(now.st_mode) ? "larger than 16 MiB" : "no file");
		return NULL;
	}
	if (!g_file_get_contents(editor->path, &whole, &length, &cause)) {
		error_set(error, KVMIG_ERROR_IO, "cannot read what was saved: %s", cause->message);
		return NULL;
	}
	if (strlen(whole) != length) {
		error_set(error, KVMIG_ERROR_INVALID,
			  "what was saved is no text: it has a NUL byte");
		return NULL;
	}
	return g_strdup(skip_header(whole));
}

static EditorEnd end_of(const Editor *editor, const char *given, const char *saved)
{
	if (only_remarks(saved))
		return EDITOR_EMPTY;
	if (strcmp(saved, given) != 0)
		return EDITOR_CHANGED;
	return was_written(editor) ? EDITOR_SAVED : EDITOR_LEFT;
}

gboolean editor_run(Editor *editor, const char *text, const EditorReason *reason,
		    EditorEnd *ret_end, char **ret_text, GError **error)
{
	g_autofree char *saved = NULL;
	gboolean given = write_text(editor, text, reason, error);

	if (given && run_command(editor, error))
		saved = read_text(editor, error);
	if (!saved) {
		/* a reason says that there is work of the user's in the text */
		if (reason || (given && was_written(editor)))
			editor_keep(editor, error);
		return FALSE;
	}
	*ret_end = end_of(editor, text, saved);
	*ret_text = g_steal_pointer(&saved);
	return TRUE;
}
