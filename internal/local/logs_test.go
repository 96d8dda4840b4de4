package local

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// logged is what is in a log group of the deployment, and in which streams.
func logged(t *testing.T, d *Deployment, group string) (messages, streams []string) {
	t.Helper()
	var found struct {
		Events []struct{ Message, LogStreamName string }
	}
	err := d.World.Do(t.Context(), d.Account, d.Home, "logs", "FilterLogEvents", map[string]any{"logGroupName": group}, &found)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found.Events {
		messages, streams = append(messages, e.Message), append(streams, e.LogStreamName)
	}
	return messages, streams
}

const prints = `{"do":"print","text":"one\n\ntwo"}`

// TestLogsGoToTheLogGroup: what a function prints is in its log group, with and
// without templates, though nobody sees it on the machine.
func TestLogsGoToTheLogGroup(t *testing.T) {
	for name, change := range map[string]func(*Settings){"without templates": nil, "with templates": templated(t)} {
		t.Run(name, func(t *testing.T) {
			d, _, _ := start(t, func(s *Settings) {
				if s.Quiet = true; change != nil {
					change(s)
				}
			})
			if _, err := d.Invoke(t.Context(), Expire, []byte(prints)); err != nil {
				t.Fatal(err)
			}
			var messages, streams []string
			eventually(t, "the log", func() bool {
				messages, streams = logged(t, d, "/aws/lambda/snapferry-expire")
				return len(messages) == 2
			})
			if !slices.Equal(messages, []string{"one", "two"}) {
				t.Errorf("logged %q", messages)
			}
			if form := regexp.MustCompile(`^2026/11/23/\[\$LATEST\][0-9a-f]{32}$`); !form.MatchString(streams[0]) || streams[0] != streams[1] {
				t.Errorf("streams %q", streams)
			}
			if others, _ := logged(t, d, "/aws/lambda/snapferry-copy"); len(others) > 0 {
				t.Errorf("copy logged %q", others)
			}
		})
	}
}

// TestLogsTakeTheRole: a function whose role may not write its log runs all the
// same, without a log, which is said once.
func TestLogsTakeTheRole(t *testing.T) {
	output := &record{}
	refusing := changed(t, "snapferry-home.template.json", "logs:PutLogEvents", "logs:PutLogNothing")
	d, _, _ := start(t, func(s *Settings) {
		templated(t)(s)
		s.Templates, s.Output = refusing, output
	})
	for range 2 {
		if _, err := d.Invoke(t.Context(), Expire, []byte(prints)); err != nil {
			t.Fatal(err)
		}
	}
	const lost = "expire: write to log group /aws/lambda/snapferry-expire: PutLogEvents: AccessDeniedException"
	eventually(t, "the output", func() bool { return strings.Count(output.String(), "expire: two\n") == 2 })
	if n := strings.Count(output.String(), lost); n != 1 {
		t.Errorf("%d times said: %s\n%s", n, lost, output)
	}
	if messages, _ := logged(t, d, "/aws/lambda/snapferry-expire"); len(messages) > 0 {
		t.Errorf("logged %q", messages)
	}
}
