{{- /* (root, workload, values): the spec of a workload; what the values say wins over the description. */}}
{{- define "lab.image" -}}
{{- $told := default dict (include "lab.find" (dict "in" .values "path" (default "image" .container.imageAt)) | fromJson).found -}}
{{- if not (kindIs "map" $told) }}{{ $told = dict }}{{ end -}}
{{- $repository := default .container.image $told.repository -}}
{{- if and $told.registry $told.repository }}{{ $repository = printf "%s/%s" $told.registry $told.repository }}{{ end -}}
{{ $repository }}:{{ default .container.tag $told.tag }}
{{- end }}
{{- define "lab.container" -}}
{{- $made := omit .container "image" "tag" "imageAt" "at" "when" "args" -}}
{{- $values := .values -}}
{{- $_ := set $made "image" (include "lab.image" .) -}}
{{- $given := list -}}
{{- range $key := list "args" "extraArgs" -}}
{{- with index $values $key }}{{ if kindIs "slice" . }}{{ $given = concat $given . }}{{ end }}{{ end -}}
{{- end -}}
{{- with concat (default list .container.args) $given }}{{ $_ := set $made "args" . }}{{ end -}}
{{- with $values.resources }}{{ $_ := set $made "resources" . }}{{ end -}}
{{- range $key := list "securityContext" "containerSecurityContext" -}}
{{- with index $values $key -}}
{{ $_ := set $made "securityContext" (mergeOverwrite (default dict $made.securityContext | deepCopy) (omit . "enabled")) }}
{{- end -}}
{{- end -}}
{{- range $key := list "env" "extraEnv" -}}
{{- with index $values $key }}{{ if kindIs "slice" . }}{{ $_ := set $made "env" (concat (default list $made.env) .) }}{{ end }}{{ end -}}
{{- end -}}
{{ toJson $made }}
{{- end }}
{{- define "lab.pod" -}}
{{- $root := .root }}{{ $values := .values -}}
{{- $spec := deepCopy (default dict .workload.pod) -}}
{{- $_ := set $spec "serviceAccountName" .workload.account -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" -}}
{{- with index $values $key }}{{ $_ := set $spec $key . }}{{ end -}}
{{- end -}}
{{- with $values.podSecurityContext -}}
{{ $_ := set $spec "securityContext" (mergeOverwrite (default dict $spec.securityContext | deepCopy) (omit . "enabled")) }}
{{- end -}}
{{- $containers := list -}}
{{- range $index, $container := .workload.containers -}}
{{- if include "lab.wanted" (dict "in" $root.Values "when" $container.when) -}}
{{- $own := $values -}}
{{- if $container.at -}}
{{- $own = default dict (include "lab.find" (dict "in" $root.Values "path" $container.at) | fromJson).found -}}
{{- else if $index -}}
{{- $own = dict -}}
{{- end -}}
{{- $made := include "lab.container" (dict "container" $container "values" $own) | fromJson -}}
{{- $containers = append $containers $made -}}
{{- end -}}
{{- end -}}
{{- $_ := set $spec "containers" $containers -}}
{{ toJson $spec }}
{{- end }}
{{- define "lab.workload" -}}
{{- $standard := include "lab.labels" .root | fromYaml -}}
{{- $selector := default $standard .workload.selector -}}
{{- $labels := mergeOverwrite (deepCopy $selector) (default dict .workload.podLabels) (default dict .values.podLabels) -}}
{{- $kind := default "Deployment" .workload.kind -}}
apiVersion: apps/v1
kind: {{ $kind }}
metadata:
  {{- include "lab.metadata" (dict "root" .root "name" .workload.name "labels" (default $selector .workload.labels)) | nindent 2 }}
spec:
  {{- if ne $kind "DaemonSet" }}
  replicas: {{ coalesce .values.replicaCount .values.replicas .workload.replicas 1 }}
  {{- end }}
  selector:
    matchLabels: {{ toJson $selector }}
  template:
    metadata:
      labels: {{ toJson $labels }}
      {{- with .values.podAnnotations }}
      annotations: {{ toJson . }}
      {{- end }}
    spec: {{ include "lab.pod" . }}
{{- end }}
