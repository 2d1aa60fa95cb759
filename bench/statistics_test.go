package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPercentile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for p, want := range map[float64]time.Duration{0: 1, .5: 50, .505: 51, .99: 99, 1: 100} {
		assert.Equal(t, want, percentile(hundred, p), p)
	}
	assert.Equal(t, time.Duration(7), percentile([]time.Duration{7}, .99))
	assert.Equal(t, time.Duration(1), percentile([]time.Duration{1, 9}, .5))
	assert.Zero(t, percentile(nil, .5))
}

func TestMedian(t *testing.T) {
	assert.Zero(t, median(nil))
	assert.Equal(t, 3.0, median([]float64{9, 3, 1}))
	values := []float64{4, 1, 2, 3}
	assert.Equal(t, 2.5, median(values))
	assert.Equal(t, []float64{4, 1, 2, 3}, values, "not sorted under the caller")
}

// The median of the rounds' ratios: a round in which the machine was slow for
// both does not count for more.
func TestMedianRatio(t *testing.T) {
	assert.Equal(t, 2.0, medianRatio([]float64{2, 20, 300}, []float64{1, 10, 100}))
	assert.Equal(t, 2.0, medianRatio([]float64{2, 7}, []float64{1}), "rounds that both have")
	assert.Zero(t, medianRatio([]float64{2}, []float64{0}))
}

func TestFigure(t *testing.T) {
	for f, want := range map[float64]string{0: "", .123: "0.12", 9.949: "9.95", 12.34: "12.3", 123.4: "123",
		12345.6: "12346"} {
		assert.Equal(t, want, figure(f))
	}
}

func TestDifference(t *testing.T) {
	want := []string{"a", "b", "c"}
	assert.NoError(t, difference(want, []string{"c", "a", "b"}))
	assert.ErrorContains(t, difference(want, []string{"a", "b"}), "1 missing, 0 too many")
	assert.ErrorContains(t, difference(want, []string{"a", "b", "x"}), "1 missing, 1 too many")
	assert.ErrorContains(t, difference(want, []string{"a", "b", "c", "c"}), "0 missing, 1 too many", "one member twice")
}

func TestEndToStart(t *testing.T) {
	steady, slowing := progress{units: 1}, progress{units: 1}
	now := time.Duration(0)
	for i := range 200 {
		steady.done = append(steady.done, time.Duration(i+1)*time.Millisecond)
		now += time.Duration(i+1) * time.Millisecond
		slowing.done = append(slowing.done, now)
	}
	assert.InDelta(t, 1, steady.endToStart(), 1e-9)
	assert.InDelta(t, 1000, steady.rate(), 1e-9)
	assert.Less(t, slowing.endToStart(), .1)
	assert.Zero(t, progress{done: make([]time.Duration, 50)}.endToStart(), "too few to tell")
}
