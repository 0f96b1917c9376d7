{{- if include "lab.wanted" (dict "in" .Values "when" (trim (.Files.Get "definitions/when"))) }}
{{ .Files.Get "definitions/crds.yaml" }}
{{- end }}
