/* SPDX-License-Identifier: Apache-2.0 */
#include "hyper/module.h"

#include "base/module.h"

static const ModuleSpec spec = {
	.file = "kvmig-libvirt.so",
	.symbol = HYPER_DRIVER_SYMBOL,
	.abi = HYPER_DRIVER_ABI,
	.what = "the libvirt driver",
	.missing_hint = "build kvmig without --disable-libvirt (Debian: "
			"apt install libvirt-dev, then configure, make, make install)",
	.load_hint = "install libvirt's client library (Debian: apt install libvirt0)",
};
G_STATIC_ASSERT(G_STRUCT_OFFSET(HyperDriver, abi) == 0);

const HyperDriver *hyper_module_load(GError **error)
{
	static const HyperDriver *driver;

	if (!driver)
		driver = module_load(&spec, error);
	return driver;
}
