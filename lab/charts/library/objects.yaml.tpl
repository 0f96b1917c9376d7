{{- $root := . }}
{{- $told := tpl (.Files.Get "objects.yaml") . | fromYaml }}
{{- with $told.Error }}{{ fail . }}{{ end }}
{{- range $account := $told.accounts }}
{{- if include "lab.wanted" (dict "in" $root.Values "when" $account.when) }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "lab.metadata" (dict "root" $root "name" $account.name "labels" (include "lab.labels" $root | fromYaml)) | nindent 2 }}
{{- with $account.rules }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $account.role }}
rules: {{ toJson . }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ $account.role }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $account.role }}
subjects:
  - kind: ServiceAccount
    name: {{ $account.name }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
{{- end }}
{{- end }}
{{- range $workload := $told.workloads }}
{{- if include "lab.wanted" (dict "in" $root.Values "when" $workload.when) }}
{{- $values := default dict (include "lab.find" (dict "in" $root.Values "path" (default "" $workload.at)) | fromJson).found }}
---
{{ include "lab.workload" (dict "root" $root "workload" $workload "values" $values) }}
{{- end }}
{{- end }}
{{- range $service := $told.services }}
{{- if include "lab.wanted" (dict "in" $root.Values "when" $service.when) }}
{{- $values := default dict (include "lab.find" (dict "in" $root.Values "path" (default "service" $service.at)) | fromJson).found }}
{{- $selector := default (include "lab.labels" $root | fromYaml) $service.selector }}
{{- $labels := mergeOverwrite (deepCopy $selector) (default dict $values.labels) }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "lab.metadata" (dict "root" $root "name" $service.name "labels" $labels) | nindent 2 }}
  {{- with $values.annotations }}
  annotations: {{ toJson . }}
  {{- end }}
spec:
  type: {{ default "ClusterIP" $values.type }}
  selector: {{ toJson $selector }}
  ports: {{ toJson $service.ports }}
  {{- range $key := list "loadBalancerIP" "loadBalancerClass" "externalTrafficPolicy" "ipFamilyPolicy" "ipFamilies" }}
  {{- with index $values $key }}
  {{ $key }}: {{ toJson . }}
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}
{{- range $object := $told.objects }}
{{- if include "lab.wanted" (dict "in" $root.Values "when" $object.when) }}
---
{{ toYaml (omit $object "when") }}
{{- end }}
{{- end }}
