package seal

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
)

const origin = "bridge.example.com/" + tenant

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "seal.key")
	var wg sync.WaitGroup
	all := make([]Keys, 8) // servers that start at once have one key
	for i := range all {
		wg.Go(func() {
			var err error
			all[i], _, err = LoadKeys(path)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	for _, ks := range all {
		require.Len(t, ks, 1)
		assert.True(t, all[0].Has(ks[0].Public()))
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
	info, err := left[0].Info()
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())

	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602} {
		require.NoError(t, os.Chmod(path, mode))
		_, _, err := LoadKeys(path)
		require.ErrorContains(t, err, "0600")
	}
	require.NoError(t, os.Chmod(path, 0o400))
	again, made, err := LoadKeys(path)
	require.NoError(t, err)
	assert.False(t, made)
	assert.Equal(t, all[0], again)

	_, _, err = LoadKeys(dir)
	require.Error(t, err)
	_, _, err = LoadKeys(filepath.Join(dir, "none", "seal.key"))
	require.Error(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600))
	_, _, err = LoadKeys(filepath.Join(dir, "empty"))
	require.Error(t, err, "a key is never made in the place of a file")
}

// A key that openssl made is taken.
func TestKeyOfOpenSSL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal.key")
	out, err := exec.Command("openssl", "genpkey", "-algorithm", "ed25519", "-out", path).CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.Chmod(path, 0o600))
	_, made, err := LoadKeys(path)
	require.NoError(t, err)
	assert.False(t, made)
}

// A checkpoint that both keys signed opens with each of them.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal.key")
	old, _, err := LoadKeys(path)
	require.NoError(t, err)
	both, err := RotateKeys(path)
	require.NoError(t, err)
	require.Len(t, both, 2)
	assert.Equal(t, old[0], both[1])
	read, err := ReadKeys(path)
	require.NoError(t, err)
	assert.Equal(t, both, read)

	c := Checkpoint{Origin: origin, Size: 3}
	signed, err := c.Sign(both.Signers(origin)...)
	require.NoError(t, err)
	for _, k := range both {
		vkey, err := k.VerifierKey(origin)
		require.NoError(t, err)
		keys, err := Verifiers(vkey)
		require.NoError(t, err)
		got, err := OpenCheckpoint(signed, keys)
		require.NoError(t, err)
		assert.Equal(t, c, got)
	}
	vkeys, err := both.VerifierKeys(origin)
	require.NoError(t, err)
	keys, err := Verifiers(vkeys)
	require.NoError(t, err)
	n, err := note.Open(signed, keys)
	require.NoError(t, err)
	assert.Len(t, n.Sigs, 2)

	one, err := RetireKeys(path)
	require.NoError(t, err)
	assert.Equal(t, both[:1], one)
	assert.False(t, one.Has(old[0].Public()))
}
