/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/module.h"
#include "cluster/kube/http-private.h"

static const ModuleSpec spec = {
	.file = "kvmig-http.so",
	.symbol = HTTP_MODULE_SYMBOL,
	.own_first = TRUE,
	.abi = HTTP_MODULE_ABI,
	.what = "the HTTP module",
	.missing_hint = "install kvmig with all its files: make install puts the module there",
	.load_hint = "install libcurl and OpenSSL (Debian: apt install libcurl4 libssl3)",
};
G_STATIC_ASSERT(G_STRUCT_OFFSET(HttpModule, abi) == 0);

const HttpModule *http_module_load(GError **error)
{
	static const HttpModule *module;

	if (!module)
		module = module_load(&spec, error);
	return module;
}
