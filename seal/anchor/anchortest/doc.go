// Package anchortest has anchors for tests, on the machine of the test: a witness as
// its specification describes it, and the time stamp authority of openssl.
package anchortest
