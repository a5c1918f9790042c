{{- define "crm-kare.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "crm-kare.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- else if contains (include "crm-kare.name" .) .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "crm-kare.name" .) | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "crm-kare.selector" -}}
app.kubernetes.io/name: {{ include "crm-kare.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "crm-kare.labels" -}}
{{ include "crm-kare.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "crm-kare.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "crm-kare.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "crm-kare.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- /* The project's paths, as a JSON list. */ -}}
{{- define "crm-kare.paths" -}}
{{- if .Values.project.existingConfigMap -}}
{{- if not (has "crm-kare.yaml" .Values.project.existingFiles) -}}
{{- fail "project.existingFiles must name the paths in project.existingConfigMap, crm-kare.yaml among them." -}}
{{- end -}}
{{- .Values.project.existingFiles | sortAlpha | toJson -}}
{{- else -}}
{{- if not (hasKey .Values.project.files "crm-kare.yaml") -}}
{{- fail "project.files needs crm-kare.yaml: --set-file 'project.files.crm-kare\\.yaml=crm-kare.yaml'." -}}
{{- end -}}
{{- keys .Values.project.files | sortAlpha | toJson -}}
{{- end -}}
{{- end -}}
