# Fifty nodes for the suites about targets and findings: `usual` is one that fits; each other one lacks something, and is
# named after it.
def flag($prefix; $names): [$names[] | {key: ($prefix + .), value: "true"}] | from_entries;
def usual($name): {apiVersion: "v1", kind: "Node",
	metadata: {name: $name, labels: ({"kubernetes.io/hostname": $name, "kubernetes.io/arch": "amd64",
			"kubevirt.io/schedulable": "true", vms: "yes", disk: "ssd", zone: "a", tier: "gold",
			"topology.kubernetes.io/zone": "a", row: "1"}
		+ flag("cpu-vendor.node.kubevirt.io/"; ["Intel"])
		+ flag("host-model-cpu.node.kubevirt.io/"; ["Skylake-Server"])
		+ flag("host-model-required-features.node.kubevirt.io/"; ["pku", "avx512f", "vmx"])
		+ flag("cpu-model-migration.node.kubevirt.io/"; ["Skylake-Server", "Haswell"])
		+ flag("cpu-feature.node.kubevirt.io/"; ["pku", "avx512f", "vmx", "aes"] + [range(120) | "filler\(.)"])
		+ flag("machine-type.node.kubevirt.io/"; ["pc-q35-9.2", "pc-q35-7.2"])
		+ flag("hyperv.node.kubevirt.io/"; ["synic", "vpindex"]) + flag("kubevirt.io/"; ["sev"])
		+ flag("scheduling.node.kubevirt.io/"; ["tsc-frequency-2000000000"]))},
	spec: {},
	status: {conditions: [{type: "Ready", status: "True", reason: "KubeletReady"}],
		allocatable: {cpu: "8", memory: "16Gi", pods: "110", "hugepages-2Mi": "4Gi", "devices.kubevirt.io/kvm": "1k", "ephemeral-storage": "10Gi",
			"nvidia.com/A100": "1", "bridge.network.kubevirt.io/br1": "1k"}}} | .status.capacity = .status.allocatable;
def without($prefix): .metadata.labels |= with_entries(select(.key | startswith($prefix) | not));
def tag($key; $value): .metadata.labels[$key] = $value;
def can($name; $amount): .status.allocatable[$name] = $amount;
def cannot($name): del(.status.allocatable[$name]);
def ready($status; $message): .status.conditions[0] += {status: $status, message: $message};
def taint($key; $effect): .spec.taints += [{key: $key, value: "yes", effect: $effect}];
[ (["source", "fits-1", "fits-2", "db", "full", "gpu-used", "off-network"][] | usual(.)),
  (usual("fits-tolerated") | taint("dedicated"; "NoSchedule")),
  (usual("fits-soft") | taint("slow"; "PreferNoSchedule")),
  (usual("fits-preferred") | tag("rack"; "r1")),
  (usual("fits-pressed") | .spec.taints = [{key: "node.kubernetes.io/memory-pressure", effect: "NoSchedule"}]),
  (usual("cordoned") | .spec.unschedulable = true | .spec.taints = [{key: "node.kubernetes.io/unschedulable", effect: "NoSchedule"}]),
  (usual("not-ready") | ready("False"; "container runtime is down")),
  (usual("silent") | ready("Unknown"; "Kubelet stopped posting node status.")
	| .spec.taints = [{key: "node.kubernetes.io/unreachable", effect: "NoExecute"}]),
  (usual("unschedulable") | tag("kubevirt.io/schedulable"; "false")),
  (usual("unlabelled") | without("kubevirt.io/schedulable")),
  (usual("copper") | tag("tier"; "copper")), (usual("tierless") | without("tier")),
  (usual("hdd") | tag("disk"; "hdd")), (usual("diskless") | without("disk")),
  (usual("control") | without("vms")),
  (usual("zone-c") | tag("zone"; "c")),
  (usual("tainted") | taint("gpu"; "NoSchedule")), (usual("evicting") | taint("maintenance"; "NoExecute")),
  (usual("arm") | tag("kubernetes.io/arch"; "arm64")),
  (usual("old-cpu") | without("cpu-model-migration.node.kubevirt.io/Skylake") | without("host-model-cpu.")
	| tag("host-model-cpu.node.kubevirt.io/Haswell"; "true")),
  (usual("amd") | without("cpu-vendor.")),
  (usual("obsolete") | tag("node-labeller.kubevirt.io/obsolete-host-model"; "true")),
  (usual("featureless") | without("cpu-feature.node.kubevirt.io/pku") | without("cpu-feature.node.kubevirt.io/avx512f")),
  (usual("old-qemu") | without("machine-type.node.kubevirt.io/pc-q35-9")),
  (usual("tsc") | without("scheduling.")), (usual("sevless") | without("kubevirt.io/sev")), (usual("hypervless") | without("hyperv.")),
  (usual("no-kvm") | cannot("devices.kubevirt.io/kvm")),
  (usual("small") | can("memory"; "512Mi")),
  (usual("scratchless") | can("ephemeral-storage"; "10M")),
  (["rival", "rival-near"][] | usual(.) | tag("topology.kubernetes.io/zone"; "r")), usual("shy"),
  (usual("full-row") | tag("row"; "2")), (usual("rowless") | without("row")),
  (usual("far") | tag("topology.kubernetes.io/zone"; "z")),
  (usual("slow") | can("cpu"; "300m")),
  (usual("crowded") | can("pods"; "1")),
  (usual("pageless") | cannot("hugepages-2Mi")), (usual("few-pages") | can("hugepages-2Mi"; "512Mi")),
  (usual("gpuless") | cannot("nvidia.com/A100")),
  (usual("bridgeless") | cannot("bridge.network.kubevirt.io/br1")),
  (usual("everything") | .spec.unschedulable = true | ready("False"; "down") | without("disk") | without("zone") | taint("a"; "NoSchedule")
	| taint("b"; "NoSchedule") | without("cpu-feature.") | without("machine-type.") | can("memory"; "512Mi") | cannot("nvidia.com/A100")),
  (range(1) | usual("zz-\(.)") | tag("zone"; "c") | tag("disk"; "hdd"))
] | {apiVersion: "v1", kind: "List", items: .}
