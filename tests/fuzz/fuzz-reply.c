/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an API server replies, in pieces: the first byte says how large they are. Cutting a list,
 * a table or a refusal gives the same parts however the bytes come, and each part that is JSON is
 * what the whole document has there.
 */
#include "cluster/kube/discovery-private.h"
#include "cluster/kube/openapi.h"
#include "cluster/kube/split.h"
#include "cluster/kube/status-error.h"
#include "fuzz.h"

static gboolean note(const char *key, const char *text, gsize length, gpointer data,
		     GError **error G_GNUC_UNUSED)
{
	GString *out = data;

	g_string_append_printf(out, "%s:%" G_GSIZE_FORMAT ":", key ? key : "", length);
	g_string_append_len(out, text, (gssize)length);
	return TRUE;
}

/* NULL: refused. */
static GString *cut(const char *array, const char *text, gsize length, gsize piece)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_auto(Split) split;
	GError *error = NULL;
	gboolean ok = TRUE;

	split_init(&split, array, "the reply", note, out);
	for (gsize at = 0; ok && at < length; at += piece)
		ok = split_feed(&split, text + at, MIN(piece, length - at), &error);
	if (ok && split_end(&split, &error))
		return g_steal_pointer(&out);
	fuzz_check_error(error);
	return NULL;
}

static void check_same(const char *array, const char *text, gsize length, gsize piece)
{
	g_autoptr(GString) whole = cut(array, text, length, length ? length : 1);
	g_autoptr(GString) pieces = cut(array, text, length, piece);

	g_assert_cmpint(whole != NULL, ==, pieces != NULL);
	if (whole)
		g_assert_true(g_string_equal(whole, pieces));
}

/* A document that is valid as a whole is cut without complaint, if its top is an object, unless a
 * key is endless. */
static void check_valid(const char *text, gsize length)
{
	g_autoptr(cJSON) document = json_parse(text, length, "the reply", NULL);
	g_autoptr(GString) parts = NULL;

	if (!cJSON_IsObject(document) || length > 1024)
		return;
	parts = cut("items", text, length, length);
	g_assert_nonnull(parts);
}

static void check_readers(const char *text, gsize length)
{
	const StatusSubject subject = { .verb = "create",
					.kind = &KIND_VMIM,
					.ns = "d",
					.name = "m",
					.context = "kube/x",
					.server = "https://x" };
	static const int statuses[] = { 301, 401, 403, 404, 409, 422, 500 };
	g_autoptr(cJSON) document = json_parse(text, length, "the reply", NULL);
	g_autoptr(GPtrArray) served = g_ptr_array_new_with_free_func(served_free);
	g_autoptr(cJSON) fields = NULL;
	GError *error = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(statuses); i++) {
		status_error_set(&error, &subject, statuses[i], text, length);
		fuzz_check_error(g_steal_pointer(&error));
	}
	discovery_take_group(served, document);
	discovery_take_resources(served, document, "g", "v1");
	fields = openapi_fields(text, length, &KIND_VMIM, &error);
	if (fields)
		(void)openapi_find(fields, "spec.a.b");
	else
		fuzz_check_error(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;

	if (size == 0)
		return 0;
	check_same("items", text, size - 1, data[0] + 1u);
	check_same("rows", text, size - 1, data[0] + 1u);
	check_same(NULL, text, size - 1, data[0] + 1u);
	check_valid(text, size - 1);
	check_readers(text, size - 1);
	return 0;
}
