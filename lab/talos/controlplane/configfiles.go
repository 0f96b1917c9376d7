package controlplane

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/siderolabs/talos/pkg/machinery/config/config"

	"hearth/lab/talos/kube"
)

func portText(p int) string { return strconv.Itoa(p) }

// writeConfigFiles lays out admission, audit, authorization and scheduler configuration. They are
// JSON under YAML names, which every reader of YAML takes.
func (p *Plane) writeConfigFiles() error {
	cl := p.Config().Cluster()
	for name, o := range map[string]kube.Object{
		"admission-control-config.yaml": admission(cl.APIServer()),
		"auditpolicy.yaml":              audit(cl.APIServer()),
		"authorization-config.yaml":     authorization(cl.APIServer()),
		"scheduler-config.yaml":         scheduler(cl.Scheduler(), p.file("kube-scheduler.kubeconfig")),
	} {
		b, err := json.Marshal(o)
		if err != nil {
			return err
		}
		if err := os.WriteFile(p.file(name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func admission(a config.APIServer) kube.Object {
	plugins := []kube.Object{}
	for _, x := range a.AdmissionControl() {
		plugins = append(plugins, kube.Object{"name": x.Name(), "configuration": x.Configuration()})
	}
	return kube.Object{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration", "plugins": plugins}
}

func audit(a config.APIServer) kube.Object {
	out := maps.Clone(a.AuditPolicy())
	if len(out) == 0 {
		out = kube.Object{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": []kube.Object{{"level": "Metadata"}}}
	}
	return out
}

// authorization puts Node and RBAC first where the configuration does not name them.
func authorization(a config.APIServer) kube.Object {
	var list []kube.Object
	types := []string{}
	for _, x := range a.AuthorizationConfig() {
		o := kube.Object{"type": x.Type(), "name": x.Name()}
		if w := x.Webhook(); w != nil {
			o["webhook"] = w
		}
		list, types = append(list, o), append(types, x.Type())
	}
	if !slices.Contains(types, "RBAC") {
		list = append([]kube.Object{{"type": "RBAC", "name": "rbac"}}, list...)
	}
	if !slices.Contains(types, "Node") {
		list = append([]kube.Object{{"type": "Node", "name": "node"}}, list...)
	}
	return kube.Object{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthorizationConfiguration", "authorizers": list}
}

func scheduler(s config.Scheduler, kubeconfig string) kube.Object {
	out := maps.Clone(s.Config())
	if out == nil {
		out = kube.Object{}
	}
	out["apiVersion"], out["kind"] = "kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration"
	conn := kube.Object{"kubeconfig": kubeconfig}
	if c, ok := out["clientConnection"].(kube.Object); ok {
		conn = maps.Clone(c)
		conn["kubeconfig"] = kubeconfig
	}
	out["clientConnection"] = conn
	return out
}
