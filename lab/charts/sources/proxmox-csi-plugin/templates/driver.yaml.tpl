apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata:
  name: {{ .Values.provisionerName }}
spec:
  attachRequired: true
  podInfoOnMount: true
  storageCapacity: true
  volumeLifecycleModes: [Persistent]
{{- range $class := .Values.storageClass }}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: {{ required "storageClass[].name is missing" $class.name }}
  {{- with $class.annotations }}
  annotations: {{ toJson . }}
  {{- end }}
provisioner: {{ $.Values.provisionerName }}
allowVolumeExpansion: true
volumeBindingMode: {{ default "WaitForFirstConsumer" $class.volumeBindingMode }}
reclaimPolicy: {{ default "Delete" $class.reclaimPolicy }}
parameters:
  csi.storage.k8s.io/fstype: {{ default "ext4" $class.fstype }}
  storage: {{ required "storageClass[].storage is missing" $class.storage | quote }}
  {{- with $class.cache }}
  cache: {{ . | quote }}
  {{- end }}
  {{- with $class.ssd }}
  ssd: {{ . | quote }}
  {{- end }}
  {{- range $key, $value := $class.extraParameters }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
{{- with $class.mountOptions }}
mountOptions: {{ toJson . }}
{{- end }}
{{- with $class.allowedTopologies }}
allowedTopologies:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- if not .Values.existingConfigSecret }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
stringData:
  {{ .Values.existingConfigSecretKey }}: |
    {{- toYaml .Values.config | nindent 4 }}
{{- end }}
