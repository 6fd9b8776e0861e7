// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"sync"
	"time"
)

// A rule says to which requests it applies and what goes wrong with them. The first that applies is used. The file
// is a JSON array of them; a key that is not known is an error.
type rule struct {
	// Which: by method, and regular expressions for path and query; not the first Skip, at most Times of the rest.
	Method string `json:"method"`
	Path   string `json:"path"`
	Query  string `json:"query"`
	Skip   int    `json:"skip"`
	Times  int    `json:"times"`

	Delay float64 `json:"delay"` // seconds before anything else

	// Instead of asking the server: this status, with a Status object or with Body; or nothing at all (Drop).
	Status  int               `json:"status"`
	Reason  string            `json:"reason"`
	Message string            `json:"message"`
	Headers map[string]string `json:"headers"` // also added to the server's own answer
	Body    *string           `json:"body"`
	Drop    bool              `json:"drop"`

	// What happens to the server's answer, offsets in bytes of the body.
	Cut      *int64      `json:"cut"`      // the answer breaks off (HTTP/2: the stream is reset)
	Reset    *int64      `json:"reset"`    // the TCP connection is reset; bytes as they are on the wire
	Truncate *int64      `json:"truncate"` // ends there as if it were complete
	Garble   *int64      `json:"garble"`   // bytes that are no JSON from there
	Rate     int64       `json:"rate"`     // bytes a second
	Error    *errorEvent `json:"errorEvent"`

	// Instead of the server's own watch: changes of the objects that are there, as fast as wanted (replay.go).
	Replay *replay `json:"replay"`

	path, query *regexp.Regexp
	seen, used  int
}

// After so many events of a watch one of type ERROR, then the end.
type errorEvent struct {
	After   int    `json:"after"`
	Code    int    `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

var (
	rulesLock sync.Mutex
	rulesSeen os.FileInfo
	rules     []*rule
)

func compile(all []*rule) (err error) {
	for _, r := range all {
		if r.path, err = regexp.Compile(r.Path); err != nil {
			return err
		}
		if r.query, err = regexp.Compile(r.Query); err != nil {
			return err
		}
	}
	return nil
}

// A rules file that cannot be read ends the proxy: a test must not go on without its faults.
func loadRules() {
	info, err := os.Stat(*rulesPath)
	die(err)
	if rulesSeen != nil && os.SameFile(info, rulesSeen) && info.ModTime().Equal(rulesSeen.ModTime()) {
		return
	}
	text, err := os.ReadFile(*rulesPath)
	die(err)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var fresh []*rule
	die(decoder.Decode(&fresh))
	die(compile(fresh))
	rules, rulesSeen = fresh, info
}

// The rule for this request, nil where nothing is to go wrong.
func ruleFor(r *http.Request) *rule {
	if *rulesPath == "" {
		return nil
	}
	rulesLock.Lock()
	defer rulesLock.Unlock()
	loadRules()
	for _, rule := range rules {
		if (rule.Method != "" && rule.Method != r.Method) || !rule.path.MatchString(r.URL.Path) ||
			!rule.query.MatchString(r.URL.RawQuery) {
			continue
		}
		rule.seen++
		if rule.seen <= rule.Skip || (rule.Times > 0 && rule.used == rule.Times) {
			continue
		}
		rule.used++
		return rule
	}
	return nil
}

// ---- answers without the server ----

var reasons = map[int]string{400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict",
	410: "Expired", 422: "Invalid", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable",
	504: "Timeout"}

func statusObject(code int, reason, message string) []byte {
	if reason == "" {
		reason = reasons[code]
	}
	if message == "" {
		message = fmt.Sprintf("the fault proxy answers %d", code)
	}
	text, err := json.Marshal(map[string]any{"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{},
		"status": "Failure", "message": message, "reason": reason, "code": code})
	die(err)
	return text
}

func (rule *rule) answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	for name, value := range rule.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(rule.Status)
	if rule.Body != nil {
		_, _ = io.WriteString(w, *rule.Body)
		return
	}
	_, _ = w.Write(statusObject(rule.Status, rule.Reason, rule.Message))
}

// ---- what happens to the server's answer ----

func (rule *rule) changesBody() bool {
	return rule.Cut != nil || rule.Truncate != nil || rule.Garble != nil || rule.Rate > 0 || rule.Error != nil
}

func (rule *rule) apply(response *http.Response) {
	for name, value := range rule.Headers {
		response.Header.Set(name, value)
	}
	if !rule.changesBody() {
		return
	}
	response.ContentLength = -1
	response.Header.Del("Content-Length")
	body := &faultyBody{rule: rule, from: response.Body, closer: response.Body}
	if rule.Error != nil {
		body.from = &errorEvents{in: bufio.NewReader(response.Body), left: rule.Error.After, event: rule.Error}
	}
	response.Body = body
}

type faultyBody struct {
	rule   *rule
	from   io.Reader
	closer io.Closer
	at     int64
}

// How much of want may be read before something happens at offset.
func until(offset *int64, at, want int64) int64 {
	if offset == nil || at > *offset {
		return want
	}
	return min(want, *offset-at)
}

func (body *faultyBody) Read(buffer []byte) (int, error) {
	rule, want := body.rule, int64(len(buffer))
	if rule.Rate > 0 {
		want = min(want, max(rule.Rate/20, 1))
	}
	if want = until(rule.Cut, body.at, want); want == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	if want = until(rule.Truncate, body.at, want); want == 0 {
		return 0, io.EOF
	}
	if want = until(rule.Garble, body.at, want); want == 0 {
		n := copy(buffer, "}]\x01{\"")
		body.at += int64(n)
		return n, nil
	}
	n, err := body.from.Read(buffer[:want])
	body.at += int64(n)
	if rule.Rate > 0 {
		time.Sleep(time.Duration(n) * time.Second / time.Duration(rule.Rate))
	}
	return n, err
}

func (body *faultyBody) Close() error {
	return body.closer.Close()
}

// Hands on whole events, one a line, and puts an ERROR behind the last.
type errorEvents struct {
	in    *bufio.Reader
	left  int
	event *errorEvent
	line  []byte
	ended bool
}

func (e *errorEvents) next() error {
	if e.ended {
		return io.EOF
	}
	if e.left > 0 {
		line, err := e.in.ReadBytes('\n')
		e.line, e.left = line, e.left-1
		return err
	}
	e.ended = true
	e.line = []byte(`{"type":"ERROR","object":` +
		string(statusObject(e.event.Code, e.event.Reason, e.event.Message)) + "}\n")
	return nil
}

func (e *errorEvents) Read(buffer []byte) (int, error) {
	if len(e.line) == 0 {
		if err := e.next(); err != nil {
			return 0, err
		}
	}
	n := copy(buffer, e.line)
	e.line = e.line[n:]
	return n, nil
}
