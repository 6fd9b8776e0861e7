/* SPDX-License-Identifier: Apache-2.0 */
/* The judges of one VM: what a VirtualMachineInstance says, and the findings that must come of it.
 */
#include <string.h>

#include "check/fits.h"
#include "check/vm.h"
#include "model/yaml.h"

/* A VMI in YAML's flow style, between the braces that all have. */
#define VMI(spec, status)                                                                          \
	"{metadata: {namespace: shop, name: web-1}, spec: {" spec "}, status: {phase: Running, "   \
	"nodeName: n1" status "}}"
#define NOT(reason, message)                                                                       \
	", conditions: [{type: LiveMigratable, status: 'False', reason: " reason                   \
	", message: '" message "'}]"
#define MIGRATABLE ", conditions: [{type: LiveMigratable, status: 'True'}]"
#define CLAIM(name, modes)                                                                         \
	"{metadata: {namespace: shop, name: " name "}, spec: {accessModes: [" modes                \
	"], storageClassName: fast}}"

typedef struct {
	const char *name;
	const char *vmi;
	const char *claims[3]; /* what the cluster has; NULL, NULL: they were not readable */
	const char *findings;  /* "SEVERITY CODE", one a line, in the order of the judges */
	const char *words;     /* in the first one's evidence */
} Vector;

static const Vector vectors[] = {
	{ "plain", VMI("domain: {}", ""), { NULL }, "", NULL },
	{ "rwx by the VM's own status",
	  VMI("volumes: [{name: root, persistentVolumeClaim: {claimName: web-root}}]",
	      ", volumeStatus: [{name: root, persistentVolumeClaimInfo: {accessModes: "
	      "[ReadWriteMany]}}]"),
	  { NULL },
	  "",
	  NULL },
	{ "rwx by the claim",
	  VMI("volumes: [{name: root, dataVolume: {name: web-root}}]", ""),
	  { CLAIM("web-root", "ReadWriteOnce, ReadWriteMany") },
	  "",
	  NULL },
	{ "rwo: volume, claim, mode and class are named",
	  VMI("volumes: [{name: root, dataVolume: {name: web-root}}]",
	      NOT("DisksNotLiveMigratable", "PVC web-root is not shared")),
	  { CLAIM("web-root", "ReadWriteOnce") },
	  "blocks KVMIG-BLK-RWX\n",
	  "volume 'root': claim 'shop/web-root' is ReadWriteOnce, not ReadWriteMany, storage class "
	  "'fast'" },
	{ "two volumes: both are told, the condition is not repeated",
	  VMI("volumes: [{name: a, dataVolume: {name: a}}, {name: b, persistentVolumeClaim: "
	      "{claimName: b}}]",
	      NOT("DisksNotLiveMigratable", "")),
	  { CLAIM("a", "ReadWriteOnce"), CLAIM("b", "ReadWriteOncePod") },
	  "blocks KVMIG-BLK-RWX\nblocks KVMIG-BLK-RWX\n",
	  "volume 'a'" },
	{ "a volume that is on its way to another claim is copied",
	  VMI("volumes: [{name: root, dataVolume: {name: web-root}}]",
	      ", migratedVolumes: [{volumeName: root}]"),
	  { CLAIM("web-root", "ReadWriteOnce") },
	  "",
	  NULL },
	{ "no such claim",
	  VMI("volumes: [{name: root, dataVolume: {name: web-root}}]", ""),
	  { CLAIM("other", "ReadWriteMany") },
	  "blocks KVMIG-BLK-RWX\n",
	  "there is no claim 'shop/web-root'" },
	{ "claims that may not be read",
	  VMI("volumes: [{name: root, dataVolume: {name: web-root}}]", ""),
	  { NULL },
	  "note KVMIG-CHK-NOT-SEEN\n",
	  "could not be read" },
	{ "... but the condition tells",
	  VMI("volumes: [{name: root, dataVolume: {name: web-root}}]",
	      NOT("DisksNotLiveMigratable", "PVC web-root is not shared")),
	  { NULL },
	  "note KVMIG-CHK-NOT-SEEN\nblocks KVMIG-BLK-RWX\n",
	  NULL },
	{ "a disk of the node",
	  VMI("volumes: [{name: d, hostDisk: {path: /data/d.img, type: Disk}}]", ""),
	  { NULL },
	  "blocks KVMIG-BLK-LOCAL-DISK\n",
	  "volume 'd' is the file '/data/d.img' of its node" },
	{ "... that is shared",
	  VMI("volumes: [{name: d, hostDisk: {path: /data/d.img, shared: true}}]", ""),
	  { NULL },
	  "",
	  NULL },
	{ "copied volumes; not the one on a CD-ROM",
	  VMI("volumes: [{name: c, cloudInitNoCloud: {}}, {name: i, containerDisk: {image: x}}], "
	      "domain: {devices: {disks: [{name: c, disk: {}}, {name: i, cdrom: {}}]}}",
	      ""),
	  { NULL },
	  "note KVMIG-CHK-DISKS-COPIED\n",
	  "volume 'c'" },
	{ "persistent reservations",
	  VMI("domain: {devices: {disks: [{name: q, lun: {reservation: true}}]}}", ""),
	  { NULL },
	  "warning KVMIG-CHK-RESERVATION\n",
	  "disk 'q'" },
	{ "host device",
	  VMI("domain: {devices: {hostDevices: [{name: nic, deviceName: vendor.com/nic}]}}", ""),
	  { NULL },
	  "blocks KVMIG-BLK-HOST-DEVICE\n",
	  "'nic' (vendor.com/nic)" },
	{ "one GPU, which KubeVirt says it can migrate",
	  VMI("domain: {devices: {gpus: [{name: g, deviceName: nvidia.com/A2}]}}", MIGRATABLE),
	  { NULL },
	  "warning KVMIG-BLK-HOST-DEVICE\n",
	  "GPU 'g'" },
	{ "two GPUs",
	  VMI("domain: {devices: {gpus: [{name: g}, {name: h}]}}",
	      NOT("HostDeviceNotLiveMigratable", "")),
	  { NULL },
	  "blocks KVMIG-BLK-HOST-DEVICE\n",
	  "2 GPUs" },
	{ "SR-IOV",
	  VMI("domain: {devices: {interfaces: [{name: fast, sriov: {}}]}}", ""),
	  { NULL },
	  "warning KVMIG-CHK-SRIOV\n",
	  "'fast'" },
	{ "encrypted",
	  VMI("domain: {launchSecurity: {tdx: {}}}", NOT("TDXNotLiveMigratable", "")),
	  { NULL },
	  "blocks KVMIG-BLK-ENCRYPTED\n",
	  "tdx" },
	{ "bridge on the pod network",
	  VMI("networks: [{name: default, pod: {}}], domain: {devices: {interfaces: [{name: "
	      "default, bridge: {}}]}}",
	      NOT("InterfaceNotLiveMigratable", "")),
	  { NULL },
	  "blocks KVMIG-BLK-INTERFACE\n",
	  "'default' is on the pod network by bridge" },
	{ "bridge on another network is no obstacle",
	  VMI("networks: [{name: blue, multus: {networkName: blue}}], domain: {devices: "
	      "{interfaces: [{name: blue, bridge: {}}]}}",
	      ""),
	  { NULL },
	  "",
	  NULL },
	{ "masquerade",
	  VMI("networks: [{name: default, pod: {}}], domain: {devices: {interfaces: [{name: "
	      "default, masquerade: {}}]}}",
	      ""),
	  { NULL },
	  "",
	  NULL },
	{ "a plugin, where the condition says nothing",
	  VMI("networks: [{name: default, pod: {}}], domain: {devices: {interfaces: [{name: "
	      "default, binding: {name: l2bridge}}]}}",
	      ""),
	  { NULL },
	  "",
	  NULL },
	{ "host-passthrough",
	  VMI("domain: {cpu: {model: host-passthrough}}", ""),
	  { NULL },
	  "warning KVMIG-CHK-CPU-PASSTHROUGH\n",
	  "host-passthrough" },
	{ "a CPU limit",
	  VMI("domain: {resources: {limits: {cpu: 2}}}", ""),
	  { NULL },
	  "note KVMIG-CHK-ONE-STREAM\n",
	  "a CPU limit" },
	{ "dedicated CPUs",
	  VMI("domain: {cpu: {dedicatedCpuPlacement: true}}", ""),
	  { NULL },
	  "note KVMIG-CHK-ONE-STREAM\n",
	  "dedicated CPUs" },
	{ "all Hyper-V features",
	  VMI("domain: {features: {hypervPassthrough: {}}}",
	      NOT("HypervPassthroughNotLiveMigratable", "")),
	  { NULL },
	  "blocks KVMIG-BLK-CPU\n",
	  "hypervPassthrough" },
	{ "only the condition knows: host model",
	  VMI("domain: {}", NOT("CPUModeLiveMigratable", "cannot migrate VMI: host model unknown")),
	  { NULL },
	  "blocks KVMIG-BLK-CPU\n",
	  "host model unknown; LiveMigratable: CPUModeLiveMigratable" },
	{ "only the condition knows: a reason that is new",
	  VMI("domain: {}", NOT("SomethingNotLiveMigratable", "because")),
	  { NULL },
	  "blocks KVMIG-BLK-NOT-MIGRATABLE\n",
	  "because; LiveMigratable: SomethingNotLiveMigratable" },
	{ "only the condition knows: libvirt's own words",
	  VMI("domain: {}", NOT("NotMigratable", "domain has snapshots")),
	  { NULL },
	  "blocks KVMIG-BLK-LIBVIRT\n",
	  "domain has snapshots" },
	{ "only the condition knows: file systems",
	  VMI("domain: {}", NOT("VirtIOFSNotLiveMigratable", "virtiofs")),
	  { NULL },
	  "blocks KVMIG-BLK-FILESYSTEM\n",
	  "virtiofs" },
	{ "only the condition knows: disks",
	  VMI("domain: {}", NOT("DisksNotLiveMigratable", "a file")),
	  { NULL },
	  "blocks KVMIG-BLK-LOCAL-DISK\n",
	  "a file" },
	{ "storage only",
	  VMI("domain: {}", ", conditions: [{type: StorageLiveMigratable, status: 'False', "
			    "message: 'A: b, C: d'}]"),
	  { NULL },
	  "note KVMIG-CHK-STORAGE-MIGRATION\n",
	  "A: b, C: d" },
	{ "twice on the hosts",
	  VMI("domain: {}", ", conditions: [{type: kvmig.io/DuplicateUUID, status: 'True', "
			    "message: 'n1 and n2'}, {type: kvmig.io/Undecided, status: 'True'}]"),
	  { NULL },
	  "blocks KVMIG-BLK-DUPLICATE-UUID\nblocks KVMIG-BLK-UNDECIDED\n",
	  "n1 and n2" },
	{ "being deleted",
	  "{metadata: {namespace: shop, name: web-1, deletionTimestamp: '2026-11-21T00:00:00Z'}, "
	  "status: {phase: Running}}",
	  { NULL },
	  "blocks KVMIG-BLK-NOT-RUNNING\n",
	  "being deleted" },
	{ "not running",
	  "{metadata: {namespace: shop, name: web-1}, status: {phase: Scheduling}}",
	  { NULL },
	  "blocks KVMIG-BLK-NOT-RUNNING\n",
	  "Scheduling" },
	{ "a long name",
	  "{metadata: {namespace: shop, name: "
	  "a123456789b123456789c123456789d123456789e123456789f123456789g123}, status: {phase: "
	  "Running}}",
	  { NULL },
	  "blocks KVMIG-BLK-NAME\n",
	  "64 characters" },
	{ "marked to leave",
	  VMI("domain: {}", ", evacuationNodeName: n1"),
	  { NULL },
	  "note KVMIG-CHK-EVICTION\n",
	  "'n1'" },
	{ "nonsense in every place",
	  "{metadata: {namespace: shop, name: web-1}, spec: {volumes: [1, {name: 2}, null], "
	  "networks: 3, domain: {cpu: [], devices: {disks: 1, gpus: x, hostDevices: [7]}}}, "
	  "status: {phase: Running, conditions: {}, volumeStatus: 5}}",
	  { NULL },
	  "blocks KVMIG-BLK-HOST-DEVICE\n",
	  "'?'" },
};

static cJSON *yaml(const char *text)
{
	g_autoptr(GError) error = NULL;
	cJSON *value = yaml_parse(text, strlen(text), "vector", &error);

	g_assert_no_error(error);
	return value;
}

static void test_vector(gconstpointer data)
{
	const Vector *vector = data;
	g_autoptr(cJSON) vmi = yaml(vector->vmi);
	g_autoptr(CheckClaims) claims = vector->claims[0] ? check_claims_new() : NULL;
	g_autoptr(GPtrArray) findings = check_findings_new();
	g_autoptr(GString) text = g_string_new(NULL);
	CheckVm vm;

	for (gsize i = 0; vector->claims[i]; i++) {
		g_autoptr(cJSON) claim = yaml(vector->claims[i]);

		check_claims_add(claims, claim);
	}
	check_vm_init(&vm, vmi, claims, findings);
	vm.kubevirt = TRUE;
	vm.eviction_default = "LiveMigrate";
	check_vm(&vm);
	for (guint i = 0; i < findings->len; i++) {
		const CheckFinding *finding = g_ptr_array_index(findings, i);

		g_string_append_printf(text, "%s %s\n", check_severity_text(finding->severity),
				       finding->code);
		g_assert_cmpstr(finding->kind, ==, "vm");
		g_assert_cmpstr(finding->ns, ==, "shop");
		g_assert_cmpuint(strlen(finding->fix), >, 0);
	}
	g_assert_cmpstr(text->str, ==, vector->findings);
	if (vector->words) {
		const CheckFinding *first = g_ptr_array_index(findings, 0);

		if (!strstr(first->evidence, vector->words))
			g_error("'%s' is not in '%s'", vector->words, first->evidence);
	}
}

/* What the caller knows of cluster and node. */
static void test_surroundings(void)
{
	static const struct {
		const char *vmi;
		gboolean kubevirt;
		const char *eviction, *qemu;
		gboolean post_copy;
		const char *code; /* the only finding; NULL: none */
	} cases[] = {
		{ VMI("domain: {}", ""), TRUE, NULL, NULL, FALSE, REASON_CHK_DRAIN_STOPS },
		{ VMI("domain: {}", ""), TRUE, "None", NULL, FALSE, REASON_CHK_DRAIN_STOPS },
		{ VMI("evictionStrategy: LiveMigrate", ""), TRUE, "None", NULL, FALSE, NULL },
		{ VMI("evictionStrategy: None", ""), TRUE, "LiveMigrate", NULL, FALSE,
		  REASON_CHK_DRAIN_STOPS },
		{ VMI("domain: {}", ""), FALSE, NULL, NULL, FALSE, NULL },
		{ VMI("domain: {}", ", virtType: qemu"), FALSE, NULL, "7.2.22", FALSE,
		  REASON_CHK_TCG },
		{ VMI("domain: {}", ", virtType: qemu"), FALSE, NULL, "9.0.0", FALSE, NULL },
		{ VMI("domain: {}", ", virtType: qemu"), FALSE, NULL, "10.1.0", FALSE, NULL },
		{ VMI("domain: {}", ", virtType: kvm"), FALSE, NULL, "7.2.22", FALSE, NULL },
		{ VMI("domain: {}", ", virtType: qemu"), FALSE, NULL, "odd", FALSE, NULL },
		{ VMI("domain: {devices: {filesystems: [{name: f}]}}", ""), FALSE, NULL, NULL, TRUE,
		  REASON_CHK_POST_COPY_VM },
		{ VMI("domain: {devices: {filesystems: [{name: f}]}}", ""), FALSE, NULL, NULL,
		  FALSE, NULL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(cJSON) vmi = yaml(cases[i].vmi);
		g_autoptr(GPtrArray) findings = check_findings_new();
		CheckVm vm;

		check_vm_init(&vm, vmi, NULL, findings);
		vm.kubevirt = cases[i].kubevirt;
		vm.eviction_default = cases[i].eviction;
		vm.qemu_version = cases[i].qemu;
		vm.post_copy = cases[i].post_copy;
		check_vm(&vm);
		g_assert_cmpuint(findings->len, ==, cases[i].code ? 1 : 0);
		if (cases[i].code)
			g_assert_cmpstr(((CheckFinding *)g_ptr_array_index(findings, 0))->code, ==,
					cases[i].code);
	}
}

/* ---- findings ------------------------------------------------------------------------------- */

static void test_order(void)
{
	g_autoptr(GPtrArray) findings = check_findings_new();
	const CheckObject vm = { "vm", "b", "x" }, other = { "vm", "a", "y" };
	const char *const wanted[] = { "2", "1", "4", "3" };

	check_add(findings, &vm, CHECK_BLOCKS, REASON_BLK_RWX, NULL, "1");
	check_add(findings, &other, CHECK_BLOCKS, REASON_BLK_RWX, NULL, "2");
	g_assert_true(check_has(findings, &other, REASON_BLK_RWX));
	check_add(findings, &vm, CHECK_NOTE, REASON_CHK_NOT_SEEN, "do", "3");
	check_add(findings, &vm, CHECK_WARNING, REASON_CHK_SRIOV, NULL, "4");
	g_assert_true(check_has(findings, &vm, REASON_CHK_NOT_SEEN));
	g_assert_false(check_has(findings, &vm, REASON_BLK_CPU));
	g_assert_cmpuint(check_count(findings, CHECK_BLOCKS), ==, 2);
	check_sort(findings);
	for (guint i = 0; i < findings->len; i++) {
		const CheckFinding *finding = g_ptr_array_index(findings, i);

		g_assert_cmpstr(finding->evidence, ==, wanted[i]);
	}
}

static void test_document(void)
{
	g_autoptr(GPtrArray) findings = check_findings_new();
	const CheckObject object = { "cluster", NULL, NULL };
	g_autoptr(cJSON) document = NULL;
	g_autofree char *text = NULL;

	check_add(findings, &object, CHECK_NOTE, REASON_CHK_NOT_SEEN, "look", "%d seen", 0);
	document = check_finding_document(g_ptr_array_index(findings, 0));
	text = json_print(document);
	g_assert_cmpstr(text, ==,
			"{\"severity\":\"note\",\"reason\":\"KVMIG-CHK-NOT-SEEN\",\"object\":{"
			"\"kind\":\"cluster\"},\"evidence\":\"0 seen\",\"fix\":\"look\"}");
}

/* What one cause gives to many is one finding; others stay, in their order. */
static void test_fold(void)
{
	g_autoptr(GPtrArray) findings = check_findings_new();
	const char *const names[] = { "a", "b", "c", "d" };
	const CheckFinding *first;

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		const CheckObject vm = { "vm", "shop", names[i] };

		check_add(findings, &vm, CHECK_WARNING, REASON_CHK_TCG, NULL, "by QEMU 7.2.0");
		check_mark_common(findings);
		check_add(findings, &vm, CHECK_WARNING, REASON_CHK_SRIOV, NULL, "fast");
	}
	check_fold(findings);
	g_assert_cmpuint(findings->len, ==, 5);
	first = g_ptr_array_index(findings, 0);
	g_assert_cmpstr(first->code, ==, REASON_CHK_TCG);
	g_assert_null(first->name);
	g_assert_cmpstr(first->evidence, ==,
			"4 VMs ('shop/a', 'shop/b', 'shop/c' and 1 more): by QEMU 7.2.0");
	for (guint i = 1; i < findings->len; i++)
		g_assert_cmpstr(((const CheckFinding *)g_ptr_array_index(findings, i))->name, ==,
				names[i - 1]);
}

static void test_fold_one(void)
{
	g_autoptr(GPtrArray) findings = check_findings_new();
	const CheckObject vm = { "vm", "shop", "a" };

	check_fold(findings);
	g_assert_cmpuint(findings->len, ==, 0);
	check_add(findings, &vm, CHECK_WARNING, REASON_CHK_TCG, NULL, "by QEMU 7.2.0");
	check_mark_common(findings);
	check_fold(findings);
	g_assert_cmpuint(findings->len, ==, 1);
	g_assert_cmpstr(((const CheckFinding *)g_ptr_array_index(findings, 0))->name, ==, "a");
}

/* The words VM and NODE in commands, and nowhere else. */
static void test_fix_names(void)
{
	static const struct {
		CheckObject object;
		const char *fix, *wanted;
	} cases[] = {
		{ { "vm", "shop", "web" }, "the VM: 'kvmig status VM'",
		  "the VM: 'kvmig status web -n shop'" },
		{ { "vm", NULL, "a b" }, "'kvmig cancel VM', VM", "'kvmig cancel \"a b\"', VM" },
		{ { "node", NULL, "n1" }, "'kubectl uncordon NODE'", "'kubectl uncordon n1'" },
		{ { "node", NULL, "n1" }, "'kvmig status VM'", "'kvmig status VM'" },
		{ { "cluster", NULL, NULL }, "'VM' is a word", "'VM' is a word" },
		{ { "vm", "shop", NULL }, "'kvmig status VM", "'kvmig status VM" },
		{ { "vm", "shop", "web" }, "", "" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GPtrArray) findings = check_findings_new();

		check_add(findings, &cases[i].object, CHECK_NOTE, REASON_CHK_NOT_SEEN, cases[i].fix,
			  "seen");
		g_assert_cmpstr(((const CheckFinding *)g_ptr_array_index(findings, 0))->fix, ==,
				cases[i].wanted);
	}
}

/* VMs that ask for the same on one node are one question, whatever they are called. */
static void test_fits_groups(void)
{
	static const char *const vms[] = {
		"{metadata: {namespace: a, name: x, uid: '1', labels: {vm.kubevirt.io/name: x}}, "
		"spec: {domain: {memory: {guest: 1Gi}}}, status: {nodeName: n1}}",
		"{metadata: {namespace: a, name: y, uid: '2', labels: {vm.kubevirt.io/name: y}}, "
		"spec: {domain: {memory: {guest: 1Gi}, firmware: {uuid: u}}}, status: {nodeName: "
		"n1, conditions: []}}",
		"{metadata: {namespace: a, name: z, uid: '3'}, spec: {domain: {memory: {guest: "
		"1Gi}}}, status: {nodeName: n2}}",
		"{metadata: {namespace: a, name: v, uid: '4'}, spec: {domain: {memory: {guest: "
		"2Gi}}}, status: {nodeName: n1}}",
		"{metadata: {namespace: a, name: w, uid: '5'}, spec: {domain: {memory: {guest: "
		"1Gi}}}, status: {nodeName: n1}}",
	};
	static const guint groups[] = { 1, 1, 2, 3, 4 }; /* the last one's pod asks for more */
	g_autoptr(CheckFits) fits = check_fits_new();
	g_autoptr(cJSON) pod = yaml(
		"{metadata: {name: p, labels: {kubevirt.io: virt-launcher, kubevirt.io/created-by: "
		"'5'}}, spec: {nodeName: n1, containers: [{resources: {requests: {memory: "
		"3Gi}}}]}}");

	check_fits_add_pod(fits, pod);
	for (gsize i = 0; i < G_N_ELEMENTS(vms); i++) {
		g_autoptr(cJSON) vmi = yaml(vms[i]);

		check_fits_add_vm(fits, vmi);
		g_assert_cmpuint(check_fits_groups(fits), ==, groups[i]);
	}
}

/* A label with the VM's own name sets it apart where a selector names it, and nowhere else. */
static void test_fits_named(void)
{
#define TERM "requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: k, labelSelector: {"
	static const struct {
		const char *pod, *spec; /* affinity of a pod; of the VMs */
		guint groups;
	} cases[] = {
		{ "", "", 1 },
		{ "podAntiAffinity: {" TERM "matchLabels: {app: x}}}]}", "", 2 },
		{ "podAntiAffinity: {" TERM "matchLabels: {app: other, role: x}}}]}", "", 1 },
		{ "podAntiAffinity: {" TERM
		  "matchExpressions: [{key: app, operator: In, values: [x, y]}]}}]}",
		  "", 3 },
		{ "podAntiAffinity: {" TERM
		  "matchExpressions: [{key: app, operator: Exists}]}}]}",
		  "", 1 },
		{ "podAntiAffinity: {" TERM "matchLabels: {vm.kubevirt.io/name: z}}}]}", "", 2 },
		{ "podAffinity: {" TERM "matchLabels: {app: x}}}]}", "", 1 },
		{ "", "affinity: {podAffinity: {" TERM "matchLabels: {app: y}}}]}}", 2 },
		{ "",
		  "topologySpreadConstraints: [{topologyKey: k, labelSelector: {matchLabels: "
		  "{app: z}}}]",
		  2 },
		{ "",
		  "topologySpreadConstraints: [{topologyKey: k, labelSelector: {}, "
		  "matchLabelKeys: [app]}]",
		  3 },
	};
#undef TERM
	static const char *const names[] = { "x", "y", "z" };

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(CheckFits) fits = check_fits_new();
		g_autofree char *text = g_strdup_printf(
			"{metadata: {name: p}, spec: {nodeName: n1, affinity: {%s}}}",
			cases[i].pod);
		g_autoptr(cJSON) pod = yaml(text);

		check_fits_add_pod(fits, pod);
		for (gsize j = 0; j < G_N_ELEMENTS(names); j++) {
			g_autofree char *vm = g_strdup_printf(
				"{metadata: {namespace: a, name: %s, labels: {app: %s}}, spec: "
				"{%s}, status: {nodeName: n1}}",
				names[j], names[j], cases[i].spec);
			g_autoptr(cJSON) vmi = yaml(vm);

			check_fits_add_vm(fits, vmi);
		}
		g_test_message("case %zu", i);
		g_assert_cmpuint(check_fits_groups(fits), ==, cases[i].groups);
	}
}

static void test_claim_modes(void)
{
	g_autofree char *none = claim_modes_text(0);
	g_autofree char *two = claim_modes_text(CLAIM_RWO | CLAIM_ROX);

	g_assert_cmpstr(none, ==, "without access mode");
	g_assert_cmpstr(two, ==, "ReadWriteOnce and ReadOnlyMany");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(vectors); i++) {
		g_autofree char *path = g_strdup_printf("/check/vm/%s", vectors[i].name);

		g_test_add_data_func(path, &vectors[i], test_vector);
	}
	g_test_add_func("/check/vm-surroundings", test_surroundings);
	g_test_add_func("/check/findings/order", test_order);
	g_test_add_func("/check/findings/document", test_document);
	g_test_add_func("/check/findings/fold", test_fold);
	g_test_add_func("/check/findings/fold-one", test_fold_one);
	g_test_add_func("/check/findings/fix", test_fix_names);
	g_test_add_func("/check/fits/groups", test_fits_groups);
	g_test_add_func("/check/fits/named", test_fits_named);
	g_test_add_func("/check/claims/modes", test_claim_modes);
	return g_test_run();
}
