// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"time"
)

const rbacGroup = "rbac.authorization.k8s.io"

func bindingName(i int) (ns, name string) {
	return fmt.Sprintf("ns-%d", i%*bindings), fmt.Sprintf("binding-%d", i)
}

// Number i: of each ten in a namespace the first lets a user, a group and a service account migrate.
func binding(i int, began time.Time) (string, []byte) {
	ns, name := bindingName(i)
	role := "kubevirt.io:view"
	if i / *bindings % 10 == 0 {
		role = "kubevirt.io:migrate"
	}
	subjects := list{
		object{"apiGroup": rbacGroup, "kind": "User", "name": fmt.Sprintf("user-%d@example.org", i%5000)},
		object{"apiGroup": rbacGroup, "kind": "Group", "name": fmt.Sprintf("team-%d", i%100)},
		object{"kind": "ServiceAccount", "namespace": ns, "name": "robot"},
	}
	ref := object{"apiGroup": rbacGroup, "kind": "ClusterRole", "name": role}
	text, err := json.Marshal(object{
		"apiVersion": rbacGroup + "/v1", "kind": "RoleBinding",
		"metadata": object{"name": name, "namespace": ns, "uid": uid(i, 0), "creationTimestamp": stamp(began),
			"managedFields": list{object{"manager": "kubectl-create", "operation": "Update", "apiVersion": rbacGroup + "/v1",
				"time": stamp(began), "fieldsType": "FieldsV1",
				"fieldsV1": object{"f:roleRef": object{}, "f:subjects": object{}}}}},
		"roleRef": ref, "subjects": subjects})
	die(err)
	return "/registry/rolebindings/" + ns + "/" + name, text
}
