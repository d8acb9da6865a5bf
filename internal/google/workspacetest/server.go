// Package workspacetest owns a stand-in for what Countersign asks of Google Workspace: the
// token endpoint for service accounts with domain-wide delegation, the signing of keyless
// ones, and the accounts, groups and members of the Admin SDK. It keeps a company that
// tests change, gives lists page by page, refuses what Google refuses (a scope that was
// not delegated, a page token of another list, a parameter that does not exist) and gives
// only the fields that were asked for. It can be told to fail at any call.
//
// It leaves the meaning of a company's directory to its callers.
package workspacetest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The one customer and its service account.
const (
	Customer       = "C0corp"
	ServiceAccount = "countersign@project.iam.example"
	ClientID       = "104523456789012345678"
)

// User is an account.
type User struct {
	ID        string
	Email     string
	Aliases   []string
	Name      string
	Suspended bool
	Archived  bool
	Unit      string
	Employee  string // its number in the company
	Language  string
}

// Group has accounts, other groups and strangers as members, all by address; [Everybody]
// is the whole company.
type Group struct {
	Address string
	Name    string
	Members []string
}

// Everybody is a member that stands for all accounts of the customer.
const Everybody = "*"

// Options configure a Server. Admin is needed.
type Options struct {
	Admin  string          // the account that may be impersonated
	Scopes []string        // delegated to the service account; the three of the directory when nil
	Page   int             // greatest number of entries on a page; as many as asked for when zero
	Key    *rsa.PrivateKey // a new one when nil
}

// Server is Google. Its methods may be called concurrently.
type Server struct {
	options  Options
	key      *rsa.PrivateKey
	listener net.Listener
	http     *http.Server
	done     chan error

	mu      sync.Mutex
	users   []User
	groups  []Group
	tokens  map[string]grant
	pages   map[string]string // page token -> the question that it continues
	trouble map[Endpoint][]Trouble
	calls   map[Endpoint]int
	refused []string
}

// grant is what an access token may do.
type grant struct {
	subject string
	scopes  []string
}

// ErrOptions comes back for options that cannot work.
var ErrOptions = errors.New("not acceptable")

// Scopes are those of the directory that only read.
func Scopes() []string {
	const admin = "https://www.googleapis.com/auth/admin.directory."
	return []string{admin + "user.readonly", admin + "group.readonly", admin + "group.member.readonly"}
}

// Open starts a server on loopback.
func Open(ctx context.Context, o Options) (*Server, error) {
	if o.Admin == "" || o.Page < 0 {
		return nil, fmt.Errorf("administrator and page: %w", ErrOptions)
	}
	if o.Scopes == nil {
		o.Scopes = Scopes()
	}
	if o.Key == nil {
		const bits = 2048
		var err error
		if o.Key, err = rsa.GenerateKey(rand.Reader, bits); err != nil {
			return nil, err
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o, key: o.Key, listener: l, done: make(chan error, 1),
		tokens: map[string]grant{}, pages: map[string]string{}, trouble: map[Endpoint][]Trouble{}, calls: map[Endpoint]int{},
	}
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// Close ends the server.
func (s *Server) Close() error {
	err := s.http.Close()
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// URL is where it listens.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Key gives the JSON key of the service account.
func (s *Server) Key() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{
		"type": "service_account", "project_id": "project", "client_email": ServiceAccount, "client_id": ClientID,
		"private_key_id": "key-1", "private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"token_uri": s.URL() + "/token",
	})
}

// Put adds an account, or changes the one with the same id.
func (s *Server) Put(users ...User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range users {
		if i := slices.IndexFunc(s.users, func(v User) bool { return v.ID == u.ID }); i >= 0 {
			s.users[i] = u
			continue
		}
		s.users = append(s.users, u)
	}
}

// Remove deletes accounts by address.
func (s *Server) Remove(addresses ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = slices.DeleteFunc(s.users, func(u User) bool { return slices.Contains(addresses, u.Email) })
}

// PutGroup adds a group, or changes the one with the same address.
func (s *Server) PutGroup(groups ...Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range groups {
		if i := s.group(g.Address); i >= 0 {
			s.groups[i] = g
			continue
		}
		s.groups = append(s.groups, g)
	}
}

// RemoveGroup deletes a group.
func (s *Server) RemoveGroup(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups = slices.DeleteFunc(s.groups, func(g Group) bool { return g.Address == address })
}

// Refused lists why requests were refused.
func (s *Server) Refused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refused)
}

// group gives the place of a group by address or id; below zero when there is none.
func (s *Server) group(key string) int {
	return slices.IndexFunc(s.groups, func(g Group) bool { return strings.EqualFold(g.Address, key) || groupID(g) == key })
}

func groupID(g Group) string { return "g-" + g.Address }

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", s.at(Token, s.token))
	mux.HandleFunc("POST /v1/projects/-/serviceAccounts/{account}", s.at(Sign, s.sign))
	mux.HandleFunc("GET /admin/directory/v1/users", s.at(Users, s.listUsers))
	mux.HandleFunc("GET /admin/directory/v1/groups/{key}", s.at(Groups, s.oneGroup))
	mux.HandleFunc("GET /admin/directory/v1/groups/{key}/members", s.at(Members, s.listMembers))
	return mux
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) //nolint:errchkjson // who asks may be gone
}

// deny answers as the Admin SDK does.
func (s *Server) deny(w http.ResponseWriter, status int, reason, message string) {
	s.mu.Lock()
	s.refused = append(s.refused, reason+": "+message)
	s.mu.Unlock()
	write(w, status, map[string]any{"error": map[string]any{
		"code": status, "message": message,
		"errors": []map[string]any{{"message": message, "domain": "global", "reason": reason}},
	}})
}
