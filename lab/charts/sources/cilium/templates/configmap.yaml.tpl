apiVersion: v1
kind: ConfigMap
metadata:
  name: cilium-config
  namespace: {{ .Release.Namespace }}
data:
  cluster-name: {{ .Values.cluster.name | quote }}
  cluster-id: {{ .Values.cluster.id | quote }}
  kube-proxy-replacement: {{ .Values.kubeProxyReplacement | quote }}
  {{- with .Values.kubeProxyReplacementHealthzBindAddr }}
  kube-proxy-replacement-healthz-bind-address: {{ . | quote }}
  {{- end }}
  ipam: {{ .Values.ipam.mode | quote }}
  enable-ipv4: {{ .Values.ipv4.enabled | quote }}
  enable-ipv6: {{ .Values.ipv6.enabled | quote }}
  {{- with include "lab.devices" . }}
  devices: {{ . | quote }}
  {{- end }}
  {{- if .Values.MTU }}
  mtu: {{ .Values.MTU | quote }}
  {{- end }}
  routing-mode: {{ default "tunnel" .Values.routingMode | quote }}
  {{- if ne (default "tunnel" .Values.routingMode) "native" }}
  tunnel-protocol: {{ default "vxlan" .Values.tunnelProtocol | quote }}
  {{- end }}
  auto-direct-node-routes: {{ .Values.autoDirectNodeRoutes | quote }}
  {{- with .Values.ipv4NativeRoutingCIDR }}
  ipv4-native-routing-cidr: {{ . | quote }}
  {{- end }}
  {{- with .Values.ipv6NativeRoutingCIDR }}
  ipv6-native-routing-cidr: {{ . | quote }}
  {{- end }}
  enable-ipv4-masquerade: {{ .Values.enableIPv4Masquerade | quote }}
  enable-ipv6-masquerade: {{ .Values.enableIPv6Masquerade | quote }}
  {{- if not (kindIs "invalid" .Values.bpf.masquerade) }}
  enable-bpf-masquerade: {{ .Values.bpf.masquerade | quote }}
  {{- end }}
  {{- if not (kindIs "invalid" .Values.bpf.hostLegacyRouting) }}
  enable-host-legacy-routing: {{ .Values.bpf.hostLegacyRouting | quote }}
  {{- end }}
  {{- if .Values.socketLB.enabled }}
  bpf-lb-sock: "true"
  bpf-lb-sock-hostns-only: {{ .Values.socketLB.hostNamespaceOnly | quote }}
  {{- end }}
  bpf-lb-acceleration: {{ .Values.loadBalancer.acceleration | quote }}
  default-lb-service-ipam: {{ .Values.defaultLBServiceIPAM | quote }}
  enable-l2-announcements: {{ .Values.l2announcements.enabled | quote }}
  enable-bgp-control-plane: {{ .Values.bgpControlPlane.enabled | quote }}
  cgroup-root: {{ .Values.cgroup.hostRoot | quote }}
  enable-hubble: {{ .Values.hubble.enabled | quote }}
