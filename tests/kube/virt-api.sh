#!/bin/sh
# A cluster whose virt-api is down, on the real API server: what its aggregator and its admission say then, and what kvmig
# makes of it. KubeVirt itself is not there, so virt-api is down for good: there is no service of its name.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
bed_up
bed_kubevirt 1.9
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG
bed_kubectl create namespace shop

cat >vmi.yaml <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {namespace: shop, name: web}
spec: {architecture: amd64, evictionStrategy: LiveMigrate, domain: {memory: {guest: 1Gi}, devices: {}}}
status: {phase: Running, nodeName: n1, evacuationNodeName: n1, conditions: [{type: LiveMigratable, status: "True"}]}
END
cat >vmim.yaml <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {namespace: shop, name: leaving, labels: {kubevirt.io/vmi-name: web}}
spec: {vmiName: web}
END
bed_kubectl create --validate=false -f vmi.yaml -f vmim.yaml

of_code() { # CODE: what is to be shown of a finding
	printf '.items[] | select(.reason == "%s") | "\\(.severity) \\(.object.kind): \\(.evidence); \\(.fix)"' "$1"
}
silent='[.items[].reason | select(. == "KVMIG-CHK-KUBEVIRT" or . == "KVMIG-CHK-VIRT-API")] | length'

# ---- what the API server knows of it ----

test_case 'nothing is known of virt-api: nothing is said of it'
run kvmig check --cluster -o json
expect_json "$silent" 0
bed_kubectl create rolebinding bob-view -n shop --clusterrole=kubevirt.io:view --user=bob
run as bob kvmig check web -n shop -o json
expect_json "$silent" 0

test_case 'the APIService is not available: by its condition'
cat >service.yaml <<END
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.subresources.kubevirt.io}
spec: {group: subresources.kubevirt.io, version: v1, groupPriorityMinimum: 1000, versionPriority: 15, insecureSkipTLSVerify: true,
  service: {namespace: kubevirt, name: virt-api}}
END
bed_kubectl apply -f service.yaml
bed_kubectl wait apiservice v1.subresources.kubevirt.io --for=condition=Available=False --timeout=60s
pods="'kubectl get pods -n kubevirt -l kubevirt.io=virt-api' shows whether it runs"
run kvmig check --cluster -o json
expect_status 3
expect_json "$(of_code KVMIG-CHK-VIRT-API)" "blocks cluster: APIService 'v1.subresources.kubevirt.io' is not available: \
service/virt-api in \"kubevirt\" is not present (ServiceNotFound); $pods"
run kvmig check web -n shop -o json
expect_status 3
expect_json "$(of_code KVMIG-CHK-VIRT-API) | startswith(\"blocks cluster: APIService\")" true

test_case 'who may not read it learns it from the answer that virt-api does not give'
run as bob kubectl get apiservice v1.subresources.kubevirt.io
expect_stderr_has Forbidden
run as bob kvmig check web -n shop -o json
expect_status 3
expect_json "$(of_code KVMIG-CHK-VIRT-API)" "blocks cluster: cannot get '/apis/subresources.kubevirt.io/v1' in 'kube/bed': \
HTTP status 503: service unavailable; $pods"

test_case 'cancel: the mark that cannot be taken off, and why'
run kvmig cancel leaving -n shop
expect_status 0
expect_stderr_has 'the mark cannot be taken away'
expect_stderr_has "hint: KubeVirt's virt-api does not answer: 'kvmig --context kube/bed check --cluster' says where to look"
expect_stderr_lacks 'it takes the right'
bed_kubectl delete apiservice v1.subresources.kubevirt.io

test_case 'what KubeVirt says of itself'
bed_kubectl patch kubevirt kubevirt -n kubevirt --subresource status --type merge -p '{"status": {"conditions": [{"type": "Available",
	"status": "False", "reason": "DeploymentInProgress", "message": "Deploying version v1.9.0 with registry quay.io/kubevirt"}]}}'
run kvmig check --cluster -o json
expect_json "$(of_code KVMIG-CHK-KUBEVIRT)" "warning cluster: KubeVirt 'kubevirt/kubevirt' is not available: Deploying version v1.9.0 \
with registry quay.io/kubevirt (DeploymentInProgress); 'kubectl get pods -n kubevirt -l kubevirt.io' shows which of its parts is not ready"
run as bob kvmig check web -n shop -o json
expect_json "$(of_code KVMIG-CHK-KUBEVIRT) | startswith(\"warning\")" true

# ---- its admission ----

hook() { # KIND NAME PATH GROUP RESOURCE SERVICE NAMESPACE: a webhook as KubeVirt has it
	cat >hook.yaml <<-END
		apiVersion: admissionregistration.k8s.io/v1
		kind: $1WebhookConfiguration
		metadata: {name: $2}
		webhooks:
		- name: $2
		  admissionReviewVersions: [v1]
		  sideEffects: None
		  failurePolicy: Fail
		  timeoutSeconds: 10
		  clientConfig: {service: {name: $6, namespace: $7, path: $3}}
		  rules: [{apiGroups: [$4], apiVersions: ["*"], resources: [$5], operations: [CREATE]}]
	END
	bed_kubectl apply -f hook.yaml
}

# The server hears of a webhook a moment later.
calls() { # NAME COMMAND…
	calls_name=$1
	shift
	"$@" 2>&1 | grep -qF "failed calling webhook \"$calls_name\""
}
pods="the webhook is service 'virt-api' in namespace 'kubevirt', a part of KubeVirt: $pods"

test_case 'policy create: the webhook that validates it cannot be called'
hook Validating migration-policy-validator.kubevirt.io /migration-policy-validate-create migrations.kubevirt.io migrationpolicies virt-api kubevirt
wait_for calls migration-policy-validator.kubevirt.io kvmig policy create p --vm-label size=small --dry-run
run kvmig policy create p --vm-label size=small
expect_status 1
expect_stderr_has 'failed calling webhook "migration-policy-validator.kubevirt.io"'
expect_stderr_has "hint: $pods"
run kubectl get migrationpolicy -o name
expect_no_stdout

test_case 'migrate: likewise'
hook Mutating migrations-mutator.kubevirt.io /migration-mutate-create kubevirt.io virtualmachineinstancemigrations virt-api kubevirt
sed -i s/leaving/other/ vmim.yaml
wait_for calls migrations-mutator.kubevirt.io kubectl create --dry-run=server --validate=false -f vmim.yaml
bed_kubectl create rolebinding bob-migrate -n shop --clusterrole=kubevirt.io:migrate --user=bob
run as bob kvmig migrate web -n shop # who sees no nodes
expect_status 5
expect_stderr_has "cannot migrate VM 'web'"
expect_stderr_has 'failed calling webhook "migrations-mutator.kubevirt.io"'
expect_stderr_has "hint: $pods"

test_case "a webhook that is not KubeVirt's"
bed_kubectl delete validatingwebhookconfiguration migration-policy-validator.kubevirt.io
hook Validating gate.example.com /gate migrations.kubevirt.io migrationpolicies gate policies
wait_for calls gate.example.com kvmig policy create p --vm-label size=small --dry-run
run kvmig policy create p --vm-label size=small
expect_status 1
expect_stderr_has "hint: the webhook is service 'gate' in namespace 'policies': 'kubectl get endpointslices -n policies \
-l kubernetes.io/service-name=gate' shows whether anything answers behind it"

done_testing
