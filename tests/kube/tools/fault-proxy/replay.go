// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// A watch faster than the real server with its etcd: the objects that are there, each in turn, as MODIFIED events
// with resource versions and numbers that go up by one. The number is the annotation kvmig.test/sequence (1, 2, 3 …)
// or, in a Table, the cell of that column. A watch that resumes from a resource version gets what comes behind it,
// those of the time between at once. Where all have been sent, it stays silent.
type replay struct {
	Rate    int    `json:"rate"`    // events a second
	Seconds int    `json:"seconds"` // for so long
	Objects int    `json:"objects"` // of so many objects (default 100)
	Column  string `json:"column"`

	lock  sync.Mutex
	base  int64
	start time.Time
}

const (
	markNumber  = "@kvmig-number@"
	markVersion = "@kvmig-version@"
)

func withRule(r *http.Request, rule *rule) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), ruleKey{}, rule))
}

// The list that the server has for that watch, in the form that the client asked for.
func (replay *replay) list(p *frontProxy, r *http.Request) (map[string]any, error) {
	objects := replay.Objects
	if objects == 0 {
		objects = 100
	}
	query := url.Values{"limit": {strconv.Itoa(objects)}}
	for _, name := range []string{"labelSelector", "fieldSelector", "includeObject"} {
		if value := r.URL.Query().Get(name); value != "" {
			query.Set(name, value)
		}
	}
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.URL.RawQuery = query.Encode()
	p.rewrite(r, out)
	out.Header.Del("Accept-Encoding")
	response, err := p.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the list for the replay: %s", response.Status)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var list map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return list, decoder.Decode(&list)
}

func mark(object map[string]any) {
	metadata := object["metadata"].(map[string]any)
	metadata["resourceVersion"] = markVersion
	annotations, _ := metadata["annotations"].(map[string]any)
	if annotations == nil {
		annotations = map[string]any{}
		metadata["annotations"] = annotations
	}
	annotations["kvmig.test/sequence"] = markNumber
}

// The one row of a Table that is the event's object.
func tableOf(list map[string]any, row map[string]any, column string) map[string]any {
	for i, definition := range list["columnDefinitions"].([]any) {
		if definition.(map[string]any)["name"] == column {
			row["cells"].([]any)[i] = markNumber
		}
	}
	if object, _ := row["object"].(map[string]any); object != nil {
		mark(object)
	}
	return map[string]any{"kind": "Table", "apiVersion": list["apiVersion"], "metadata": map[string]any{
		"resourceVersion": markVersion}, "columnDefinitions": list["columnDefinitions"], "rows": []any{row}}
}

// Pieces of text and, between them, which mark was there.
func pieces(object map[string]any) (text [][]byte, marks []string) {
	all, err := json.Marshal(map[string]any{"type": "MODIFIED", "object": object})
	die(err)
	for {
		number, version := bytes.Index(all, []byte(markNumber)), bytes.Index(all, []byte(markVersion))
		at, found := number, markNumber
		if number < 0 || (version >= 0 && version < number) {
			at, found = version, markVersion
		}
		if at < 0 {
			return append(text, append(all, '\n')), marks
		}
		text, marks = append(text, all[:at:at]), append(marks, found)
		all = all[at+len(found):]
	}
}

type template struct {
	text  [][]byte
	marks []string
}

func (t *template) append(to []byte, number, version int64) []byte {
	for i, text := range t.text {
		to = append(to, text...)
		if i < len(t.marks) {
			value := number
			if t.marks[i] == markVersion {
				value = version
			}
			to = strconv.AppendInt(to, value, 10)
		}
	}
	return to
}

func (replay *replay) templates(list map[string]any) (all []template) {
	if list["kind"] == "Table" {
		for _, row := range list["rows"].([]any) {
			text, marks := pieces(tableOf(list, row.(map[string]any), replay.Column))
			all = append(all, template{text, marks})
		}
		return all
	}
	for _, item := range list["items"].([]any) {
		object := item.(map[string]any)
		mark(object)
		text, marks := pieces(object)
		all = append(all, template{text, marks})
	}
	return all
}

// Number of the last event that this watch has seen; the first watch begins the replay.
func (replay *replay) begin(r *http.Request) int64 {
	version, _ := strconv.ParseInt(r.URL.Query().Get("resourceVersion"), 10, 64)
	replay.lock.Lock()
	defer replay.lock.Unlock()
	if replay.start.IsZero() {
		replay.start, replay.base = time.Now(), version
	}
	return version - replay.base
}

func (replay *replay) serve(p *frontProxy, w http.ResponseWriter, r *http.Request) {
	list, err := replay.list(p, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	all := replay.templates(list)
	if len(all) == 0 {
		http.Error(w, "there is no object to replay", http.StatusBadGateway)
		return
	}
	number, total := replay.begin(r), int64(replay.Rate)*int64(replay.Seconds)
	if number < 0 || number > total {
		gone := rule{Status: http.StatusGone}
		gone.answer(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	var buffer []byte
	for r.Context().Err() == nil {
		due := min(int64(time.Since(replay.start)*time.Duration(replay.Rate)/time.Second), total)
		for buffer = buffer[:0]; number < due && len(buffer) < 1<<20; {
			number++
			buffer = all[number%int64(len(all))].append(buffer, number, replay.base+number)
		}
		if _, err := w.Write(buffer); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		if number >= due {
			time.Sleep(5 * time.Millisecond)
		}
	}
}
