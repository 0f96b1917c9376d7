package controlplane

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/siderolabs/talos/pkg/machinery/config/config"
)

// args are a program's flags by name.
type args map[string]string

// merge adds a configuration's extraArgs by Talos' rules: lists grow, what belongs to Talos stays, all
// else is replaced.
func (a args) merge(extra map[string][]string, additive, denied []string) {
	for k, v := range extra {
		value := strings.Join(v, ",")
		switch {
		case slices.Contains(denied, k):
		case slices.Contains(additive, k) && a[k] != "":
			a[k] += "," + value
		default:
			a[k] = value
		}
	}
}

// flags writes them in a fixed order, which keeps process lists readable.
func (a args) flags() []string {
	out := make([]string, 0, len(a))
	for k, v := range a {
		out = append(out, "--"+k+"="+v)
	}
	slices.Sort(out)
	return out
}

// apiServerArgs follow control_plane_static_pod.go of Talos v1.13.0, with files under dir.
func apiServerArgs(cfg config.Config, dir string, advertise netip.Addr) []string {
	cl, f := cfg.Cluster(), func(name string) string { return filepath.Join(dir, name) }
	endpoint := cl.Endpoint().String()
	a := args{
		"admission-control-config-file": f("admission-control-config.yaml"), "allow-privileged": "true", "anonymous-auth": "false",
		"api-audiences": endpoint, "bind-address": "0.0.0.0", "client-ca-file": f("ca.crt"),
		"enable-admission-plugins": "NodeRestriction", "requestheader-client-ca-file": f("aggregator-ca.crt"),
		"requestheader-allowed-names": "front-proxy-client", "requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"requestheader-group-headers": "X-Remote-Group", "requestheader-username-headers": "X-Remote-User",
		"proxy-client-cert-file": f("front-proxy-client.crt"), "proxy-client-key-file": f("front-proxy-client.key"),
		"enable-bootstrap-token-auth": "true", "tls-min-version": "VersionTLS12",
		"encryption-provider-config": f("encryption.yaml"), "audit-policy-file": f("auditpolicy.yaml"),
		"audit-log-path": f("audit.log"), "audit-log-maxage": "30", "audit-log-maxbackup": "1", "audit-log-maxsize": "10",
		"profiling": "false", "etcd-cafile": f("etcd-ca.crt"), "etcd-certfile": f("etcd-client.crt"), "etcd-keyfile": f("etcd-client.key"),
		"etcd-servers": "https://127.0.0.1:2379", "kubelet-client-certificate": f("apiserver-kubelet-client.crt"),
		"kubelet-client-key": f("apiserver-kubelet-client.key"), "secure-port": portText(cl.LocalAPIServerPort()),
		"service-account-issuer": endpoint, "service-account-key-file": f("service-account.pub"),
		"service-account-signing-key-file": f("service-account.key"), "service-cluster-ip-range": strings.Join(cl.Network().ServiceCIDRs(), ","),
		"tls-cert-file": f("apiserver.crt"), "tls-private-key-file": f("apiserver.key"),
		"kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
	}
	if advertise.IsValid() && !cfg.Machine().Kubelet().SkipNodeRegistration() {
		a["advertise-address"] = advertise.String()
	}
	a.authorization(cl.APIServer().ExtraArgs(), f("authorization-config.yaml"))
	a.merge(cl.APIServer().ExtraArgs(),
		[]string{"enable-admission-plugins", "feature-gates", "authorization-mode", "tls-cipher-suites"},
		[]string{
			"etcd-servers", "client-ca-file", "requestheader-client-ca-file", "proxy-client-cert-file", "proxy-client-key-file",
			"encryption-provider-config", "etcd-cafile", "etcd-certfile", "etcd-keyfile", "kubelet-client-certificate",
			"kubelet-client-key", "service-account-key-file", "service-account-signing-key-file", "tls-cert-file",
			"tls-private-key-file", "authorization-config", "audit-log-path",
		})
	return a.flags()
}

// authorization is a file unless the configuration uses the older flags.
func (a args) authorization(extra map[string][]string, file string) {
	for k := range extra {
		if k == "authorization-mode" || strings.HasPrefix(k, "authorization-webhook-") {
			a["authorization-mode"] = "Node,RBAC"
			return
		}
	}
	a["authorization-config"] = file
}

func controllerManagerArgs(cfg config.Config, dir string) []string {
	cl, f := cfg.Cluster(), func(name string) string { return filepath.Join(dir, name) }
	kc := f("kube-controller-manager.kubeconfig")
	a := args{
		"use-service-account-credentials": "true", "allocate-node-cidrs": "true", "bind-address": "127.0.0.1",
		"cluster-cidr": strings.Join(cl.Network().PodCIDRs(), ","), "service-cluster-ip-range": strings.Join(cl.Network().ServiceCIDRs(), ","),
		"cluster-signing-cert-file": f("signing-ca.crt"), "cluster-signing-key-file": f("ca.key"), "controllers": "*,tokencleaner",
		"configure-cloud-routes": "false", "kubeconfig": kc, "authentication-kubeconfig": kc, "authorization-kubeconfig": kc,
		"leader-elect": "true", "root-ca-file": f("ca.crt"), "service-account-private-key-file": f("service-account.key"),
		"profiling": "false", "tls-min-version": "VersionTLS13",
		// Not Talos': by its own throttling a new one takes five seconds to start its controllers.
		"kube-api-qps": "200", "kube-api-burst": "300",
	}
	if cl.ExternalCloudProvider().Enabled() {
		a["cloud-provider"] = "external"
	}
	a.merge(cl.ControllerManager().ExtraArgs(), []string{"service-cluster-ip-range", "controllers"}, []string{
		"cluster-signing-cert-file", "cluster-signing-key-file", "kubeconfig", "authentication-kubeconfig",
		"authorization-kubeconfig", "root-ca-file", "service-account-private-key-file",
	})
	return a.flags()
}

func schedulerArgs(cfg config.Config, dir string) []string {
	kc := filepath.Join(dir, "kube-scheduler.kubeconfig")
	a := args{
		"config": filepath.Join(dir, "scheduler-config.yaml"), "authentication-tolerate-lookup-failure": "false",
		"authentication-kubeconfig": kc, "authorization-kubeconfig": kc, "bind-address": "127.0.0.1", "leader-elect": "true",
		"profiling": "false", "tls-min-version": "VersionTLS13",
	}
	a.merge(cfg.Cluster().Scheduler().ExtraArgs(), nil,
		[]string{"kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig", "config"})
	return a.flags()
}
