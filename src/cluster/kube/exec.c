/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a credential plugin. */
#include "cluster/kube/exec.h"

void exec_config_free(ExecConfig *exec)
{
	if (!exec)
		return;
	g_free(exec->api_version);
	g_free(exec->command);
	g_strfreev(exec->args);
	g_strfreev(exec->env);
	g_free(exec->install_hint);
	cJSON_Delete(exec->cluster_config);
	g_free(exec);
}
