{{- $rules := dict "controller" (list "persistentvolumes" "persistentvolumeclaims" "nodes" "events") }}
{{- $_ := set $rules "node" (list "nodes") }}
{{- range $part, $resources := $rules }}
{{- $name := printf "%s-%s" $.Release.Name $part }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ $.Release.Namespace }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $name }}
rules:
  - apiGroups: [""]
    resources: {{ toJson $resources }}
    verbs: [get, list, watch{{ if eq $part "controller" }}, create, patch, update, delete{{ end }}]
  {{- if eq $part "controller" }}
  - apiGroups: [""]
    resources: [persistentvolumeclaims/status, persistentvolumes/status]
    verbs: [patch, update]
  - apiGroups: [storage.k8s.io]
    resources: [storageclasses, csidrivers, csinodes, volumeattachments, volumeattachments/status]
    verbs: [get, list, watch, patch]
  - apiGroups: [storage.k8s.io]
    resources: [csistoragecapacities]
    verbs: [get, list, watch, create, update, patch, delete]
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    verbs: [get, watch, list, delete, update, create, patch]
  {{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ $name }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ $name }}
    namespace: {{ $.Release.Namespace }}
{{- end }}
