// Package seal proves what a tenant's audit log says, in formats that programs of
// others read: an RFC 6962 Merkle tree over the events of a tenant, checkpoints as
// signed notes (c2sp.org/tlog-checkpoint, signed-note), proofs (c2sp.org/tlog-proof)
// and folders of tiles (c2sp.org/tlog-tiles). It stores nothing itself: it reads
// leaves and hashes through small interfaces, so that the same code makes a log on
// the server and verifies one on the machine of an auditor.
package seal
