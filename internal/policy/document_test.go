package policy

import (
	"regexp"
	"slices"
	"testing"
)

// TestDocument reads another document than a policy: what is wrong is told all
// at once, in the document's own words.
func TestDocument(t *testing.T) {
	const text = `{
		"home": "eu-west-22", "accounts": ["111111111111", 2], "key": "arn:aws:kms:eu-west-2:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		"color": "green", "count": null, "none": []
	}`
	document, root := ReadDocument("some.json", "settings", []byte(text))
	if !root.Fields("home", "accounts", "key", "count", "none", "name") {
		t.Fatal("the root is no object")
	}
	var got []string
	got = append(got, root.Get("home").Region())
	for _, item := range root.Get("accounts").Items(`["111111111111"]`) {
		got = append(got, item.Account())
	}
	got = append(got, root.Get("key").Key("eu-west-1"), root.Get("key").Key(""))
	name, _ := root.Required("name", `"…"`).Text(10, regexp.MustCompile(`.`), "write a name")
	got = append(got, name)
	want := []string{"", "111111111111", "", "", "arn:aws:kms:eu-west-2:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab", ""}
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	if !root.Get("none").Empty() || root.Get("accounts").Empty() || root.Get("count").Present() {
		t.Error("an empty list is not empty, or null is there")
	}
	problems := []string{
		"some.json: $.color: is not a known field: remove it; here go home, accounts, key, count, none, name",
		"some.json: $.count: is null: write a value, or remove the field for its default",
		`some.json: $.home: "eu-west-22" is not a Region that this version of snapferry knows: did you mean "eu-west-2"?`,
		"some.json: $.accounts[1]: 2 is a number: write the account as a string of 12 digits, leading zeros kept",
		`some.json: $.key: "arn:aws:kms:eu-west-2:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab" is not a key in eu-west-1: write arn:aws:kms:eu-west-1:ACCOUNT:key/KEY-ID`,
		`some.json: $.name: is missing: add "name": "…" to $`,
	}
	for i, p := range document.Problems() {
		if i >= len(problems) || p.String() != problems[i] {
			t.Errorf("problem %d: %s", i, p)
		}
	}
	if n := len(document.Problems()); n != len(problems) {
		t.Errorf("%d problems, want %d", n, len(problems))
	}
}

func TestPartition(t *testing.T) {
	for _, test := range []struct{ region, id, domain string }{
		{"eu-west-2", "aws", "amazonaws.com"},
		{"cn-north-1", "aws-cn", "amazonaws.com.cn"},
		{"us-gov-west-1", "aws-us-gov", "amazonaws.com"},
		{"eu-west-22", "", ""},
		{"", "", ""},
	} {
		if id, domain := Partition(test.region); id != test.id || domain != test.domain {
			t.Errorf("%q is in %q, %q; want %q, %q", test.region, id, domain, test.id, test.domain)
		}
	}
}
