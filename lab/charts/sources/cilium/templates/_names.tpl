{{- define "lab.devices" -}}
{{- if kindIs "slice" .Values.devices }}{{ join " " .Values.devices }}{{ else }}{{ .Values.devices }}{{ end }}
{{- end }}
{{- define "lab.configChecksum" -}}
{{ include (print $.Template.BasePath "/configmap.yaml.tpl") . | sha256sum }}
{{- end }}
