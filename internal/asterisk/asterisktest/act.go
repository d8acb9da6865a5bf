package asterisktest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// class is the right that an action needs; "" needs none. Those of system are nobody's here.
func class(name string) (string, bool) {
	switch name {
	case "Login", "Logoff", "Ping":
		return "", true
	case "Originate":
		return "originate", true
	case "CoreSettings", "CoreShowChannels", "ShowDialPlan", "ConfbridgeList", "ConfbridgeListRooms":
		return "reporting", true
	case "Hangup", "ConfbridgeMute", "ConfbridgeUnmute", "ConfbridgeKick", "ConfbridgeLock", "ConfbridgeUnlock":
		return "call", true
	case "Command", "UpdateConfig", "ModuleLoad":
		return "system", true
	}
	return "", false
}

// do does what is asked. It reports whether the connection goes on.
func (s *Server) do(n *session, a action) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := a.get("Action")
	right, known := class(name)
	known = known && (!strings.HasPrefix(name, "Confbridge") || !slices.Contains(s.o.NoModules, "app_confbridge"))
	switch {
	case name == "":
		n.reply(a, "Error", "Missing action in request")
	case name == "Login":
		return s.login(n, a)
	case !n.user:
		n.reply(a, "Error", "Permission denied")
	case !known:
		n.reply(a, "Error", "Invalid/unknown command: "+name+". Use Action: ListCommands to show available commands.")
	case right != "" && !slices.Contains(s.o.Write, right):
		n.reply(a, "Error", "Permission denied")
	case name == "Logoff":
		n.reply(a, "Goodbye", "Thanks for all the fish.")
		return false
	case name == "Ping":
		n.reply(a, "Success", "", "Ping", "Pong", "Timestamp", fmt.Sprintf("%.6f", float64(s.o.Now().UnixMicro())/1e6))
	case name == "CoreSettings":
		n.reply(a, "Success", "", "AMIversion", "5.0.4", "AsteriskVersion", s.o.Version, "SystemName", "")
	case name == "CoreShowChannels":
		n.list(a, "CoreShowChannel", "Channels will follow", s.listed())
	case name == "ShowDialPlan":
		s.dialplan(n, a)
	case name == "Originate":
		s.originate(n, a)
	case name == "Hangup":
		s.hangup(n, a)
	default:
		s.confbridge(n, a)
	}
	return true
}

func (s *Server) login(n *session, a action) bool {
	switch {
	case n.user:
		n.reply(a, "Success", "Already authenticated")
	case a.get("Username") != s.o.User || a.get("Secret") != s.o.Secret:
		n.reply(a, "Error", "Authentication failed")
		return false
	default:
		n.user = true
		s.logins++
		n.reply(a, "Success", "Authentication accepted")
		s.all.Go(func() { s.boot(n) })
	}
	return true
}

// boot tells a user that the server has started, once it has.
func (s *Server) boot(n *session) {
	if s.o.Starting != nil {
		select {
		case <-s.o.Starting:
		case <-n.over:
			return
		}
	}
	if slices.Contains(s.o.Read, "system") {
		n.send(message("Event", "FullyBooted", "Privilege", "system,all", "Status", "Fully Booted", "Uptime", "1", "LastReload", "1"))
	}
}

// dialplan lists a context. An extension is not looked for further than whether it is there.
func (s *Server) dialplan(n *session, a action) {
	name := a.get("Context")
	if starting := s.o.Starting; starting != nil {
		select {
		case <-starting:
		default:
			name = ""
		}
	}
	if exten := a.get("Extension"); exten != "" && exten == s.o.Without {
		n.reply(a, "Error", "Did not find extension "+exten)
		return
	}
	if name == s.o.Without || name != "conf-in" && name != "telegram-out" {
		n.reply(a, "Error", "Did not find context "+a.get("Context"))
		return
	}
	n.list(a, "ListDialplan", "DialPlan list will follow", [][]string{{"Context", name, "Extension", a.get("Extension"), "Priority", "1", "Application", "UserEvent"}})
}

// originate makes a call, or says why not. Whether it can be made at all shows later.
func (s *Server) originate(n *session, a action) {
	timeout, err := strconv.Atoi(a.get("Timeout"))
	if a.get("Timeout") == "" {
		timeout, err = 30000, nil
	}
	switch {
	case a.get("Channel") == "":
		n.reply(a, "Error", "Channel not specified")
	case !strings.Contains(a.get("Channel"), "/"):
		n.reply(a, "Error", "Invalid channel")
	case err != nil:
		n.reply(a, "Error", "Invalid timeout")
	case a.get("Application") != "":
		n.reply(a, "Error", "Originate Access Forbidden: Application")
	case a.get("Context") == "" || a.get("Exten") == "" || a.get("Priority") == "":
		n.reply(a, "Error", "Originate with 'Exten' requires 'Context' and 'Priority'")
	case a.get("Async") != "true":
		n.reply(a, "Error", "the stand-in makes asynchronous calls only")
	default:
		n.reply(a, "Success", "Originate successfully queued")
		s.call(a, time.Duration(timeout)*time.Millisecond)
	}
}

// variables are those of an action: like the real one it takes a comma for the beginning of
// another one.
func variables(a action) map[string]string {
	all := map[string]string{}
	for _, line := range a["variable"] {
		for one := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(one, "=")
			all[strings.TrimSpace(name)] = value
		}
	}
	return all
}

// caller takes a caller id apart.
func caller(text string) (name, number string) {
	m := regexp.MustCompile(`^(?:"(.*)" )?<(.*)>$`).FindStringSubmatch(text)
	if m == nil {
		return "", text
	}
	return m[1], m[2]
}

func (s *Server) hangup(n *session, a action) {
	name := a.get("Channel")
	if name == "" {
		n.reply(a, "Error", "No channel specified")
		return
	}
	pattern := func(string) bool { return false }
	if strings.HasPrefix(name, "/") { // the trap: it is a pattern, and means many
		if r, err := regexp.Compile(strings.Trim(name, "/")); err == nil {
			pattern = r.MatchString
		}
	}
	found := false
	for _, c := range slices.Clone(s.calls) {
		if c.Channel == name || c.ID == name || pattern(c.Channel) {
			found = true
			defer s.over(c)
		}
	}
	if !found {
		n.reply(a, "Error", "No such channel")
		return
	}
	n.reply(a, "Success", "Channel Hungup")
}

// listed are the channels that are up.
func (s *Server) listed() [][]string {
	var all [][]string
	for _, c := range s.calls {
		all = append(all, append(c.snapshot(), "Application", "ConfBridge", "ApplicationData", c.Room+",,,room_menu", "Duration", "00:00:01", "BridgeId", map[bool]string{true: "bridge-" + c.Room}[c.InRoom]))
		all = append(all, append(c.half().snapshot(), "Application", "Dial", "ApplicationData", c.Number, "Duration", "00:00:01", "BridgeId", ""))
	}
	return all
}
