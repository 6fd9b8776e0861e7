/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantities are computed exactly, in 128 bits: value = digits x multiplier / 10^fraction digits.
 * Results are rounded away from zero and capped at 2^63-1 on either side, as resource.Quantity
 * does.
 */
#include "model/quantity.h"

#include <string.h>

#include "base/error.h"

typedef unsigned __int128 U128;

#define VALUE_MAX ((U128)G_MAXINT64)
#define TEXT_MAX 128
#define DIGITS_MAX 38u          /* significant ones; fit 128 bits */
#define BINARY_FRACTION_MAX 20u /* 10^20 x 2^60 fits 128 bits */

/* ---- quantities ------------------------------------------------------------------------------ */

typedef struct {
	const char *text; /* the digits and at most one '.' */
	gsize length;
	gsize dot; /* == length where there is none */
	gboolean negative;
} Number;

/* Reads sign, digits and dot; returns what is behind them, NULL where there is no number. */
static const char *read_number(const char *text, Number *ret_number)
{
	Number number = { .negative = *text == '-' };
	gsize digits = 0;

	if (*text == '-' || *text == '+')
		text++;
	number.text = text;
	number.dot = G_MAXSIZE;
	for (; g_ascii_isdigit(*text) || (*text == '.' && number.dot == G_MAXSIZE); text++) {
		if (*text == '.')
			number.dot = (gsize)(text - number.text);
		else
			digits++;
	}
	number.length = (gsize)(text - number.text);
	if (number.dot == G_MAXSIZE)
		number.dot = number.length;
	*ret_number = number;
	return digits > 0 ? text : NULL;
}

/* Length without the zeros that a fraction ends with. */
static gsize significant_length(const Number *number)
{
	gsize length = number->length;

	while (length > number->dot + 1 && number->text[length - 1] == '0')
		length--;
	return length;
}

static U128 saturating_multiply(U128 value, U128 factor)
{
	U128 result;

	return __builtin_mul_overflow(value, factor, &result) ? (U128)-1 : result;
}

/* Digits [from, to) as an integer, the dot left out; saturates. */
static U128 digits_value(const Number *number, gsize from, gsize to)
{
	U128 value = 0;

	for (gsize i = from; i < to; i++) {
		if (i == number->dot)
			continue;
		value = saturating_multiply(value, 10);
		if (value != (U128)-1)
			value += (U128)g_ascii_digit_value(number->text[i]);
	}
	return value;
}

static U128 power_of_ten(guint exponent)
{
	U128 value = 1;

	while (exponent-- > 0)
		value = saturating_multiply(value, 10);
	return value;
}

static U128 divide_up(U128 value, U128 divisor)
{
	return value / divisor + (value % divisor != 0);
}

static gboolean refuse(GError **error, const char *before, const char *text, const char *after)
{
	g_autofree char *shown = error_excerpt(text);

	return error_set(error, KVMIG_ERROR_INVALID, "%s'%s' %s", before, shown, after);
}

static gboolean too_many_digits(const char *text, GError **error)
{
	return refuse(error, "quantity ", text, "has too many digits");
}

/* number x 10^exponent */
static gboolean scale_decimal(const char *text, const Number *number, gint64 exponent,
			      U128 *ret_value, GError **error)
{
	gsize end = significant_length(number), start = 0;
	gint64 power = exponent - (end > number->dot ? (gint64)(end - number->dot - 1) : 0);
	U128 value;

	while (start < end && strchr("0.", number->text[start]))
		start++;
	if (end - start > DIGITS_MAX && power < 0) /* else it is capped in any case */
		return too_many_digits(text, error);
	value = digits_value(number, start, end);
	if (value == 0)
		power = 0;
	if (power >= 0) /* beyond 10^38 it is capped in any case */
		*ret_value = saturating_multiply(value, power_of_ten((guint)MIN(power, 39)));
	else
		*ret_value = power < -38 ? 1 : divide_up(value, power_of_ten((guint)-power));
	return TRUE;
}

/* number x 2^shift */
static gboolean scale_binary(const char *text, const Number *number, guint shift, U128 *ret_value,
			     GError **error)
{
	gsize end = significant_length(number);
	gsize fraction = end > number->dot ? end - number->dot - 1 : 0;
	U128 whole = digits_value(number, 0, MIN(number->dot, end));
	U128 part;

	if (fraction > BINARY_FRACTION_MAX)
		return too_many_digits(text, error);
	whole = saturating_multiply(MIN(whole, VALUE_MAX), (U128)1 << shift);
	part = fraction > 0 ? digits_value(number, number->dot + 1, end) << shift : 0;
	*ret_value = whole + divide_up(part, power_of_ten((guint)fraction));
	return TRUE;
}

/* The power of ten of a suffix: one letter, or e and digits. */
static gboolean decimal_exponent(const char *suffix, gint64 *ret_exponent)
{
	static const char letters[] = "numkMGTPE";
	static const gint64 powers[] = { -9, -6, -3, 3, 6, 9, 12, 15, 18 };
	const char *digits = suffix + 1;
	const char *letter;

	if (*suffix == '\0') {
		*ret_exponent = 0;
		return TRUE;
	}
	letter = strchr(letters, *suffix);
	if (*digits == '\0' && letter) {
		*ret_exponent = powers[letter - letters];
		return TRUE;
	}
	if (*suffix != 'e' && *suffix != 'E')
		return FALSE;
	if (*digits == '+' && g_ascii_isdigit(digits[1]))
		digits++;
	return g_ascii_string_to_signed(digits, 10, -100000, 100000, ret_exponent, NULL);
}

/* 10 for "Ki" … 60 for "Ei"; 0 for anything else. */
static guint binary_shift(const char *suffix)
{
	static const char letters[] = "KMGTPE";
	const char *letter = *suffix ? strchr(letters, *suffix) : NULL;

	if (!letter || strcmp(suffix + 1, "i") != 0)
		return 0;
	return 10 * (guint)(letter - letters + 1);
}

gboolean quantity_parse(const char *text, gint64 *ret_value, GError **error)
{
	gint64 exponent;
	Number number;
	const char *suffix;
	guint shift;
	U128 value = 0;

	if (strlen(text) > TEXT_MAX)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "quantity is longer than %d characters", TEXT_MAX);
	suffix = read_number(text, &number);
	if (!suffix)
		goto bad;
	shift = binary_shift(suffix);
	if (shift > 0) {
		if (!scale_binary(text, &number, shift, &value, error))
			return FALSE;
	} else if (!decimal_exponent(suffix, &exponent)) {
		goto bad;
	} else if (!scale_decimal(text, &number, exponent, &value, error)) {
		return FALSE;
	}
	*ret_value = (gint64)MIN(value, VALUE_MAX);
	if (number.negative)
		*ret_value = -*ret_value;
	return TRUE;
bad:
	refuse(error, "", text, "is not a quantity");
	error_hint(error, "write a number with a suffix of bytes, as 512Mi, 4Gi or 100M");
	return FALSE;
}

/* ---- rates ----------------------------------------------------------------------------------- */

static gboolean cut_suffix(char *text, const char *suffix)
{
	gsize length = strlen(text), end = strlen(suffix);

	if (length <= end || strcmp(text + length - end, suffix) != 0)
		return FALSE;
	text[length - end] = '\0';
	return TRUE;
}

/* Takes the unit of data and "/s" or "ps" off; 0: no unit, 1: bytes, 8: bits. */
static gint64 cut_rate_unit(char *text, gboolean *ret_per_second)
{
	gboolean per_second = cut_suffix(text, "/s");

	if (!per_second && (g_str_has_suffix(text, "bps") || g_str_has_suffix(text, "Bps") ||
			    g_str_has_suffix(text, "bitps")))
		per_second = cut_suffix(text, "ps");
	*ret_per_second = per_second;
	if (cut_suffix(text, "bit") || cut_suffix(text, "b"))
		return 8;
	return cut_suffix(text, "B") ? 1 : 0;
}

/* 64m: a quantity, but hardly what is meant. */
static gboolean refuse_thousandths(const char *text, GError **error)
{
	g_autofree char *shown = error_excerpt(text);

	refuse(error, "", text, "counts parts of a byte");
	error_hint(error,
		   "the last letter of '%s' divides, m by a thousand; write M for 10^6 bytes per "
		   "second, Mi for 2^20",
		   shown);
	return FALSE;
}

/* 64MB: an amount, and people mean 10^6 by it as often as 2^20. */
static gboolean refuse_amount(const char *text, gint64 bytes, GError **error)
{
	g_autofree char *shown = error_excerpt(text);

	refuse(error, "", text, "is an amount, not a rate");
	error_hint(error,
		   "'%s/s' is %" G_GINT64_FORMAT " bytes per second; M and MB are 10^6 bytes, Mi "
		   "and MiB 2^20",
		   shown, bytes);
	return FALSE;
}

gboolean quantity_parse_rate(const char *text, gint64 *ret_bytes_per_second, GError **error)
{
	g_autofree char *number = g_strdup(text);
	gboolean per_second = FALSE;
	gint64 unit, value = 0;
	gsize length;

	g_strstrip(number);
	unit = cut_rate_unit(number, &per_second);
	g_strchomp(number); /* "64 MiB/s" has its blank before the prefix: not taken */
	length = strlen(number);
	if (unit > 0 && length > 0) {
		if (number[length - 1] == 'K') /* KB, as everybody writes it */
			number[length - 1] = 'k';
		else if (strchr("num", number[length - 1]))
			goto bad; /* 100mb: surely not a tenth of a bit */
	}
	if (!quantity_parse(number, &value, NULL))
		goto bad;
	if (value < 0)
		return refuse(error, "rate ", text, "is negative");
	if (value == G_MAXINT64)
		return refuse(error, "rate ", text, "is too large");
	value = unit == 8 ? value / 8 + (value % 8 != 0) : value;
	if (unit > 0 && !per_second)
		return refuse_amount(text, value, error);
	if (unit == 0 && length > 0 && strchr("num", number[length - 1]))
		return refuse_thousandths(text, error);
	*ret_bytes_per_second = value;
	return TRUE;
bad:
	refuse(error, "", text, "is not a rate");
	error_hint(error, "write bytes per second, as 64Mi or 64MiB/s, or bits, as 1Gbit/s");
	return FALSE;
}

/* ---- output ---------------------------------------------------------------------------------- */

char *quantity_format(gint64 value)
{
	static const char *const suffixes[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
	guint i = 0;

	while (value != 0 && value % 1024 == 0 && i + 1 < G_N_ELEMENTS(suffixes)) {
		value /= 1024;
		i++;
	}
	return g_strdup_printf("%" G_GINT64_FORMAT "%s", value, suffixes[i]);
}

char *quantity_human_bytes(gint64 bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes, size = bytes < 0 ? -value : value;
	char number[32];
	guint unit = 0;

	/* 1023.5 would be shown as 1024 */
	while (size >= (unit == 0 ? 1024 : 1023.5) && unit + 1 < G_N_ELEMENTS(units)) {
		size /= 1024;
		value /= 1024;
		unit++;
	}
	if (unit == 0)
		return g_strdup_printf("%" G_GINT64_FORMAT " B", bytes);
	g_ascii_formatd(number, sizeof(number),
			size >= 99.95   ? "%.0f"
			: size >= 9.995 ? "%.1f"
					: "%.2f",
			value);
	if (strchr(number, '.')) {
		gsize length = strlen(number);

		while (number[length - 1] == '0')
			number[--length] = '\0';
		if (number[length - 1] == '.')
			number[length - 1] = '\0';
	}
	return g_strdup_printf("%s %s", number, units[unit]);
}

/* ---- durations ------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	gint64 ms;
} duration_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

static gint64 unit_index(const char *name, gsize length)
{
	for (gsize i = 0; i < G_N_ELEMENTS(duration_units); i++) {
		if (strlen(duration_units[i].name) == length &&
		    strncmp(duration_units[i].name, name, length) == 0)
			return (gint64)i;
	}
	return -1;
}

/* One number and unit; units come in falling order. Returns what is behind, NULL on error. */
static const char *read_duration_part(const char *text, gint64 *last_unit, U128 *total_ms)
{
	Number number;
	const char *unit = read_number(text, &number);
	gsize length, end, fraction;
	gint64 index;
	U128 ms;

	if (!unit || *text == '-' || *text == '+')
		return NULL;
	for (length = 0; g_ascii_isalpha(unit[length]); length++)
		;
	index = unit_index(unit, length);
	end = significant_length(&number);
	fraction = end > number.dot ? end - number.dot - 1 : 0;
	if (index <= *last_unit || fraction > BINARY_FRACTION_MAX)
		return NULL;
	*last_unit = index;
	ms = saturating_multiply(digits_value(&number, 0, end), (U128)duration_units[index].ms);
	*total_ms += MIN(divide_up(ms, power_of_ten((guint)fraction)), VALUE_MAX + 1);
	return unit + length;
}

gboolean duration_parse(const char *text, gint64 *ret_ms, GError **error)
{
	const char *rest = text;
	gint64 last_unit = -1;
	U128 total = 0;

	if (strlen(text) > TEXT_MAX)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "duration is longer than %d characters", TEXT_MAX);
	if (*text && strspn(text, "0123456789.") == strlen(text)) {
		refuse(error, "duration ", text, "has no unit");
		error_hint(error, "write %ss for seconds, %sm for minutes", text, text);
		return FALSE;
	}
	do {
		rest = read_duration_part(rest, &last_unit, &total);
	} while (rest && *rest);
	if (rest && total <= VALUE_MAX) {
		*ret_ms = (gint64)total;
		return TRUE;
	}
	refuse(error, "", text, "is not a duration");
	error_hint(error, "write it as 90s, 5m, 1h30m, 2d or 250ms");
	return FALSE;
}

char *duration_human(gint64 ms)
{
	const char *sign = ms < 0 ? "-" : "";
	guint64 size = ms < 0 ? -(guint64)ms : (guint64)ms;
	guint64 tenths = (size + 50) / 100, seconds = (size + 500) / 1000;
	guint64 minutes = (size + 30000) / 60000, hours = (size + 1800000) / 3600000;

	if (size < 1000)
		return g_strdup_printf("%s%" G_GUINT64_FORMAT " ms", sign, size);
	if (tenths < 600 && tenths % 10 != 0)
		return g_strdup_printf("%s%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT " s", sign,
				       tenths / 10, tenths % 10);
	if (tenths < 600)
		return g_strdup_printf("%s%" G_GUINT64_FORMAT " s", sign, tenths / 10);
	if (seconds < 3600)
		return g_strdup_printf("%s%" G_GUINT64_FORMAT "m%02" G_GUINT64_FORMAT "s", sign,
				       seconds / 60, seconds % 60);
	if (minutes < 1440)
		return g_strdup_printf("%s%" G_GUINT64_FORMAT "h%02" G_GUINT64_FORMAT "m", sign,
				       minutes / 60, minutes % 60);
	return g_strdup_printf("%s%" G_GUINT64_FORMAT "d%" G_GUINT64_FORMAT "h", sign, hours / 24,
			       hours % 24);
}

char *duration_age(gint64 ms)
{
	const gint64 minute = 60, hour = 60 * minute, day = 24 * hour, year = 365 * day;
	gint64 s = MAX(ms, 0) / 1000; /* another machine's clock may be ahead */

	if (s < 2 * minute)
		return g_strdup_printf("%ds", (int)s);
	if (s < 10 * minute && s % minute)
		return g_strdup_printf("%dm%ds", (int)(s / minute), (int)(s % minute));
	if (s < 3 * hour)
		return g_strdup_printf("%dm", (int)(s / minute));
	if (s < 8 * hour && s % hour / minute)
		return g_strdup_printf("%dh%dm", (int)(s / hour), (int)(s % hour / minute));
	if (s < 2 * day)
		return g_strdup_printf("%dh", (int)(s / hour));
	if (s < 8 * day && s % day / hour)
		return g_strdup_printf("%dd%dh", (int)(s / day), (int)(s % day / hour));
	if (s < 2 * year)
		return g_strdup_printf("%dd", (int)(s / day));
	if (s < 8 * year && s % year / day)
		return g_strdup_printf("%dy%dd", (int)(s / year), (int)(s % year / day));
	return g_strdup_printf("%dy", (int)(s / year));
}
