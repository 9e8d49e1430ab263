package follow

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

// headSize is how many of a file's first bytes it is known by. They hold a time
// stamp or several, so that no other log begins alike; an inode's number, on the
// other hand, is given away again as soon as its file is deleted.
const headSize = 1 << 10

// Position is where a reader stands in one source. It is meant to be kept as
// JSON, in the same transaction as what was made of the lines before it:
//
//	{"source":"/var/log/mail.log","files":[{"dev":2049,"ino":1311,"at":70311,"head":"5d…","of":1024,"mtime":"2026-11-28T02:00:07.1Z"}]}
//
// In the minutes after a rotation there are several files: the one that was
// rotated away may still get lines while the new one has some already.
type Position struct {
	Source string  `json:"source"`
	Files  []Place `json:"files,omitempty"`  // oldest first
	Cursor string  `json:"cursor,omitempty"` // the journal's, of the last entry handed on
}

// Place is how far one file has been read.
type Place struct {
	Device   uint64    `json:"dev"`
	Inode    uint64    `json:"ino"`
	Offset   int64     `json:"at"`             // of the byte after the last line handed on; of the text, if the file has been compressed
	Head     string    `json:"head,omitempty"` // SHA-256 of the first bytes, its first half in hexadecimal
	HeadSize int       `json:"of"`             // how many bytes: 1024, or all up to Offset
	Modified time.Time `json:"mtime"`          // when the file had last been written
}

// Position answers where the source stands after the first n lines of the batch.
func (b *Batch) Position(n int) Position {
	p := Position{Source: b.Source, Cursor: b.cursor, Files: slices.Clone(b.kept)}
	if n > 0 && b.Source == Journal {
		p.Cursor = cursorOf(b.Lines[n-1].Text)
	}
	for i, at := range b.places {
		if i == b.at && n > 0 {
			at.offset = b.Lines[n-1].End
		}
		p.Files = append(p.Files, at.export())
	}
	return p
}

// After answers where the source stands after the whole batch.
func (b *Batch) After() Position { return b.Position(len(b.Lines)) }

// identity is what the system calls a file.
type identity struct{ device, inode uint64 }

func identify(info os.FileInfo) identity {
	s := info.Sys().(*syscall.Stat_t)
	return identity{uint64(s.Dev), uint64(s.Ino)}
}

// place is a Place before anybody asked for it.
type place struct {
	identity
	offset   int64
	head     []byte // the first bytes of the file, at most headSize; never written to
	modified time.Time
}

func (p place) export() Place {
	e := Place{Device: p.device, Inode: p.inode, Offset: p.offset, Modified: p.modified.UTC()}
	e.HeadSize = int(min(int64(len(p.head)), p.offset))
	if e.HeadSize > 0 {
		e.Head = fingerprint(p.head[:e.HeadSize])
	}
	return e
}

func fingerprint(head []byte) string {
	sum := sha256.Sum256(head)
	return hex.EncodeToString(sum[:len(sum)/2])
}

// begins reports whether a file with these first bytes is, or is a copy of, the
// one of the place.
func (p Place) begins(head []byte) bool {
	return p.HeadSize > 0 && p.HeadSize <= len(head) && p.Head == fingerprint(head[:p.HeadSize])
}

// Position answers where Follow goes on after all of a plain log has been read,
// or all up to its last whole line if EndAtWholeLine was called.
func (o *Old) Position() (Position, error) {
	info, err := o.file.Stat()
	if err != nil || !o.plain {
		return Position{}, fmt.Errorf("%s: is no plain file: it cannot be followed", o.Name)
	}
	head := make([]byte, headSize)
	n, _ := o.file.ReadAt(head, 0)
	at := place{identity: identify(info), offset: o.Size, head: head[:n], modified: o.Modified}
	return Position{Source: o.Name, Files: []Place{at.export()}}, nil
}
