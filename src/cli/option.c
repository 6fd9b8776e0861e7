/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/option.h"

#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "model/quantity.h"

static OptionTrace trace_func;
static gpointer trace_data;

void option_set_trace(OptionTrace func, gpointer data)
{
	trace_func = func;
	trace_data = data;
}

static void foreach_at(const Option *rows, size_t base, OptionFunc func, gpointer data)
{
	for (const Option *row = rows; row && row->type != OPTION_END; row++) {
		if (row->type == OPTION_INHERIT)
			foreach_at(row->inherit, base + row->offset, func, data);
		else
			func(row, base + row->offset, data);
	}
}

void option_foreach(const Option *rows, OptionFunc func, gpointer data)
{
	foreach_at(rows, 0, func, data);
}

gboolean option_has_value(const Option *row)
{
	return row->type != OPTION_FLAG && row->type != OPTION_HELP;
}

/* A search through all rows: by long name (of `length` bytes) or by letter. */
typedef struct {
	const char *name;
	size_t length;
	char letter;
	const Option *row;
	size_t offset;
} Search;

static void search_row(const Option *row, size_t offset, gpointer data)
{
	Search *search = data;

	if (search->row)
		return;
	if (search->name ? strncmp(row->name, search->name, search->length) == 0 &&
				   row->name[search->length] == '\0'
			 : row->short_name == search->letter) {
		search->row = row;
		search->offset = offset;
	}
}

const Option *option_find(const Option *rows, const char *name, size_t *ret_offset)
{
	Search search = { .name = name, .length = strlen(name) };

	option_foreach(rows, search_row, &search);
	if (search.row && ret_offset)
		*ret_offset = search.offset;
	return search.row;
}

/* "--output" or, where only a letter was typed, "-o". */
static char *shown_name(const Option *row, gboolean by_letter)
{
	return by_letter ? g_strdup_printf("-%c", row->short_name)
			 : g_strdup_printf("--%s", row->name);
}

static gboolean bad_value(const char *shown, const char *value, const char *wanted, GError **error)
{
	return error_set(error, KVMIG_ERROR_USAGE, "bad value '%s' for '%s': %s", value, shown,
			 wanted);
}

static gboolean set_choice(const Option *row, const char *shown, const char *value, int *ret,
			   GError **error)
{
	g_autofree char *all = NULL;

	for (int i = 0; row->choices[i]; i++) {
		if (strcmp(row->choices[i], value) == 0) {
			*ret = i;
			return TRUE;
		}
	}
	all = g_strjoinv(", ", (char **)row->choices);
	error_set(error, KVMIG_ERROR_USAGE, "bad value '%s' for '%s' (one of: %s)", value, shown,
		  all);
	return FALSE;
}

static gboolean set_uint(const Option *row, const char *shown, const char *value, guint *ret,
			 GError **error)
{
	guint64 number;
	guint64 maximum = row->maximum ? row->maximum : G_MAXUINT;
	g_autofree char *range = NULL;

	if (g_ascii_string_to_unsigned(value, 10, row->minimum, MIN(maximum, G_MAXUINT), &number,
				       NULL)) {
		*ret = (guint)number;
		return TRUE;
	}
	range = row->maximum
			? g_strdup_printf("a whole number from %" G_GUINT64_FORMAT
					  " to %" G_GUINT64_FORMAT " is wanted",
					  row->minimum, maximum)
			: g_strdup_printf("a whole number from %" G_GUINT64_FORMAT " up is wanted",
					  row->minimum);
	return bad_value(shown, value, range, error);
}

static gboolean parse_duration(const Option *row, const char *value, gint64 *ret, GError **error)
{
	const gboolean bare = value[strspn(value, "0123456789")] == '\0';
	g_autofree char *seconds = g_strconcat(value, "s", NULL);

	if (strcmp(value, "0") == 0)
		return TRUE;
	return duration_parse(bare && row->plain_seconds ? seconds : value, ret, error);
}

static gboolean bad_amount(const Option *row, const char *shown, const char *value,
			   const char *what, guint64 limit, GError **error)
{
	g_autofree char *text = row->type == OPTION_DURATION ? duration_human((gint64)limit)
							     : quantity_format((gint64)limit);
	g_autofree char *wanted = g_strdup_printf("%s %s", what, text);

	return bad_value(shown, value, wanted, error);
}

/* Durations, sizes and rates; the range is checked in the base unit. */
static gboolean set_amount(const Option *row, const char *shown, const char *value, gint64 *ret,
			   GError **error)
{
	g_autoptr(GError) cause = NULL;
	gint64 amount = 0;
	gboolean ok;

	if (row->type == OPTION_DURATION)
		ok = parse_duration(row, value, &amount, &cause);
	else if (row->type == OPTION_QUANTITY)
		ok = quantity_parse(value, &amount, &cause);
	else
		ok = quantity_parse_rate(value, &amount, &cause);
	if (!ok) {
		(void)bad_value(shown, value, cause->message, error);
		if (error_get_hint(cause))
			error_hint(error, "%s", error_get_hint(cause));
		return FALSE;
	}
	if (amount < 0 || (guint64)amount < row->minimum)
		return bad_amount(row, shown, value, "too small; the least is", row->minimum,
				  error);
	if (row->maximum && (guint64)amount > row->maximum)
		return bad_amount(row, shown, value, "too large; the most is", row->maximum,
				  error);
	*ret = amount;
	return TRUE;
}

static gboolean set_value(const Option *row, const char *shown, const char *value, void *field,
			  GError **error)
{
	g_return_val_if_fail(value, FALSE); /* an option whose value may be left out implies one */
	if (!*value) {
		error_set(error, KVMIG_ERROR_USAGE, "the value of option '%s' is empty", shown);
		error_hint(error, "leave the option out, or give it a value");
		return FALSE;
	}
	switch (row->type) {
	case OPTION_STRING:
		*(const char **)field = value;
		return TRUE;
	case OPTION_LIST:
		g_ptr_array_add(*(GPtrArray **)field, (gpointer)value);
		return TRUE;
	case OPTION_UINT:
		return set_uint(row, shown, value, field, error);
	case OPTION_CHOICE:
		return set_choice(row, shown, value, field, error);
	default:
		return set_amount(row, shown, value, field, error);
	}
}

typedef struct {
	char *values;
	GError **error;
	gboolean ok;
} Defaults;

static void apply_default(const Option *row, size_t offset, gpointer data)
{
	Defaults *defaults = data;
	void *field = defaults->values + offset;
	g_autofree char *shown = shown_name(row, FALSE);

	if (row->type == OPTION_LIST)
		*(GPtrArray **)field = g_ptr_array_new();
	if (!row->defval || !defaults->ok)
		return;
	if (row->type == OPTION_FLAG)
		*(gboolean *)field = strcmp(row->defval, "true") == 0;
	else
		defaults->ok = set_value(row, shown, row->defval, field, defaults->error);
}

static void clear_row(const Option *row, size_t offset, gpointer data)
{
	GPtrArray **list = (GPtrArray **)((char *)data + offset);

	if (row->type != OPTION_LIST || !*list)
		return;
	g_ptr_array_unref(*list);
	*list = NULL;
}

void option_values_clear(const Option *rows, gpointer values)
{
	option_foreach(rows, clear_row, values);
}

static void add_visible_name(const Option *row, size_t offset, gpointer data)
{
	(void)offset;
	if (!row->hidden)
		g_ptr_array_add(data, g_strconcat("--", row->name, NULL));
}

static gboolean unknown_option(const Option *rows, const char *word, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *bare = g_strndup(word, strcspn(word, "="));
	g_autofree char *near = NULL;

	option_foreach(rows, add_visible_name, names);
	g_ptr_array_add(names, NULL);
	near = option_nearest(bare, (const char *const *)names->pdata);
	error_set(error, KVMIG_ERROR_USAGE, "unknown option '%s'", bare);
	if (near)
		error_hint(error, "similar options: %s", near);
	return FALSE;
}

/* One word or two of argv, taken apart. */
typedef struct {
	const Option *row;
	size_t offset;
	const char *value; /* NULL: none */
	gboolean by_letter;
	gboolean negated;
} Given;

/* The value is the next word where it does not stand behind '='. */
static gboolean take_value(Given *given, const char *attached, int argc, char **argv, int *i,
			   GError **error)
{
	g_autofree char *shown = shown_name(given->row, given->by_letter);

	if (!option_has_value(given->row)) {
		/* as kubectl's users type flags */
		if (attached && given->row->type == OPTION_FLAG &&
		    (strcmp(attached, "true") == 0 || strcmp(attached, "false") == 0))
			given->negated ^= *attached == 'f';
		else if (attached)
			return error_set(error, KVMIG_ERROR_USAGE,
					 "option '%s' takes no value, but has '%s'", shown,
					 attached);
		return TRUE;
	}
	if (attached)
		given->value = attached;
	else if (given->row->optional_value)
		given->value = given->row->implied;
	else if (*i + 1 < argc)
		given->value = argv[++*i];
	else
		return error_set(error, KVMIG_ERROR_USAGE, "option '%s' needs a value: %s", shown,
				 given->row->metavar);
	return TRUE;
}

static gboolean take_long(const Option *rows, int argc, char **argv, int *i, Given *given,
			  GError **error)
{
	const char *name = argv[*i] + 2;
	const char *equals = strchr(name, '=');
	Search search = { .name = name, .length = equals ? (size_t)(equals - name) : strlen(name) };

	option_foreach(rows, search_row, &search);
	if (!search.row && g_str_has_prefix(name, "no-")) {
		search.name += 3;
		search.length -= 3;
		option_foreach(rows, search_row, &search);
		if (search.row && !search.row->negatable)
			search.row = NULL;
		given->negated = search.row != NULL;
	}
	if (!search.row)
		return unknown_option(rows, argv[*i], error);
	given->row = search.row;
	given->offset = search.offset;
	return take_value(given, equals ? equals + 1 : NULL, argc, argv, i, error);
}

/* *rest points behind a letter's '-' or behind the letter before it; NULL after the last one. */
static gboolean take_letter(const Option *rows, const char **rest, int argc, char **argv, int *i,
			    Given *given, GError **error)
{
	Search search = { .letter = **rest };
	const char *attached = NULL;

	option_foreach(rows, search_row, &search);
	if (!search.row) {
		g_autofree char *letters = g_strndup(*rest, 1);

		/* A letter beyond ASCII is shown with the whole word. */
		return error_set(error, KVMIG_ERROR_USAGE, "unknown option '%s%s'",
				 (guchar) * *rest < 0x80 ? "-" : "",
				 (guchar) * *rest < 0x80 ? letters : argv[*i]);
	}
	given->row = search.row;
	given->offset = search.offset;
	given->by_letter = TRUE;
	(*rest)++;
	if (option_has_value(search.row)) {
		/* -ojson as everywhere, -o=json as kubectl's users type it. */
		attached = **rest ? *rest + (**rest == '=') : NULL;
		*rest = NULL;
	} else if (!**rest) {
		*rest = NULL;
	}
	return take_value(given, attached, argc, argv, i, error);
}

static gboolean store(const Given *given, gpointer values, GError **error)
{
	const Option *row = given->row;
	void *field = (char *)values + given->offset;
	g_autofree char *shown = shown_name(row, given->by_letter);

	if (trace_func)
		trace_func(row, trace_data);
	if (row->type == OPTION_FLAG)
		*(gboolean *)field = !given->negated;
	else if (row->type == OPTION_HELP)
		*(int *)field = given->by_letter ? HELP_SHORT : HELP_LONG;
	else
		return set_value(row, shown, given->value, field, error);
	return TRUE;
}

/* Handles the option word argv[*i], leaving *i at the last word that belongs to it. values NULL:
 * only looks. *ret_help: an OPTION_HELP was there. */
static gboolean parse_word(const Option *rows, int argc, char **argv, int *i, gpointer values,
			   gboolean *ret_help, GError **error)
{
	const char *rest = argv[*i] + 1;
	gboolean is_long = *rest == '-';

	while (rest && !*ret_help) {
		Given given = { 0 };

		if (is_long ? !take_long(rows, argc, argv, i, &given, error)
			    : !take_letter(rows, &rest, argc, argv, i, &given, error))
			return FALSE;
		g_return_val_if_fail(given.row, FALSE);
		if (is_long)
			rest = NULL;
		if (values && !store(&given, values, error))
			return FALSE;
		*ret_help = given.row->type == OPTION_HELP;
	}
	return TRUE;
}

static gboolean is_option_word(const char *word)
{
	return word[0] == '-' && word[1]; /* "-" alone is an operand: standard input */
}

/* "VM LABEL": the second word is what stands second. */
static gboolean set_error_missing(const char *name, guint n_given, GError **error)
{
	g_auto(GStrv) words = g_strsplit(name, " ", -1);
	const gboolean has_own = n_given > 0 && n_given < g_strv_length(words);

	return error_set(error, KVMIG_ERROR_USAGE, "%s%s is missing",
			 n_given > 0 && !has_own ? "another " : "",
			 has_own ? words[n_given] : name);
}

static gboolean check_operands(const Positional *positional, const GPtrArray *args, GError **error)
{
	if (!positional || !positional->name) {
		if (args->len)
			return error_set(error, KVMIG_ERROR_USAGE, "unexpected argument '%s'",
					 (const char *)args->pdata[0]);
		return TRUE;
	}
	if (args->len < positional->minimum)
		return set_error_missing(positional->name, args->len, error);
	if (args->len > positional->maximum)
		return error_set(error, KVMIG_ERROR_USAGE, "unexpected argument '%s'",
				 (const char *)args->pdata[positional->maximum]);
	for (guint i = 0; i < args->len; i++)
		if (!*(const char *)args->pdata[i])
			return error_set(error, KVMIG_ERROR_USAGE, "an argument (%s) is empty",
					 positional->name);
	return TRUE;
}

gboolean option_parse(const Option *rows, const Positional *positional, int argc, char **argv,
		      gpointer values, char ***ret_args, GError **error)
{
	g_autoptr(GPtrArray) args = g_ptr_array_new();
	Defaults defaults = { .values = values, .error = error, .ok = TRUE };
	gboolean help = FALSE;
	gboolean ended = FALSE;

	option_foreach(rows, apply_default, &defaults);
	if (!defaults.ok)
		return FALSE;
	for (int i = 0; i < argc && !help; i++) {
		if (ended || !is_option_word(argv[i]))
			g_ptr_array_add(args, argv[i]);
		else if (strcmp(argv[i], "--") == 0)
			ended = TRUE;
		else if (!parse_word(rows, argc, argv, &i, values, &help, error))
			return FALSE;
	}
	if (!help && !check_operands(positional, args, error))
		return FALSE;
	g_ptr_array_add(args, NULL);
	*ret_args = (char **)g_ptr_array_free(g_steal_pointer(&args), FALSE);
	return TRUE;
}

int option_skip_front(const Option *rows, int argc, char **argv, GError **error)
{
	gboolean help = FALSE;
	int i = 0;

	while (i < argc && is_option_word(argv[i]) && strcmp(argv[i], "--") != 0) {
		int last = i;

		if (!parse_word(rows, argc, argv, &last, NULL, &help, error))
			return -1;
		if (help)
			break;
		i = last + 1;
	}
	return i;
}

gboolean option_takes(const Option *rows, const Option *front_rows, char **argv, int i,
		      int *ret_words)
{
	const char *rest = argv[i] + 1;
	int last = i;
	gboolean takes = TRUE;
	gboolean is_long = *rest == '-';

	while (rest) {
		Given given = { 0 };

		/* argc is not needed: option_skip_front() has seen that the values are there. */
		if (is_long ? !take_long(front_rows, G_MAXINT, argv, &last, &given, NULL)
			    : !take_letter(front_rows, &rest, G_MAXINT, argv, &last, &given, NULL))
			break;
		g_return_val_if_fail(given.row, FALSE);
		if (is_long)
			rest = NULL;
		takes = takes && option_find(rows, given.row->name, NULL);
	}
	*ret_words = last - i + 1;
	return takes;
}

char *option_nearest(const char *word, const char *const *candidates)
{
	return nearest_words(word, candidates);
}
