/* SPDX-License-Identifier: Apache-2.0 */
#include "check/claims.h"

struct CheckClaims {
	GHashTable *table; /* "ns/name" -> CheckClaim */
};

static const struct {
	unsigned mode;
	const char *name;
} modes_table[] = {
	{ CLAIM_RWO, "ReadWriteOnce" },
	{ CLAIM_ROX, "ReadOnlyMany" },
	{ CLAIM_RWX, "ReadWriteMany" },
	{ CLAIM_RWOP, "ReadWriteOncePod" },
};

CheckClaims *check_claims_new(void)
{
	CheckClaims *claims = g_new0(CheckClaims, 1);

	claims->table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return claims;
}

void check_claims_free(CheckClaims *claims)
{
	if (!claims)
		return;
	g_hash_table_unref(claims->table);
	g_free(claims);
}

void check_claims_add(CheckClaims *claims, const cJSON *claim)
{
	const cJSON *spec = json_get(claim, "spec");
	CheckClaim *kept = g_new0(CheckClaim, 1);

	kept->modes = claim_modes_read(json_get(spec, "accessModes"));
	kept->storage_class =
		g_intern_string(json_string(spec, "storageClassName", NULL)); /* few there are */
	g_hash_table_replace(claims->table, object_ref(claim), kept);
}

const CheckClaim *check_claims_find(const CheckClaims *claims, const char *ns, const char *name)
{
	g_autofree char *ref = g_strdup_printf("%s/%s", ns ? ns : "", name);

	return claims ? g_hash_table_lookup(claims->table, ref) : NULL;
}

unsigned claim_modes_read(const cJSON *names)
{
	const cJSON *name;
	unsigned modes = 0;

	cJSON_ArrayForEach(name, names)
	{
		for (gsize i = 0; i < G_N_ELEMENTS(modes_table); i++)
			if (g_strcmp0(name->valuestring, modes_table[i].name) == 0)
				modes |= modes_table[i].mode;
	}
	return modes;
}

char *claim_modes_text(unsigned modes)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(modes_table); i++)
		if (modes & modes_table[i].mode)
			g_string_append_printf(text, "%s%s", text->len ? " and " : "",
					       modes_table[i].name);
	return g_strdup(text->len ? text->str : "without access mode");
}
