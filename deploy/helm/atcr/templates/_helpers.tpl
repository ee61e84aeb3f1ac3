{{- define "atcr.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "atcr.selector" -}}
app.kubernetes.io/name: atcr
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "atcr.labels" -}}
{{ include "atcr.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "atcr.secret" -}}
{{- .Values.secret.existing | default (include "atcr.name" .) -}}
{{- end -}}
