package kube

import "strings"

// Object is a Kubernetes object.
type Object = map[string]any

// Dig returns the map at a path of keys, an empty one when there is none.
func Dig(o Object, path ...string) Object {
	for _, key := range path {
		o, _ = o[key].(Object)
	}
	if o == nil {
		return Object{}
	}
	return o
}

// Text returns the string at a path of keys, "" when there is none.
func Text(o Object, path ...string) string {
	s, _ := Dig(o, path[:len(path)-1]...)[path[len(path)-1]].(string)
	return s
}

// Items returns the maps in a list.
func Items(o Object, key string) []Object {
	list, _ := o[key].([]any)
	var out []Object
	for _, item := range list {
		if m, ok := item.(Object); ok {
			out = append(out, m)
		}
	}
	return out
}

// Texts returns the strings in a list.
func Texts(o Object, key string) []string {
	list, _ := o[key].([]any)
	var out []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Name and Namespace of an object.
func Name(o Object) string      { return Text(o, "metadata", "name") }
func Namespace(o Object) string { return Text(o, "metadata", "namespace") }

// Key is namespace/name.
func Key(o Object) string { return Namespace(o) + "/" + Name(o) }

// Generation of an object, as the number that JSON has.
func Generation(o Object) any { return Dig(o, "metadata")["generation"] }

// Dying tells whether its deletion has begun.
func Dying(o Object) bool { return Text(o, "metadata", "deletionTimestamp") != "" }

// Selects tells whether a label selector matches; an absent one is said by the caller to match or not.
func Selects(selector Object, labels map[string]string) bool {
	for key, want := range Dig(selector, "matchLabels") {
		if have, ok := labels[key]; !ok || have != want {
			return false
		}
	}
	for _, e := range Items(selector, "matchExpressions") {
		if !expression(e, labels) {
			return false
		}
	}
	return true
}

func expression(e Object, labels map[string]string) bool {
	value, has := labels[Text(e, "key")]
	among := false
	for _, v := range Texts(e, "values") {
		among = among || v == value
	}
	switch Text(e, "operator") {
	case "In":
		return has && among
	case "NotIn":
		return !has || !among
	case "Exists":
		return has
	case "DoesNotExist":
		return !has
	}
	return false
}

// Strings returns a map of strings, such as labels or annotations.
func Strings(o Object, path ...string) map[string]string {
	out := map[string]string{}
	for key, value := range Dig(o, path...) {
		if s, ok := value.(string); ok {
			out[key] = s
		}
	}
	return out
}

// Condition returns the condition of a type, nil when there is none.
func Condition(o Object, kind string) Object {
	for _, c := range Items(Dig(o, "status"), "conditions") {
		if c["type"] == kind {
			return c
		}
	}
	return nil
}

// IsTrue tells whether a condition is True.
func IsTrue(o Object, kind string) bool {
	c := Condition(o, kind)
	return c != nil && strings.EqualFold(Text(c, "status"), "True")
}
