package follow

import "bytes"

// cutter cuts a text into lines. A line longer than MaxLine is cut off there, and
// its rest passed over: it would come as a line of its own, whose beginning
// somebody else could choose.
type cutter struct {
	within bool  // the last line was cut off, and its end has not come yet
	long   int64 // lines that were cut off
}

// cut makes lines of a text that stands at an offset of its file. It answers how
// much of it has been used up: an unfinished last line is left, unless the file
// has ended. The lines are a copy, of which nothing is written to again.
func (c *cutter) cut(text []byte, offset int64, ended bool) (lines []Line, used int) {
	used = bytes.LastIndexByte(text, '\n') + 1
	rest := text[used:]
	zeros := hole(rest)
	switch {
	case c.within && used == 0 || ended || len(rest)-zeros > MaxLine:
		used = len(text)
	default:
		used += zeros
	}
	if used == 0 {
		return nil, 0
	}
	whole := bytes.Clone(text[:used])
	lines = make([]Line, 0, bytes.Count(whole, []byte{'\n'})+1)
	for start := 0; start < used; {
		if !c.within {
			if start += hole(whole[start:]); start == used {
				break
			}
		}
		end, next, finished := used, used, false
		if i := bytes.IndexByte(whole[start:], '\n'); i >= 0 {
			end, next, finished = start+i, start+i+1, true
		}
		if !c.within {
			line := whole[start:min(end, start+MaxLine)]
			lines = append(lines, Line{Text: line[:len(line):len(line)], End: offset + int64(next)})
			if end-start > MaxLine {
				c.long++
			}
		}
		c.within = !finished && (c.within || end-start > MaxLine)
		start = next
	}
	return lines, used
}

// hole is the length of the zeros before a line, which stand there when a file
// was emptied under a writer who does not append: it goes on where it was.
func hole(text []byte) int {
	if len(text) == 0 || text[0] != 0 {
		return 0
	}
	return len(text) - len(bytes.TrimLeft(text, "\x00"))
}
