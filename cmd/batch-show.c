/* SPDX-License-Identifier: Apache-2.0 */
/* A batch as lines, as a table that is rewritten on a terminal, and as a document. */
#include "batch.h"

#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"

#define DRAW_US G_GINT64_CONSTANT(200000)

static const struct {
	const char *text;
	gboolean ended;
} states[] = {
	[ITEM_WAITING] = { "waiting", FALSE }, [ITEM_STARTED] = { "started", FALSE },
	[ITEM_MOVED] = { "moved", TRUE },      [ITEM_FAILED] = { "failed", TRUE },
	[ITEM_REFUSED] = { "refused", TRUE },  [ITEM_GONE] = { "gone", TRUE },
};

const char *item_state_to_string(ItemState state)
{
	return states[state].text;
}

gboolean item_state_has_ended(ItemState state)
{
	return states[state].ended;
}

/* ---- items ---------------------------------------------------------------------------------- */

BatchItem *batch_item_new(const char *ns, const char *vm, cJSON *vmi)
{
	BatchItem *item = g_new0(BatchItem, 1);
	Vmi view;

	item->ns = g_strdup(ns);
	item->vm = g_strdup(vm);
	item->vmi = vmi;
	if (vmi) {
		vmi_read(vmi, &view);
		item->memory_bytes = view.memory_bytes;
	}
	return item;
}

void batch_item_free(BatchItem *item)
{
	if (!item)
		return;
	g_free(item->ns);
	g_free(item->vm);
	g_free(item->migration);
	cJSON_Delete(item->vmi);
	cJSON_Delete(item->object);
	g_clear_error(&item->error);
	g_free(item);
}

cJSON *batch_item_document(const BatchItem *item)
{
	cJSON *document =
		item->object ? migration_document(item->object, item->vmi) : cJSON_CreateObject();

	json_set_string(document, "namespace", item->ns);
	json_set_string(document, "vm", item->vm);
	json_set_string(document, "name", item->migration);
	json_set_string(document, "state", item_state_to_string(item->state));
	if (item->error) {
		cJSON *result = json_ensure_object(document, "result");
		const char *words = error_get_hint(item->error);
		g_autofree char *hint = words ? hint_text(words) : NULL;

		json_set_string(result, "reason", error_get_reason(item->error));
		json_set_string(result, "message", item->error->message);
		json_set_string(result, "hint", hint);
	}
	return document;
}

/* ---- in numbers ----------------------------------------------------------------------------- */

BatchCounts batch_count(const GPtrArray *items)
{
	BatchCounts counts = { .all = items->len };
	guint *const by_state[] = {
		[ITEM_WAITING] = &counts.waiting, [ITEM_STARTED] = &counts.started,
		[ITEM_MOVED] = &counts.moved,     [ITEM_FAILED] = &counts.failed,
		[ITEM_REFUSED] = &counts.refused, [ITEM_GONE] = &counts.gone,
	};

	for (guint i = 0; i < items->len; i++)
		(*by_state[((const BatchItem *)g_ptr_array_index(items, i))->state])++;
	return counts;
}

static void append_count(GString *text, guint n, const char *words)
{
	if (n)
		g_string_append_printf(text, "%s %u %s", text->str[text->len - 1] == ':' ? "" : ",",
				       n, words);
}

char *batch_summary(const GPtrArray *items)
{
	const BatchCounts counts = batch_count(items);
	g_autoptr(GString) text = g_string_new(NULL);

	g_string_printf(text, "%u VM%s:", counts.all, counts.all == 1 ? "" : "s");
	append_count(text, counts.moved, "moved");
	append_count(text, counts.started, "under way");
	append_count(text, counts.failed, "failed");
	append_count(text, counts.refused, "refused");
	append_count(text, counts.gone, "gone, and nothing tells how they ended");
	append_count(text, counts.waiting, "not started");
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *item_ref(const BatchItem *item, gboolean with_namespace)
{
	return with_namespace && item->ns ? g_strdup_printf("%s/%s", item->ns, item->vm)
					  : g_strdup(item->vm);
}

char *batch_not_started(const GPtrArray *items, gboolean all_namespaces)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint n = 0;

	for (guint i = 0; i < items->len; i++) {
		const BatchItem *item = g_ptr_array_index(items, i);
		g_autofree char *ref = item_ref(item, all_namespaces);

		if (item->state == ITEM_WAITING && n++ < BATCH_NAMED)
			g_string_append_printf(text, "%s%s", text->len ? ", " : "", ref);
	}
	if (n > BATCH_NAMED)
		g_string_append_printf(text, " and %u more", n - BATCH_NAMED);
	return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

void batch_print_document(const CommandContext *context, const char *id, const GPtrArray *items)
{
	const BatchCounts counts = batch_count(items);
	g_autoptr(cJSON) document = cJSON_CreateObject();
	cJSON *list;

	json_set_string(document, "batch", id);
	json_set_int(document, "moved", counts.moved);
	json_set_int(document, "underWay", counts.started);
	json_set_int(document, "failed", counts.failed);
	json_set_int(document, "refused", counts.refused);
	json_set_int(document, "gone", counts.gone);
	json_set_int(document, "notStarted", counts.waiting);
	list = json_ensure_array(document, "items");
	for (guint i = 0; i < items->len; i++)
		cJSON_AddItemToArray(list, batch_item_document(g_ptr_array_index(items, i)));
	output_document(context->output, "MigrationBatch", document);
}

/* ---- while it runs -------------------------------------------------------------------------- */

struct BatchShow {
	const CommandContext *context;
	const GPtrArray *items;
	gboolean everywhere; /* of all namespaces */
	gboolean terminal;   /* stderr is rewritten */
	GArray *widths;      /* of the table's columns, so far */
	guint lines;         /* that are on it now */
	gint64 drawn_us;
	gboolean dirty;
};

BatchShow *batch_show_new(const CommandContext *context, const GPtrArray *items,
			  gboolean everywhere)
{
	BatchShow *show = g_new0(BatchShow, 1);

	show->context = context;
	show->items = items;
	show->everywhere = everywhere;
	show->widths = g_array_new(FALSE, FALSE, sizeof(gsize));
	show->terminal = context->stderr_tty && !context->quiet;
	return show;
}

static void erase(BatchShow *show)
{
	if (show->lines)
		(void)fprintf(stderr, "\x1b[%uA\r\x1b[J", show->lines);
	(void)fflush(stderr);
	show->lines = 0;
}

void batch_show_free(BatchShow *show)
{
	if (!show)
		return;
	if (show->terminal)
		erase(show);
	g_array_unref(show->widths);
	g_free(show);
}

/* Asked each time: windows change their size. */
static void screen_size(guint *ret_rows, guint *ret_columns)
{
	struct winsize size;

	*ret_rows = 24;
	*ret_columns = 80;
	if (ioctl(fileno(stderr), TIOCGWINSZ, &size) != 0)
		return;
	if (size.ws_row)
		*ret_rows = size.ws_row;
	if (size.ws_col)
		*ret_columns = size.ws_col;
}

/* A line that does not fit would wrap, and then not be rewritten. */
static void put_line(BatchShow *show, char *line, guint columns)
{
	char *end = line + strlen(line);

	while (end > line && output_width(line) >= columns) {
		end = g_utf8_prev_char(end);
		*end = '\0';
	}
	(void)fprintf(stderr, "%s\n", line);
	show->lines++;
}

/* What is under way, as kvmig status shows it, at most @most rows; NULL: nothing is. g_free(). */
static char *table_text(BatchShow *show, guint most)
{
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	Output output = { .format = show->everywhere ? OUTPUT_WIDE : OUTPUT_TABLE,
			  .widths = show->widths };
	char *text = NULL;
	gsize size;

	for (guint i = 0; i < show->items->len && rows->len < most; i++) {
		const BatchItem *item = g_ptr_array_index(show->items, i);

		if (item->state == ITEM_STARTED)
			g_ptr_array_add(rows, batch_item_document(item));
	}
	output.stream = rows->len ? open_memstream(&text, &size) : NULL;
	if (!output.stream)
		return NULL;
	output_rows(&output, &migration_table, rows);
	(void)fclose(output.stream);
	return text;
}

static void draw(BatchShow *show)
{
	g_autofree char *summary = batch_summary(show->items);
	g_autofree char *table = NULL;
	g_auto(GStrv) lines = NULL;
	guint rows, columns;

	erase(show);
	screen_size(&rows, &columns);
	table = table_text(show, rows > 5 ? rows - 4 : 1);
	lines = g_strsplit(table ? table : "", "\n", -1);
	for (guint i = 0; lines[i]; i++)
		if (*lines[i])
			put_line(show, lines[i], columns);
	put_line(show, summary, columns);
	(void)fflush(stderr);
}

void batch_show_draw(BatchShow *show, gboolean now)
{
	gint64 time_us = clock_monotonic_us(clock_real());

	if (!show->terminal || (!now && (!show->dirty || time_us - show->drawn_us < DRAW_US)))
		return;
	show->dirty = FALSE;
	show->drawn_us = time_us;
	draw(show);
}

static void print_started(BatchShow *show, const BatchItem *item)
{
	const Output *output = show->context->output;
	g_autofree char *ref = item_ref(item, show->everywhere);
	g_autofree char *vm = output_escape(ref);
	g_autofree char *name = output_escape(item->migration);

	if (output->format == OUTPUT_JSON || output->format == OUTPUT_YAML)
		return;
	if (output->format == OUTPUT_NAME)
		(void)fprintf(output->stream, MIGRATION_ID_PREFIX "%s\n", name);
	else
		(void)fprintf(output->stream, "%s %s\n", vm, name);
	(void)fflush(output->stream);
}

/* Of all namespaces two VMs can have one name, and messages have only that. */
static char *whose(const BatchShow *show, const BatchItem *item)
{
	return show->everywhere && item->ns ? g_strdup_printf("namespace '%s': ", item->ns)
					    : g_strdup("");
}

static void tell_refused(const BatchShow *show, const BatchItem *item)
{
	const char *reason = error_get_reason(item->error);
	g_autofree char *where = whose(show, item);

	say_warning(show->context, "%s%s%s%s%s", where, item->error->message, reason ? " [" : "",
		    reason ? reason : "", reason ? "]" : "");
}

static void tell_ended(const BatchShow *show, const BatchItem *item)
{
	g_autoptr(cJSON) document = batch_item_document(item);
	g_autofree char *where = whose(show, item);
	g_autofree char *outcome = NULL;

	if (item->state == ITEM_GONE) {
		say_warning(show->context,
			    "%smigration '%s' of VM '%s' is gone, and nothing tells how it "
			    "ended",
			    where, item->migration, item->vm);
		return;
	}
	migration_warn_alarms(show->context, where, document);
	outcome = migration_outcome(document);
	if (item->state == ITEM_FAILED)
		say_warning(show->context, "%s%s", where, outcome);
	else
		say(show->context, "%s%s", where, outcome);
}

void batch_show_item(BatchShow *show, const BatchItem *item)
{
	const gboolean drawn = show->lines > 0;

	show->dirty = TRUE;
	if (show->terminal)
		erase(show);
	if (item->state == ITEM_STARTED)
		print_started(show, item);
	else if (item->state == ITEM_REFUSED)
		tell_refused(show, item);
	else if (item_state_has_ended(item->state))
		tell_ended(show, item);
	if (drawn)
		batch_show_draw(show, TRUE);
}
