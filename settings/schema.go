package settings

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"sendwarden/scoring"
)

// sectionTypes are what the sections are read into.
func sectionTypes() map[string]reflect.Type {
	var s Sections
	return map[string]reflect.Type{
		"control": reflect.TypeOf(s.Control), "review": reflect.TypeOf(s.Review), "door": reflect.TypeOf(s.Door), "auth_policy": reflect.TypeOf(s.AuthPolicy),
		"queue": reflect.TypeOf(s.Queue), "alerts": reflect.TypeOf(s.Alerts), "hooks": reflect.TypeOf(s.Hooks),
		"metrics": reflect.TypeOf(s.Metrics), "addresses": reflect.TypeOf(s.Addresses), "header_checks": reflect.TypeOf(s.HeaderChecks),
	}
}

// Schema is the JSON Schema of rules.yaml: the rules' part by package scoring,
// and each section's by the struct that it is read into.
func Schema() ([]byte, error) {
	schemas := make(map[string]any)
	for name, t := range sectionTypes() {
		schemas[name] = schemaOf(t)
	}
	text, err := json.MarshalIndent(scoring.Schema(schemas), "", "  ")
	return append(text, '\n'), err
}

// schemaOf is the schema of what scoring.Decode reads into a type.
func schemaOf(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return map[string]any{"$ref": "#/$defs/duration"}
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem())
	case t.Kind() == reflect.Struct:
		properties := make(map[string]any)
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
				properties[name] = schemaOf(t.Field(i).Type)
			}
		}
		return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	case t.Kind() == reflect.Slice: // a single value is a list of one
		item := schemaOf(t.Elem())
		return map[string]any{"anyOf": []any{item, map[string]any{"type": "array", "items": item}}}
	case t.Kind() == reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case t.Kind() == reflect.Bool:
		return map[string]any{"type": "boolean"}
	case t.Kind() == reflect.String:
		return map[string]any{"$ref": "#/$defs/text"}
	case reflect.Zero(t).CanInt():
		return map[string]any{"type": "integer"}
	case reflect.Zero(t).CanFloat():
		return map[string]any{"type": "number"}
	}
	panic(fmt.Sprint("schema: no rule for ", t)) // a Config of ours that this cannot describe
}
