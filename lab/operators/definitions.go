package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"hearth/lab/operators/kube"
)

// definitions are the generated ones when they are there, else open ones: any field is accepted.
func definitions(folder string, d description) []kube.Object {
	text, err := os.ReadFile(filepath.Join(folder, d.CRDs.Generated+".yaml"))
	if err != nil {
		var out []kube.Object
		for _, kind := range d.CRDs.Kinds {
			out = append(out, open(kind))
		}
		return out
	}
	var out []kube.Object
	documents := yaml.NewDecoder(bytes.NewReader(text))
	for {
		o := kube.Object{}
		if err := documents.Decode(&o); err != nil {
			if !errors.Is(err, io.EOF) {
				slog.Error("generated definitions", "error", err)
			}
			return out
		}
		if kube.Name(o) != "" {
			out = append(out, o)
		}
	}
}

func open(kind kube.Object) kube.Object {
	name, group := kube.Text(kind, "kind"), kube.Text(kind, "group")
	scope := kube.Text(kind, "scope")
	if scope == "" {
		scope = "Namespaced"
	}
	anything := kube.Object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
	schema := kube.Object{
		"type": "object", "x-kubernetes-preserve-unknown-fields": true,
		"properties": kube.Object{"spec": anything, "status": anything},
	}
	return kube.Object{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": kube.Object{
			"name":        kube.Text(kind, "plural") + "." + group,
			"annotations": kube.Object{"lab.hearth/schema": "open"},
		},
		"spec": kube.Object{
			"group": group, "scope": scope,
			"names": kube.Object{
				"kind": name, "listKind": name + "List", "plural": kind["plural"],
				"singular": strings.ToLower(name),
			},
			"versions": []any{kube.Object{
				"name": kind["version"], "served": true, "storage": true,
				"subresources": kube.Object{"status": kube.Object{}},
				"schema":       kube.Object{"openAPIV3Schema": schema},
			}},
		},
	}
}

// define applies definitions until all of them are there.
func define(ctx context.Context, c *kube.Client, wanted []kube.Object) {
	const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
	said := ""
	for len(wanted) > 0 && ctx.Err() == nil {
		query := "?fieldManager=cilium-operator&force=true"
		_, err := c.Do(ctx, http.MethodPatch, path+kube.Name(wanted[0])+query, kube.Apply, wanted[0])
		if err == nil {
			wanted = wanted[1:]
			continue
		}
		if err.Error() != said {
			said = err.Error()
			slog.Warn("cannot define", "error", said)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
