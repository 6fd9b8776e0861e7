// SPDX-License-Identifier: Apache-2.0

// Stands in for the HyperConverged operator's conversion webhook: moves the fields whose place differs between
// v1beta1 (spec.X) and v1 (spec.virtualization.X) and leaves everything else alone. It proves nothing about the real one.
//
//	convert -listen ADDRESS -cert STEM
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
)

type object = map[string]any

// Those of them that kvmig reads or writes.
var moved = []string{"liveMigrationConfig", "evictionStrategy"}

const v1, v1beta1 = "hco.kubevirt.io/v1", "hco.kubevirt.io/v1beta1"

func toV1(spec object) {
	virtualization, _ := spec["virtualization"].(object)
	if virtualization == nil {
		virtualization = object{}
	}
	for _, name := range moved {
		if value, ok := spec[name]; ok {
			virtualization[name] = value
			delete(spec, name)
		}
	}
	if len(virtualization) > 0 {
		spec["virtualization"] = virtualization
	}
}

func toV1beta1(spec object) {
	virtualization, _ := spec["virtualization"].(object)
	for _, name := range moved {
		if value, ok := virtualization[name]; ok {
			spec[name] = value
			delete(virtualization, name)
		}
	}
	if virtualization != nil && len(virtualization) == 0 {
		delete(spec, "virtualization")
	}
}

func convert(from object, version string) (object, error) {
	spec, _ := from["spec"].(object)
	switch {
	case from["apiVersion"] == version:
	case from["apiVersion"] == v1beta1 && version == v1:
		if spec != nil {
			toV1(spec)
		}
	case from["apiVersion"] == v1 && version == v1beta1:
		if spec != nil {
			toV1beta1(spec)
		}
	default:
		return nil, fmt.Errorf("cannot convert %v to %s", from["apiVersion"], version)
	}
	from["apiVersion"] = version
	return from, nil
}

func review(w http.ResponseWriter, r *http.Request) {
	var in struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Request    struct {
			UID               string   `json:"uid"`
			DesiredAPIVersion string   `json:"desiredAPIVersion"`
			Objects           []object `json:"objects"`
		} `json:"request"`
	}
	decoder := json.NewDecoder(r.Body)
	decoder.UseNumber()
	if err := decoder.Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	result, converted := object{"status": "Success"}, []object{}
	for _, from := range in.Request.Objects {
		to, err := convert(from, in.Request.DesiredAPIVersion)
		if err != nil {
			result, converted = object{"status": "Failure", "message": err.Error()}, nil
			break
		}
		converted = append(converted, to)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(object{
		"apiVersion": in.APIVersion, "kind": in.Kind,
		"response": object{"uid": in.Request.UID, "result": result, "convertedObjects": converted},
	})
}

func main() {
	listen := flag.String("listen", "", "`address`:port")
	cert := flag.String("cert", "", "`stem` of certificate and key")
	flag.Parse()
	log.SetFlags(log.Lmicroseconds)
	log.Fatal(http.ListenAndServeTLS(*listen, *cert+".crt", *cert+".key", http.HandlerFunc(review)))
}
