package workspacetest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
)

// object is one thing in an answer.
type object = map[string]any

const (
	mostUsers   = 500
	mostMembers = 200
)

// admitted checks what all calls of the Admin SDK have in common.
func (s *Server) admitted(w http.ResponseWriter, r *http.Request, scope string, parameters ...string) bool {
	access, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	g, known := s.tokens[access]
	s.mu.Unlock()
	switch {
	case !ok || !known:
		s.deny(w, http.StatusUnauthorized, "authError", "Invalid Credentials")
		return false
	case !slices.Contains(g.scopes, scope):
		s.deny(w, http.StatusForbidden, "insufficientPermissions", "Request had insufficient authentication scopes.")
		return false
	case g.subject != s.options.Admin:
		s.deny(w, http.StatusForbidden, "forbidden", "Not Authorized to access this resource/api")
		return false
	}
	for name := range r.URL.Query() {
		if !slices.Contains(append(parameters, "alt", "prettyPrint", "fields"), name) {
			s.deny(w, http.StatusBadRequest, "badRequest", "unknown parameter "+name)
			return false
		}
	}
	return true
}

func (s *Server) listUsers(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !s.admitted(w, r, Scopes()[0], "customer", "maxResults", "pageToken", "orderBy", "projection") {
		return
	}
	if c := q.Get("customer"); c != "my_customer" && c != Customer {
		s.deny(w, http.StatusBadRequest, "invalid", "Invalid Input: customer")
		return
	}
	s.mu.Lock()
	users := slices.Clone(s.users)
	s.mu.Unlock()
	slices.SortFunc(users, func(a, b User) int { return strings.Compare(a.Email, b.Email) })
	all := make([]object, len(users))
	for i, u := range users {
		all[i] = userObject(u)
	}
	s.page(w, r, list{"admin#directory#users", "users", all, mostUsers})
}

func userObject(u User) object {
	o := object{
		"kind": "admin#directory#user", "id": u.ID, "primaryEmail": u.Email, "customerId": Customer, "orgUnitPath": "/" + u.Unit,
		"name": object{"fullName": u.Name}, "suspended": u.Suspended, "archived": u.Archived, "isAdmin": false,
	}
	if len(u.Aliases) > 0 {
		o["aliases"] = u.Aliases
	}
	if u.Employee != "" {
		o["externalIds"] = []object{{"type": "custom", "customType": "badge", "value": "b-1"}, {"type": "organization", "value": u.Employee}}
	}
	if u.Language != "" {
		o["languages"] = []object{{"languageCode": "tlh", "preference": "not_preferred"}, {"languageCode": u.Language, "preference": "preferred"}}
	}
	return o
}

func (s *Server) oneGroup(w http.ResponseWriter, r *http.Request) {
	if !s.admitted(w, r, Scopes()[1]) {
		return
	}
	g, ok := s.find(w, r)
	if !ok {
		return
	}
	write(w, http.StatusOK, only(object{
		"kind": "admin#directory#group", "id": groupID(g), "email": g.Address, "name": g.Name,
		"directMembersCount": strconv.Itoa(len(g.Members)),
	}, r.URL.Query().Get("fields")))
}

func (s *Server) find(w http.ResponseWriter, r *http.Request) (Group, bool) {
	s.mu.Lock()
	i := s.group(r.PathValue("key"))
	var g Group
	if i >= 0 {
		g = s.groups[i]
	}
	s.mu.Unlock()
	if i < 0 {
		s.deny(w, http.StatusNotFound, "notFound", "Resource Not Found: groupKey")
	}
	return g, i >= 0
}

func (s *Server) listMembers(w http.ResponseWriter, r *http.Request) {
	if !s.admitted(w, r, Scopes()[2], "includeDerivedMembership", "maxResults", "pageToken", "roles") {
		return
	}
	g, ok := s.find(w, r)
	if !ok {
		return
	}
	into := map[string]object{}
	s.mu.Lock()
	s.members(g, r.URL.Query().Get("includeDerivedMembership") == "true", into)
	s.mu.Unlock()
	var all []object
	for _, id := range slices.Sorted(maps.Keys(into)) {
		all = append(all, into[id])
	}
	s.page(w, r, list{"admin#directory#members", "members", all, mostMembers})
}

// members collects the members of a group by id, with those of groups within it where the
// derived ones are asked for.
func (s *Server) members(g Group, derived bool, into map[string]object) { //nolint:revive // a flag that the caller of the API sets
	for _, address := range g.Members {
		o := object{"kind": "admin#directory#member", "email": address, "role": "MEMBER", "status": "ACTIVE"}
		switch i := s.group(address); {
		case address == Everybody:
			o = object{"kind": "admin#directory#member", "id": Customer, "type": "CUSTOMER", "role": "MEMBER"}
		case i >= 0:
			o["id"], o["type"] = groupID(s.groups[i]), "GROUP"
			if _, seen := into[groupID(s.groups[i])]; derived && !seen {
				into[groupID(s.groups[i])] = o
				s.members(s.groups[i], derived, into)
			}
		default:
			o["id"], o["type"] = "x-"+address, "USER"
			if k := slices.IndexFunc(s.users, func(u User) bool { return u.Email == address }); k >= 0 {
				o["id"] = s.users[k].ID
			}
		}
		into[fmt.Sprint(o["id"])] = o
	}
}

// list is a whole list and how it is called.
type list struct {
	kind, name string
	all        []object
	most       int
}

// page gives the part of a list that is asked for. A page token belongs to one question.
func (s *Server) page(w http.ResponseWriter, r *http.Request, l list) {
	q := r.URL.Query()
	size := 100
	if text := q.Get("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > l.most {
			s.deny(w, http.StatusBadRequest, "invalid", "Invalid Input: maxResults")
			return
		}
		size = n
	}
	if s.options.Page > 0 {
		size = min(size, s.options.Page)
	}
	token := q.Get("pageToken")
	q.Del("pageToken")
	question := r.URL.Path + "?" + q.Encode()
	from := 0
	if token != "" {
		s.mu.Lock()
		asked := s.pages[token]
		s.mu.Unlock()
		n, err := strconv.Atoi(token[strings.LastIndexByte(token, '.')+1:])
		if asked != question || err != nil {
			s.deny(w, http.StatusBadRequest, "invalid", "Invalid Input: pageToken")
			return
		}
		from = min(n, len(l.all))
	}
	to := min(from+size, len(l.all))
	answer := object{"kind": l.kind, "etag": "\"e\""}
	if to > from {
		answer[l.name] = l.all[from:to]
	}
	if to < len(l.all) {
		next := fmt.Sprintf("%s.%d", rand.Text(), to)
		s.mu.Lock()
		s.pages[next] = question
		s.mu.Unlock()
		answer["nextPageToken"] = next
	}
	write(w, http.StatusOK, only(answer, r.URL.Query().Get("fields")))
}

// samePage lets an endpoint work, and puts the page itself in the place of the next one.
func (s *Server) samePage(w http.ResponseWriter, r *http.Request, work func(http.ResponseWriter, *http.Request)) {
	first := r.Clone(r.Context())
	q := first.URL.Query()
	q.Del("pageToken")
	first.URL.RawQuery = q.Encode()
	heard := httptest.NewRecorder()
	work(heard, first)
	var answer object
	if err := json.NewDecoder(bytes.NewReader(heard.Body.Bytes())).Decode(&answer); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer["nextPageToken"] = "same.0"
	write(w, heard.Code, answer)
}

// only leaves of an object what a list of fields such as a,b(c,d/e) names; all when empty.
func only(o object, fields string) object {
	if fields == "" {
		return o
	}
	out := object{}
	for _, field := range split(fields) {
		name, inner := field, ""
		if i := strings.IndexAny(field, "(/"); i >= 0 {
			name, inner = field[:i], strings.TrimSuffix(strings.TrimPrefix(field[i:], "("), ")")
			inner = strings.TrimPrefix(inner, "/")
		}
		switch v := o[name].(type) {
		case nil:
		case object:
			out[name] = only(v, inner)
		case []object:
			part := make([]object, len(v))
			for i := range v {
				part[i] = only(v[i], inner)
			}
			out[name] = part
		default:
			out[name] = v
		}
	}
	return out
}

// split cuts at the commas outside parentheses.
func split(fields string) []string {
	var out []string
	depth, from := 0, 0
	for i, c := range fields {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			out, from = append(out, fields[from:i]), i+1
		}
	}
	return append(out, fields[from:])
}
