package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var deploy = filepath.Join("..", "..", "deploy")

// tool runs a program of others in a folder of deploy. Where there is none, what it
// checks is not checked; make release-check says so.
func tool(t *testing.T, dir, name string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip("NOT CHECKED: there is no " + name)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = filepath.Join(deploy, dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A service can do little that the program does not need: 2.0 of 10 at most.
func TestUnitsAreConfined(t *testing.T) {
	units, err := filepath.Glob(filepath.Join(deploy, "systemd", "*.service"))
	require.NoError(t, err)
	require.Len(t, units, 2)
	for _, unit := range units {
		out, err := tool(t, "systemd", "systemd-analyze", "security", "--offline=true", "--threshold=20",
			"./"+filepath.Base(unit))
		require.NoError(t, err, out)
		assert.Contains(t, out, "Overall exposure level")
	}
}

// Alerts name metrics that the server has.
func TestAlertsNameWhatExists(t *testing.T) {
	rules, err := os.ReadFile(filepath.Join(deploy, "prometheus", "scimbridge.rules.yml"))
	require.NoError(t, err)
	assert.Greater(t, namedMetrics(t, string(rules)), 9)
}

// namedMetrics counts the metrics that a text names, all of which the server has to have.
func namedMetrics(t *testing.T, text string) int {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join("..", "..", "server", "*.go"))
	require.NoError(t, err)
	known := map[string]bool{}
	for _, name := range sources {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`"(scimbridge_[a-z_]+)"`).FindAllSubmatch(text, -1) {
			known[string(m[1])] = true
		}
	}
	named := regexp.MustCompile(`scimbridge_[a-z_]+`).FindAllString(text, -1)
	for _, name := range named {
		histogram := strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
		assert.True(t, known[histogram], "there is no metric %s", name)
	}
	return len(named)
}

// The dashboard asks for metrics that the server has, in queries that Prometheus reads.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(deploy, "grafana", "scimbridge.json"))
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	rules := "groups:\n- name: dashboard\n  rules:\n"
	queries := 0
	for _, p := range dashboard.Panels {
		for _, q := range p.Targets {
			assert.Positive(t, namedMetrics(t, q.Expr), p.Title)
			// What Grafana puts in for its variables.
			expr := strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(q.Expr)
			queries++
			rules += fmt.Sprintf("  - record: q%d\n    expr: %q\n", queries, expr)
		}
	}
	assert.Greater(t, queries, 20)
	file := filepath.Join(t.TempDir(), "rules.yml")
	require.NoError(t, os.WriteFile(file, []byte(rules), 0o600))
	out, err := tool(t, "grafana", "promtool", "check", "rules", file)
	require.NoError(t, err, out)
}

// Each alert is tested once firing and once silent.
func TestAlerts(t *testing.T) {
	var rules struct {
		Groups []struct{ Rules []struct{ Alert string } }
	}
	var tests struct {
		Tests []struct {
			Rules []struct {
				Alert    string `yaml:"alertname"`
				Expected []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	read := func(name string, to any) {
		text, err := os.ReadFile(filepath.Join(deploy, "prometheus", name))
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, to))
	}
	read("scimbridge.rules.yml", &rules)
	read("scimbridge.rules.test.yml", &tests)
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, c := range tests.Tests {
		for _, r := range c.Rules {
			fires[r.Alert] = fires[r.Alert] || len(r.Expected) > 0
			silent[r.Alert] = silent[r.Alert] || len(r.Expected) == 0
		}
	}
	require.NotEmpty(t, rules.Groups)
	for _, r := range rules.Groups[0].Rules {
		assert.True(t, fires[r.Alert], "%s is in no test that has it fire", r.Alert)
		assert.True(t, silent[r.Alert], "%s is in no test that has it silent", r.Alert)
	}
	out, err := tool(t, "prometheus", "promtool", "test", "rules", "scimbridge.rules.test.yml")
	require.NoError(t, err, out)
}

// kubernetesObject is what the tests read of a Kubernetes object.
type kubernetesObject struct {
	Kind string
	Spec struct {
		Replicas int
		Template struct {
			Spec struct {
				SecurityContext struct {
					RunAsNonRoot bool `yaml:"runAsNonRoot"`
				} `yaml:"securityContext"`
				Containers []struct {
					Env             []struct{ Name, Value string }
					ReadinessProbe  map[string]any `yaml:"readinessProbe"`
					LivenessProbe   map[string]any `yaml:"livenessProbe"`
					SecurityContext struct {
						ReadOnly bool `yaml:"readOnlyRootFilesystem"`
					} `yaml:"securityContext"`
				}
			}
		}
	}
}

// SQLite is one replica of a StatefulSet, PostgreSQL a Deployment with a budget for
// disruptions; both have probes, a network policy and a root that is read only.
func TestChart(t *testing.T) {
	postgres := []string{"--set", "store=postgres,postgres.urlSecret=db,postgres.sealKeyClaim=seal"}
	for _, c := range []struct {
		values   []string
		kind     string
		replicas int
		url      string
	}{
		{nil, "StatefulSet", 1, "sqlite:/data/scimbridge.db"},
		{postgres, "Deployment", 2, ""},
	} {
		out, err := tool(t, "helm", "helm", append([]string{"lint", "--strict", "."}, c.values...)...)
		require.NoError(t, err, out)
		out, err = tool(t, "helm", "helm", append([]string{"template", "r", "."}, c.values...)...)
		require.NoError(t, err, out)
		kinds := map[string]kubernetesObject{}
		for d := yaml.NewDecoder(bytes.NewBufferString(out)); ; {
			var o kubernetesObject
			err := d.Decode(&o)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			kinds[o.Kind] = o
		}
		require.Contains(t, kinds, c.kind)
		for _, kind := range []string{"Service", "ServiceAccount", "NetworkPolicy"} {
			assert.Contains(t, kinds, kind)
		}
		_, budget := kinds["PodDisruptionBudget"]
		assert.Equal(t, c.kind == "Deployment", budget)
		assert.Equal(t, c.replicas, kinds[c.kind].Spec.Replicas)
		pod := kinds[c.kind].Spec.Template.Spec
		assert.True(t, pod.SecurityContext.RunAsNonRoot)
		require.Len(t, pod.Containers, 1)
		assert.NotEmpty(t, pod.Containers[0].ReadinessProbe)
		assert.NotEmpty(t, pod.Containers[0].LivenessProbe)
		assert.True(t, pod.Containers[0].SecurityContext.ReadOnly)
		for _, e := range pod.Containers[0].Env {
			if e.Name == "SCIMBRIDGE_DATABASE_URL" {
				assert.Equal(t, c.url, e.Value)
			}
		}
	}
	for _, wrong := range []string{"store=mysql", "store=postgres"} {
		out, err := tool(t, "helm", "helm", "template", "r", ".", "--set", wrong)
		require.Error(t, err, "%s: %s", wrong, out)
	}
}
