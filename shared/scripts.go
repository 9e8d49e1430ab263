package shared

import (
	"crypto/sha1"
	"encoding/hex"
)

// script is a Lua script that the engine runs as one step.
type script struct{ text, sha string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text)) // the engine's name for it
	return script{text, hex.EncodeToString(sum[:])}
}

// swap replaces a record: KEYS record; ARGV the version it is expected to be of,
// the new record, for how many seconds it is kept (0: for ever). It answers nothing
// when that is done, else the record that is there. Where there is none, the new one
// is all that is known.
const swap = `
local is = redis.call('GET', KEYS[1])
if is and string.sub(is, 1, 8) ~= ARGV[1] then return is end
if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return false`

// decide puts a decision on the list and on the wire: KEYS wire, list; ARGV user,
// decision, how many the wire keeps, and "1" if one that is on the list stays.
// It answers the decision's number; nothing if there was one.
const decide = `
if ARGV[4] == '1' and redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return false end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'd', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], id .. ' ' .. ARGV[2])
return id`

// tell puts news into the stream unless they are there: KEYS news, hosts, crowd; ARGV
// the host, the number of its news, the news, how many the stream keeps, and what the
// host knows of all users together with them ("": it does not say). It answers how many
// news were told since a host said that.
const tell = `
local had = tonumber(redis.call('HGET', KEYS[2], 'news ' .. ARGV[1]) or '0')
local told = tonumber(redis.call('HGET', KEYS[2], 'told') or '0')
if had < tonumber(ARGV[2]) then
  told = told + 1
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'h', ARGV[1], 'n', ARGV[3], 's', ARGV[2])
  redis.call('HSET', KEYS[2], 'news ' .. ARGV[1], ARGV[2], 'told', told)
end
if ARGV[5] ~= '' then
  redis.call('SET', KEYS[3], ARGV[5])
  redis.call('HSET', KEYS[2], 'crowd', told)
end
return told - tonumber(redis.call('HGET', KEYS[2], 'crowd') or '-1000000')`

// reword puts other words in the place of a decision on the list, if it is still the
// last about its user: KEYS list; ARGV user, what is there, what is to be there ("":
// nothing).
const reword = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1`

// SwapScript is the script of Swap with its name, for those who measure an engine.
func SwapScript() (text, sha string) {
	s := newScript(swap)
	return s.text, s.sha
}
