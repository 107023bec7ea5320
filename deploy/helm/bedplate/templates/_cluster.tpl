{{/* This cluster as Bedplate is told of it, and what it may do there. */}}

{{/* The options of the cluster: those of the values, after what the release knows itself. */}}
{{- define "bedplate.clusterOptions" -}}
{{- $labels := dict "app.kubernetes.io/name" (include "bedplate.name" .) "app.kubernetes.io/instance" .Release.Name }}
{{- $web := mergeOverwrite (deepCopy $labels) (dict "app.kubernetes.io/component" "web") }}
{{- $gateway := mergeOverwrite (deepCopy $labels) (dict "app.kubernetes.io/component" "gateway") }}
{{- $own := dict "priority_class" .Values.priorityClass.name "gateways" (list (dict "namespace" .Release.Namespace "pod_labels" $web) (dict "namespace" .Release.Namespace "pod_labels" $gateway)) }}
{{- if not .Values.cluster.jobApiUrl }}
{{- $_ := set $own "api_egress" (list (dict "namespace" .Release.Namespace "pod_labels" $web "ports" (list 8000))) }}
{{- end }}
{{- mergeOverwrite $own .Values.cluster.options | toJson }}
{{- end }}

{{/* The command that tells Bedplate of it, as a list in YAML. It says the same at every upgrade. */}}
{{- define "bedplate.clusterCommand" -}}
- python
- manage.py
- cluster
- add
- {{ .Values.cluster.name }}
- --in-cluster
- --unchecked
- --namespace-prefix={{ .Values.cluster.namespacePrefix }}
- --makes-namespaces={{ ternary "yes" "no" .Values.cluster.makesNamespaces }}
- {{ printf "--job-api-url=%s" .Values.cluster.jobApiUrl | quote }}
- {{ printf "--options=%s" (include "bedplate.clusterOptions" .) | quote }}
{{- end }}

{{/* Rights in the namespaces of projects, with those that others' operators take where the options ask for them. */}}
{{- define "bedplate.jobRights" -}}
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, get, list, watch, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [create, get, list, watch, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, delete]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [list]
- apiGroups: [""]
  resources: [secrets, services, serviceaccounts, limitranges, resourcequotas]
  verbs: [create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [create, patch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [create, patch]
{{- $operators := get .Values.cluster.options "operators" | default dict }}
{{- if get $operators "queue" }}
- apiGroups: [kueue.x-k8s.io]
  resources: [workloads]
  verbs: [list, patch]
- apiGroups: [kueue.x-k8s.io]
  resources: [localqueues]
  verbs: [create, patch]
{{- end }}
{{- if eq (get $operators "gangs") "mpi" }}
- apiGroups: [kubeflow.org]
  resources: [mpijobs]
  verbs: [create, get, list, patch, delete]
{{- end }}
{{- if eq (get $operators "gangs") "train" }}
- apiGroups: [trainer.kubeflow.org]
  resources: [trainjobs]
  verbs: [create, get, list, patch, delete]
- apiGroups: [trainer.kubeflow.org]
  resources: [trainingruntimes]
  verbs: [create, patch]
{{- end }}
{{- if eq (get $operators "data") "ray" }}
- apiGroups: [ray.io]
  resources: [rayjobs]
  verbs: [create, get, list, patch, delete]
{{- end }}
{{- if eq (get $operators "serving") "kserve" }}
- apiGroups: [serving.kserve.io]
  resources: [inferenceservices]
  verbs: [create, get, list, patch, delete]
{{- end }}
{{- end }}

{{/* Rights about what is in no namespace. Those to make namespaces go with making them. */}}
{{- define "bedplate.clusterRights" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list]
{{- if get (get .Values.cluster.options "operators" | default dict) "queue" }}
- apiGroups: [kueue.x-k8s.io]
  resources: [clusterqueues, cohorts, resourceflavors]
  verbs: [create, patch, list, delete]
{{- end }}
{{- if .Values.cluster.makesNamespaces }}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [create, patch]
- apiGroups: [scheduling.k8s.io]
  resources: [priorityclasses]
  verbs: [create, patch]
{{- end }}
{{- end }}

{{/* Rights in the namespace of the exporter of GPU figures alone, where the options name it. */}}
{{- define "bedplate.dcgmRights" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
- apiGroups: [""]
  resources: [pods/proxy]
  verbs: [get]
{{- end }}
