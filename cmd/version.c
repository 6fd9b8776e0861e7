/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cmd.h"

static int run_version(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(cJSON) document = NULL;
	cJSON *features;
	gboolean libvirt = FALSE, lab = FALSE;

	(void)values;
	(void)error;
#ifdef ENABLE_LIBVIRT
	libvirt = TRUE;
#endif
#ifdef ENABLE_LAB
	lab = TRUE;
#endif
	if (context->output->format <= OUTPUT_WIDE || context->output->format == OUTPUT_NAME) {
		(void)fprintf(context->output->stream, "kvmig %s%s\n", PACKAGE_VERSION,
			      !libvirt ? " (without libvirt and lab)" :
			      !lab     ? " (without lab)" :
					 "");
		return STATUS_DONE;
	}
	document = cJSON_CreateObject();
	json_set_string(document, "version", PACKAGE_VERSION);
	features = json_ensure_object(document, "features");
	json_set_bool(features, "libvirt", libvirt);
	json_set_bool(features, "lab", lab);
	output_document(context->output, "Version", document);
	return STATUS_DONE;
}

static const char *const examples[] = { "kvmig version", "kvmig version -o json", NULL };

const Command version_command = {
	.name = "version",
	.summary = "print the version of kvmig and what is built in",
	.group = COMMAND_GROUP_OTHER,
	.needs = HAS_OUTPUT,
	.run = run_version,
	.examples = examples,
};
