package sim

import (
	"net/http"
	"time"
)

// ebsSettings are an account's settings for EBS in one Region.
type ebsSettings struct {
	encrypt bool   // encryption by default
	key     string // ARN of the default key; "" is aws/ebs
}

func (e *ec2) settingsOf(p place) *ebsSettings {
	s := e.settings[p]
	if s == nil {
		s = &ebsSettings{}
		e.settings[p] = s
	}
	return s
}

// encryptionWish is what a request and the account's settings say about the
// encryption of something new; whether it is made from something encrypted may
// only be known later.
type encryptionWish struct {
	asked    bool
	key      string // the key asked for, an ARN, or ""
	settings ebsSettings
}

// encryption reads KmsKeyId and looks the key up, as the caller.
func (e *ec2) encryption(c *ec2Call, asked bool) (encryptionWish, *apiError) {
	wish := encryptionWish{asked: asked, settings: *e.settingsOf(place{c.account, c.region})}
	name := c.get("KmsKeyId")
	if name == "" {
		return wish, nil
	}
	// "The encrypted state must be true", which encryption by default makes it.
	if !asked && !wish.settings.encrypt {
		return wish, badRequest("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
	}
	key, problem := e.usableKey(c, name)
	if problem != nil {
		return wish, problem
	}
	wish.key = key.arn
	return wish, nil
}

// usableKey finds the key that a request names. Everything else that the key
// may refuse comes to light only later. A key that waits for its deletion is
// refused as a disabled one is; no record says with what words.
func (e *ec2) usableKey(c *ec2Call, name string) (*kmsKey, *apiError) {
	key := e.w.kms.find(c.account, c.region, name, c.now)
	switch {
	case key == nil:
		return nil, badRequest("InvalidParameterValue", "The specified keyId %s is invalid", name)
	case !e.w.kms.allows(key, forEBS(c.caller, c.region, "DescribeKey"), c.now):
		return nil, &apiError{Status: http.StatusForbidden, Code: "AuthFailure", Message: "Not authorized to use key " + key.arn + " "}
	case key.state != keyEnabled:
		return nil, badRequest("InvalidParameterValue", "The specified keyId %s is disabled", name)
	}
	return key, nil
}

// outcome is whether something new in a place is encrypted, and with which
// key (Amazon EBS user guide, "Encryption outcomes for snapshot copying").
// Without a wish the source's own key is never used again.
func (e *ec2) outcome(p place, wish encryptionWish, sourceEncrypted bool, now time.Time) (encrypted bool, key string) {
	switch {
	case !wish.asked && !wish.settings.encrypt && !sourceEncrypted:
		return false, ""
	case wish.key != "":
		return true, wish.key
	case wish.settings.key != "" && (wish.settings.encrypt || !sourceEncrypted):
		return true, wish.settings.key
	}
	return true, e.w.kms.managed(p, ebsAlias, now).arn
}

type encryptionByDefault struct {
	On bool `xml:"ebsEncryptionByDefault"`
}

func (e *ec2) getEncryptionByDefault(c *ec2Call) (any, *apiError) {
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	return encryptionByDefault{e.settingsOf(place{c.account, c.region}).encrypt}, nil
}

func (e *ec2) enableEncryptionByDefault(c *ec2Call) (any, *apiError) {
	return e.setEncryptionByDefault(c, true)
}

func (e *ec2) disableEncryptionByDefault(c *ec2Call) (any, *apiError) {
	return e.setEncryptionByDefault(c, false)
}

func (e *ec2) setEncryptionByDefault(c *ec2Call, on bool) (any, *apiError) {
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	e.settingsOf(place{c.account, c.region}).encrypt = on
	return encryptionByDefault{on}, nil
}

type defaultKey struct {
	KmsKeyID string `xml:"kmsKeyId"`
}

func (e *ec2) getDefaultKey(c *ec2Call) (any, *apiError) {
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	if key := e.settingsOf(place{c.account, c.region}).key; key != "" {
		return defaultKey{key}, nil
	}
	return defaultKey{ebsAlias}, nil
}

func (e *ec2) modifyDefaultKey(c *ec2Call) (any, *apiError) {
	name, problem := c.required("KmsKeyId")
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	key, problem := e.usableKey(c, name)
	if problem != nil {
		return nil, problem
	}
	e.settingsOf(place{c.account, c.region}).key = key.arn
	return defaultKey{key.arn}, nil
}

func (e *ec2) resetDefaultKey(c *ec2Call) (any, *apiError) {
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	e.settingsOf(place{c.account, c.region}).key = ""
	return defaultKey{ebsAlias}, nil
}
