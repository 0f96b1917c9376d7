{{- /* Names and labels as `helm create` writes them, and how values are looked up by a path. */}}
{{- define "lab.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- define "lab.fullname" -}}
{{- $name := include "lab.name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end }}
{{- /* (dict "in" MAP "path" "a.b") -> {"found": VALUE}, or {} when nothing is there */}}
{{- define "lab.find" -}}
{{- $here := .in -}}
{{- range $key := splitList "." .path -}}
{{- if and $key (kindIs "map" $here) -}}
{{- $here = index $here $key -}}
{{- else if $key -}}
{{- $here = "" -}}
{{- end -}}
{{- end -}}
{{- if kindIs "invalid" $here }}{}{{ else }}{{ toJson (dict "found" $here) }}{{ end -}}
{{- end }}
{{- /* Whether an item is wanted: it has no `when`, or the value there is set and not false. */}}
{{- define "lab.wanted" -}}
{{- if not .when -}}
true
{{- else if (include "lab.find" (dict "in" .in "path" .when) | fromJson).found -}}
true
{{- end -}}
{{- end }}
{{- define "lab.labels" -}}
app.kubernetes.io/name: {{ include "lab.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "lab.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 }}
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .root.Release.Service }}
  {{- toYaml .labels | nindent 2 }}
{{- end }}
