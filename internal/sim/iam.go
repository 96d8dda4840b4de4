package sim

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"snapferry/internal/sim/iam"
)

// role is an IAM role: what it may do, and who may assume it.
type role struct {
	account, name string
	path          string // "/", "/acme/backup/"
	arn           string // with the path
	policies      []*iam.Policy
	boundary      *iam.Policy // nil: there is none
	trust         *iam.Policy // nil: nobody may
}

// roleKey is what a role is known by. Its path makes no difference: an account
// has no two roles of one name (IAM user guide, "IAM identifiers").
type roleKey struct{ account, name string }

// session is a role in use, under an access key id of its own.
type session struct {
	role      *role
	name      string
	principal iam.Principal
	expires   time.Time // zero: never
}

// caller is who makes a call, or on whose behalf a service asks.
type caller struct {
	account string
	session *session // nil: the account's root
	service string   // a service that acts for itself, then nothing else is set
}

func (c caller) isRoot() bool { return c.session == nil && c.service == "" }

func (c caller) principal() iam.Principal {
	switch {
	case c.service != "":
		return iam.Service(c.service)
	case c.session != nil:
		return c.session.principal
	}
	return iam.Root(c.account)
}

func (c caller) policies() []*iam.Policy {
	if c.session == nil {
		return nil
	}
	return c.session.role.policies
}

// boundary is the permissions boundary of the caller's role.
func (c caller) boundary() *iam.Policy {
	if c.session == nil {
		return nil
	}
	return c.session.role.boundary
}

// roleName is what IAM takes as the name of a role, rolePath as its path, and
// roleSession as the name of a session.
var (
	roleName    = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	rolePath    = regexp.MustCompile(`^/([!-.0-~]+/)*$`)
	roleSession = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

// AddRole puts a role into the world with its policies: JSON documents of
// version 2012-10-17, which may only have what the simulation evaluates. It
// returns an access key id. Requests signed with it, with any secret, are the
// role's session of the role's own name and may do only what the policies allow.
// The key is the same in every world and never expires. Nobody can assume the
// role before TrustRole says who may. A path may stand before the name, as in
// "/acme/backup/copier": it is part of the role's ARN alone, and the other methods
// take the name without it.
func (w *World) AddRole(account, name string, policies ...string) (accessKeyID string, err error) {
	if !accountID.MatchString(account) {
		return "", fmt.Errorf("add role %s: %q is not an account: 12 digits", name, account)
	}
	path := "/"
	if last := strings.LastIndexByte(name, '/'); last >= 0 {
		path, name = name[:last+1], name[last+1:]
	}
	if !roleName.MatchString(name) {
		return "", fmt.Errorf("add role %q: a name has 1 to 64 letters, digits and +=,.@_-", name)
	}
	if !rolePath.MatchString(path) || len(path) > 512 {
		return "", fmt.Errorf("add role %s: %q is no path: it begins and ends with / and has up to 512 characters", name, path)
	}
	r := &role{account: account, name: name, path: path, arn: "arn:aws:iam::" + account + ":role" + path + name}
	for i, text := range policies {
		p, err := iam.Parse(iam.Identity, text)
		if err != nil {
			return "", fmt.Errorf("add role %s: policy %d: %w", name, i+1, err)
		}
		r.policies = append(r.policies, p)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.roles[roleKey{account, name}] != nil {
		return "", fmt.Errorf("add role %s: account %s has it already", name, account)
	}
	w.roles[roleKey{account, name}] = r
	return w.startSession(r, name, r.arn, time.Time{}), nil
}

// TrustRole says who may assume a role, with a trust policy: accounts, other
// roles, and services such as events.amazonaws.com.
func (w *World) TrustRole(account, name, policy string) error {
	trust, err := iam.Parse(iam.Trust, policy)
	if err != nil {
		return fmt.Errorf("trust role %s: %w", name, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.roles[roleKey{account, name}]
	if r == nil {
		return fmt.Errorf("trust role %s: account %s has no such role: add it first", name, account)
	}
	r.trust = trust
	return nil
}

// roleAt is the role with an ARN, nil if there is none.
func (w *World) roleAt(arn string) *role {
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) < 6 {
		return nil
	}
	r := w.roles[roleKey{fields[4], arn[strings.LastIndexByte(arn, '/')+1:]}]
	if r == nil || r.arn != arn {
		return nil
	}
	return r
}

// sessionKey is the beginning of the access key ids of sessions here. Keys of
// Amazon's own begin with ASIA too, and count as the default account.
const sessionKey = "ASIASIM"

// startSession makes a session, with an access key id that follows from seed;
// call it with the lock held.
func (w *World) startSession(r *role, name, seed string, expires time.Time) (accessKeyID string) {
	sum := sha256.Sum256([]byte(seed))
	accessKeyID = sessionKey + base32.StdEncoding.EncodeToString(sum[:])[:13]
	w.sessions[accessKeyID] = &session{role: r, name: name, principal: r.session(name), expires: expires}
	return accessKeyID
}

// session is who a session of the role is.
func (r *role) session(name string) iam.Principal {
	return iam.Session(r.account, strings.TrimPrefix(r.path, "/")+r.name, name)
}

// uniqueID is a role's id as Amazon shows it beside a session's name.
func (r *role) uniqueID() string {
	sum := sha256.Sum256([]byte(r.arn))
	return "AROA" + strings.ToUpper(hex.EncodeToString(sum[:]))[:17]
}

// identify finds out whose access key id a call was signed with.
func (w *World) identify(c *call) *apiError {
	c.caller = caller{account: c.account}
	if !strings.HasPrefix(c.accessKey, sessionKey) {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sessions[c.accessKey]
	switch {
	case s == nil:
		return &apiError{Status: http.StatusForbidden, Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid."}
	case !s.expires.IsZero() && !w.clock.Now().Before(s.expires):
		return &apiError{Status: http.StatusForbidden, Code: "ExpiredToken", Message: "The security token included in the request is expired"}
	}
	c.account = s.role.account
	c.caller = caller{account: c.account, session: s}
	return nil
}
