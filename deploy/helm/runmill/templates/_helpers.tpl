{{- define "runmill.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a selector chooses by: takes the root and a component. */}}
{{- define "runmill.selector" -}}
app.kubernetes.io/name: runmill
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "runmill.labels" -}}
{{ include "runmill.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "runmill.secretName" -}}
{{- .Values.existingSecret | default (include "runmill.fullname" .) -}}
{{- end -}}

{{- define "runmill.image" -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}

{{/* The settings of every process, after those that a component has of its own. A whole number is written without an exponent. */}}
{{- define "runmill.settings" -}}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ ternary (printf "%.0f" (float64 $value)) (toString $value) (kindIs "float64" $value) | quote }}
{{- end }}
{{- if and .Values.ingress.enabled (not (get .Values.settings "RUNMILL_PUBLIC_URL")) }}
- name: RUNMILL_PUBLIC_URL
  value: {{ printf "%s://%s" (ternary "https" "http" (ne .Values.ingress.tlsSecret "")) .Values.ingress.host | quote }}
{{- end }}
{{- end -}}

{{- define "runmill.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "runmill.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* What the pods of all components share. */}}
{{- define "runmill.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The Deployment of one component: takes the root, the component, its values and its probes and volumes. */}}
{{- define "runmill.deployment" -}}
{{- $root := .root -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "runmill.fullname" $root }}-{{ .component }}
  labels: {{- include "runmill.labels" . | nindent 4 }}
spec:
  {{- if .replicas }}
  replicas: {{ .replicas }}
  {{- end }}
  strategy:
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }
  selector:
    matchLabels: {{- include "runmill.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "runmill.labels" . | nindent 8 }}
        {{- with $root.Values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        {{- if not $root.Values.existingSecret }}
        checksum/secrets: {{ toJson $root.Values.secrets | sha256sum }}
        {{- end }}
        {{- with $root.Values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "runmill.fullname" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext: {{- include "runmill.podSecurity" $root | nindent 8 }}
      # An API serves on for RUNMILL_DRAIN_SECONDS, until what routes requests has learnt that the pod goes. Then a process stops
      # in order within 20 s.
      terminationGracePeriodSeconds: {{ add (int (default 5 $root.Values.settings.RUNMILL_DRAIN_SECONDS)) 30 }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "runmill.selector" . | nindent 14 }}
      containers:
        - name: {{ .component }}
          image: {{ include "runmill.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          securityContext: {{- include "runmill.containerSecurity" $root | nindent 12 }}
          env:
            - name: ROLE
              value: {{ .component }}
            - name: HOST
              value: 0.0.0.0
            - name: PORT
              value: '3000'
            - name: RUNMILL_HEALTH_PORT
              value: '3900'
            - name: RUNMILL_DATA_DIR
              value: /data
            {{- include "runmill.settings" $root | trim | nindent 12 }}
          envFrom:
            - secretRef: { name: {{ include "runmill.secretName" $root }} }
          ports:
            - { name: http, containerPort: 3000 }
            - { name: health, containerPort: 3900 }
          # Red when the event loop has not turned for 60 s. It is green during the start, however long a migration takes.
          livenessProbe:
            httpGet: { path: /livez, port: health }
            periodSeconds: 10
            timeoutSeconds: 3
            failureThreshold: 3
          readinessProbe: {{- toYaml .readinessProbe | nindent 12 }}
          resources: {{- toYaml .resources | nindent 12 }}
          volumeMounts:
            - { name: tmp, mountPath: /tmp }
            - { name: data, mountPath: /data }
      volumes:
        - name: tmp
          emptyDir: {}
        - name: data
          {{- toYaml .data | nindent 10 }}
      {{- with include "runmill.placement" $root }}
      {{- . | nindent 6 }}
      {{- end }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "runmill.fullname" $root }}-{{ .component }}
  labels: {{- include "runmill.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "runmill.selector" . | nindent 6 }}
{{- end -}}
