package seal

import (
	"fmt"
	"path/filepath"
	"strconv"
)

// tilePath is where a folder of tiles has the hashes of a level, or with the level
// entries the events themselves: width of them, 256 when the tile is full.
func tilePath(level string, n int64, width int) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		name = fmt.Sprintf("x%03d/%s", n%1000, name)
	}
	if width < tileWidth {
		name += ".p/" + strconv.Itoa(width)
	}
	return filepath.Join("tile", level, filepath.FromSlash(name))
}

const (
	entries        = "entries"
	checkpointName = "checkpoint"
)
