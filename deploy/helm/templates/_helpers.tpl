{{- define "scimbridge.labels" -}}
{{ include "scimbridge.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "scimbridge.selector" -}}
app.kubernetes.io/name: scimbridge
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "scimbridge.name" -}}
{{- if contains "scimbridge" .Release.Name }}{{ .Release.Name | trunc 63 }}{{ else }}{{ printf "%s-scimbridge" .Release.Name | trunc 63 }}{{ end }}
{{- end }}

{{- define "scimbridge.pod" -}}
metadata:
  labels:
    {{- include "scimbridge.labels" . | nindent 4 }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "scimbridge.name" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{ toYaml . | nindent 4 }}
  {{- end }}
  # Above shutdown_timeout: requests may end.
  terminationGracePeriodSeconds: 45
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    # Else each start would let the group read the key, which the server refuses.
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: scimbridge
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve]
      env:
        - {name: SCIMBRIDGE_LISTEN, value: "0.0.0.0:8080"}
        {{- if eq .Values.store "sqlite" }}
        - {name: SCIMBRIDGE_DATABASE_URL, value: "sqlite:/data/scimbridge.db"}
        {{- else }}
        - {name: SCIMBRIDGE_DATABASE_URL, value: ""}
        - {name: SCIMBRIDGE_DATABASE_URL_FILE, value: /run/secrets/scimbridge/url}
        {{- if .Values.postgres.sealKeyClaim }}
        - {name: SCIMBRIDGE_SEAL_KEY_FILE, value: /seal/scimbridge-seal.key}
        {{- end }}
        {{- end }}
        {{- with .Values.publicURL }}
        - {name: SCIMBRIDGE_PUBLIC_URL, value: {{ . | quote }}}
        {{- end }}
        {{- with .Values.trustedProxies }}
        - {name: SCIMBRIDGE_TRUSTED_PROXIES, value: {{ . | quote }}}
        {{- end }}
        {{- range $name, $value := .Values.env }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
      ports:
        - {name: http, containerPort: 8080}
      # It lives while it waits for its database or migrates it, and is not ready.
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 10
        timeoutSeconds: 3
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
        timeoutSeconds: 3
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- if eq .Values.store "sqlite" }}
        - {name: data, mountPath: /data}
        {{- else }}
        - {name: url, mountPath: /run/secrets/scimbridge, readOnly: true}
        {{- if .Values.postgres.sealKeyClaim }}
        - {name: seal, mountPath: /seal}
        {{- end }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 1Gi}
    {{- if ne .Values.store "sqlite" }}
    - name: url
      secret:
        secretName: {{ required "postgres.urlSecret names the Secret with the database URL" .Values.postgres.urlSecret }}
        defaultMode: 0440
    {{- with .Values.postgres.sealKeyClaim }}
    - name: seal
      persistentVolumeClaim: {claimName: {{ . }}}
    {{- end }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{ toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
