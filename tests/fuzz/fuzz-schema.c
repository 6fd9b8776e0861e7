/* SPDX-License-Identifier: Apache-2.0 */
/* Any document against every kind: defaults, validation, and the views of what passed. */
#include "fuzz.h"
#include "model/host.h"
#include "model/migration.h"
#include "model/schema.h"
#include "model/vmi.h"
#include "settings/settings.h"

static void read_views(const cJSON *object)
{
	Migration migration;
	Settings settings;
	GError *error = NULL;
	Host host;
	Vmi vmi;

	host_read(object, &host);
	vmi_read(object, &vmi);
	migration_read(object, &migration);
	if (!settings_read(object, &settings, &error))
		fuzz_check_error(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(cJSON) value = json_parse((const char *)data, size, "input", NULL);
	const Kind *kind;

	if (!value)
		return 0;
	read_views(value);
	for (unsigned n = 0; (kind = kind_nth(n)); n++) {
		g_autoptr(cJSON) object = cJSON_Duplicate(value, TRUE);
		GError *error = NULL;

		schema_apply_defaults(kind, object);
		if (!schema_validate(kind, object, &error))
			fuzz_check_error(error);
		else /* what is valid names its kind */
			g_assert_true(object_kind(object) == kind);
	}
	return 0;
}
