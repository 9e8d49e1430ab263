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
	if rest := text[used:]; ended || len(rest) > MaxLine || c.within {
		used = len(text)
	}
	if used == 0 {
		return nil, 0
	}
	whole := bytes.Clone(text[:used])
	lines = make([]Line, 0, bytes.Count(whole, []byte{'\n'})+1)
	for start := 0; start < used; {
		end, next := used, used
		finished := false
		if i := bytes.IndexByte(whole[start:], '\n'); i >= 0 {
			end, next, finished = start+i, start+i+1, true
		}
		if !c.within {
			line := trimHole(whole[start:end])
			if len(line) > MaxLine {
				line = line[:MaxLine]
				c.long++
			}
			lines = append(lines, Line{Text: line[:len(line):len(line)], End: offset + int64(next)})
		}
		c.within = !finished && (c.within || end-start > MaxLine)
		start = next
	}
	return lines, used
}

// trimHole removes the zeros that stand before the first line of a file that was
// emptied under a writer who does not append: it goes on where it was.
func trimHole(line []byte) []byte {
	if len(line) > 0 && line[0] == 0 {
		return bytes.TrimLeft(line, "\x00")
	}
	return line
}
