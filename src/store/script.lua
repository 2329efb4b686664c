-- What the store does inside Redis, as one script: each act is carried out whole or not at all.
-- ARGV[1] is the act; the answer begins with ok, absent, conflict, newer or foreign.
local key, beside = KEYS[1], KEYS[2]
local clock = redis.call('TIME')
local now_us = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local now_ms = math.floor(now_us / 1000)
local BYTES_MAX = 4194304
local KEEP_MS = 3600000 -- what the last holder of a lease left

local function text(number)
  return string.format('%.0f', number)
end

local function next_number(last)
  return math.max((tonumber(last) or 0) + 1, now_us)
end

-- Whether the key holds something of another kind.
local function is_foreign(name, kind)
  local found = redis.call('TYPE', name).ok
  return found ~= kind and found ~= 'none'
end

local function expire(name, ttl_ms)
  if tonumber(ttl_ms) > 0 then
    redis.call('PEXPIRE', name, ttl_ms)
  else
    redis.call('PERSIST', name)
  end
end

-- Format, version and bytes of a document; a word instead of the format where it cannot be read.
local function document(name, format)
  if is_foreign(name, 'hash') then
    return 'foreign'
  end
  local found = redis.call('HMGET', name, 'f', 'v', 'b')
  if not found[1] and redis.call('EXISTS', name) == 0 then
    return 'absent'
  end
  local written = tonumber(found[1])
  if not written or not tonumber(found[2]) or not found[3] then
    return 'foreign'
  end
  if written > tonumber(format) then
    return 'newer'
  end
  return 'ok', found[2], found[3]
end

local function is_expected(state, version, expect, wanted)
  if expect == 'absent' then
    return state == 'absent'
  end
  return expect == 'any' or (state ~= 'absent' and version == wanted)
end

local acts = {}

-- How long the document lives from now on, and how old it is. The document holds its time to live (t), so that a reader
-- can begin it anew, the time of its first PUT (c) and the age that it may reach (m).
local function live(name)
  local found = redis.call('HMGET', name, 't', 'c', 'm')
  local ttl, most = tonumber(found[1]) or 0, tonumber(found[3]) or 0
  local age = math.max(now_ms - (tonumber(found[2]) or now_ms), 0)
  if most > 0 and (ttl == 0 or most - age < ttl) then
    ttl = math.max(most - age, 1)
  end
  return ttl, age
end

local function left_of(name)
  return math.max(redis.call('PTTL', name), 0)
end

-- pcall: a Redis that takes no changes just now still tells what it has.
function acts.get(format, touches)
  local state, version, bytes = document(key, format)
  if state ~= 'ok' then
    return {state}
  end
  local ttl, age = live(key)
  if touches == '1' and ttl > 0 then
    redis.pcall('PEXPIRE', key, text(ttl))
  end
  return {'ok', version, bytes, text(left_of(key)), text(age)}
end

function acts.put(format, bytes, expect, wanted, ttl_ms, most_ms, name)
  local state, version = document(key, format)
  if state == 'newer' or state == 'foreign' then
    return {state}
  end
  if not is_expected(state, version, expect, wanted) then
    return {'conflict'}
  end
  if name ~= '' and is_foreign(beside, 'zset') then
    return {'foreign'}
  end
  version = text(next_number(version))
  redis.call('HSET', key, 'f', format, 'v', version, 'b', bytes, 't', ttl_ms, 'm', most_ms)
  redis.call('HSETNX', key, 'c', text(now_ms))
  local ttl, age = live(key)
  expire(key, text(ttl))
  if name ~= '' then
    redis.call('ZADD', beside, 0, name)
  end
  return {'ok', version, '', text(ttl), text(age)}
end

function acts.remove(expect, wanted, name)
  local state, version = document(key, '1000000000')
  if state == 'foreign' then
    return {state}
  end
  if not is_expected(state, version, expect, wanted) then
    return {'conflict'}
  end
  redis.call('DEL', key)
  if name ~= '' and not is_foreign(beside, 'zset') then
    redis.call('ZREM', beside, name)
  end
  return {'ok'}
end

function acts.list(format, after, limit, folder)
  if is_foreign(key, 'zset') then
    return {'foreign'}
  end
  limit = tonumber(limit)
  local from = after == '' and '-' or '(' .. after
  local names = redis.call('ZRANGEBYLEX', key, from, '+', 'LIMIT', 0, limit + 1)
  local answer, n_bytes, last = {'ok', ''}, 0, ''
  for i, name in ipairs(names) do
    if i > limit or n_bytes > BYTES_MAX then
      answer[2] = last
      break
    end
    local state, version, bytes = document(folder .. name, format)
    if state == 'newer' or state == 'foreign' then
      return {state}
    end
    if state == 'absent' then
      redis.call('ZREM', key, name) -- it has expired
    else
      n_bytes = n_bytes + #bytes
      answer[#answer + 1] = name
      answer[#answer + 1] = version
      answer[#answer + 1] = bytes
      answer[#answer + 1] = text(left_of(folder .. name))
    end
    last = name
  end
  return answer
end

local function last_of(stream)
  local entries = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
  return entries[1] and string.match(entries[1][1], '^%d+') or '0'
end

function acts.append(format, bytes, limit, ttl_ms, wanted)
  if is_foreign(key, 'stream') then
    return {'foreign'}
  end
  local last = last_of(key)
  local sequence = wanted
  if wanted == '0' then
    sequence = text(next_number(last))
  elseif tonumber(wanted) <= tonumber(last) then
    return {'conflict'}
  end
  redis.call('XADD', key, 'MAXLEN', limit, sequence .. '-0', 'f', format, 'b', bytes)
  expire(key, ttl_ms)
  return {'ok', sequence}
end

function acts.read(format, after, limit)
  if is_foreign(key, 'stream') then
    return {'foreign'}
  end
  local answer, n_bytes = {'ok', ''}, 0
  local left
  for _, entry in ipairs(redis.call('XRANGE', key, text(tonumber(after) + 1), '+', 'COUNT', limit)) do
    local fields = entry[2]
    if fields[1] ~= 'f' or fields[3] ~= 'b' or not tonumber(fields[2]) then
      return {'foreign'}
    end
    if tonumber(fields[2]) > tonumber(format) then
      return {'newer'}
    end
    if n_bytes > BYTES_MAX then
      break
    end
    n_bytes = n_bytes + #fields[4]
    left = left or text(left_of(key))
    answer[#answer + 1] = fields[2]
    answer[#answer + 1] = string.match(entry[1], '^%d+')
    answer[#answer + 1] = fields[4]
    answer[#answer + 1] = left
  end
  if #answer == 2 and tonumber(after) > tonumber(last_of(key)) then
    answer[2] = last_of(key) -- where the stream ends
  end
  return answer
end

function acts.count(rate, burst, cost)
  if is_foreign(key, 'string') then
    return {'foreign'}
  end
  local each = 1000000 / rate
  local whole, taken = each * burst, each * cost
  local found = redis.call('GET', key)
  local full = tonumber(found or '0')
  if not full then
    return {'foreign'}
  end
  local used = math.max(full - now_us, 0)
  if used > whole then -- the clock was set back, or the limit is another one now: it is used up, and fills from now on
    used = whole
    redis.call('SET', key, text(now_us + whole), 'PX', math.ceil(whole / 1000) + 1)
  end
  local allowed, retry_ms = 1, 0
  if used + taken > whole + 1 then
    allowed, retry_ms = 0, math.ceil((used + taken - whole) / 1000)
  else
    used = used + taken
    redis.call('SET', key, text(now_us + used), 'PX', math.ceil(used / 1000) + 1)
  end
  return {'ok', text(allowed), text(math.floor((whole - used) / each)), text(retry_ms)}
end

local function tell()
  local sequence = text(next_number(last_of(beside)))
  redis.call('XADD', beside, 'MAXLEN', 1, sequence .. '-0', 'e', 1)
  redis.call('PEXPIRE', beside, KEEP_MS)
end

-- Holder, end, fencing number, whether another one asked for the lease, and what was left. The end is told by the time to
-- live of the key, less KEEP_MS, so it needs no memory of its own.
local function lease()
  local found = redis.call('HMGET', key, 'h', 'n', 'w', 'b')
  local ends = now_ms + redis.call('PTTL', key) - KEEP_MS
  return found[1] or '', ends, found[2], found[3] == '1', found[4] or ''
end

-- Works also in a Redis that is full: a holder keeps its lease. The end (u) is written for versions that read it.
local function hold(ttl_ms)
  redis.call('PEXPIRE', key, ttl_ms + KEEP_MS)
  redis.call('HDEL', key, 'w')
  redis.pcall('HSET', key, 'u', text(now_ms + ttl_ms))
end

function acts.lease(holder, ttl_ms)
  if is_foreign(key, 'hash') or is_foreign(beside, 'stream') then
    return {'foreign'}
  end
  local last, ends, fence, wanted, left = lease()
  if last ~= '' and last ~= holder and ends > now_ms then
    if not wanted then -- the holder is told once; each further event would wake the others who wait, and they ask again
      redis.call('HSET', key, 'w', '1')
      tell()
    end
    return {'held', text(ends - now_ms), last_of(beside)}
  end
  fence = text(next_number(fence))
  redis.call('HSET', key, 'h', holder, 'n', fence, 'b', '')
  hold(tonumber(ttl_ms))
  return {'ok', fence, (last == '' or last == holder) and '1' or '0', left, last_of(beside)}
end

local function is_lost(holder, fence)
  local last, ends, number = lease()
  return last ~= holder or ends <= now_ms or number ~= fence
end

function acts.renew(holder, fence, ttl_ms)
  if is_foreign(key, 'hash') then
    return {'foreign'}
  end
  if is_lost(holder, fence) then
    return {'lost'}
  end
  local _, _, _, wanted = lease()
  hold(tonumber(ttl_ms))
  return {'ok', wanted and '1' or '0'}
end

function acts.release(holder, fence, bytes)
  if is_foreign(key, 'hash') or is_foreign(beside, 'stream') then
    return {'foreign'}
  end
  if is_lost(holder, fence) then
    return {'lost'}
  end
  local written = redis.pcall('HSET', key, 'h', '', 'b', bytes)
  redis.call('PEXPIRE', key, KEEP_MS)
  if type(written) == 'table' and written.err then -- Redis is full: the lease is free, but nothing is left or told
    redis.call('HDEL', key, 'h')
  else
    tell()
  end
  return {'ok'}
end

-- redis_mark.c: whether what was taken is still there.
function acts.mark(number, ttl_ms)
  if is_foreign(key, 'string') then
    return {'foreign'}
  end
  redis.call('SET', key, number, 'PX', ttl_ms)
  return {'ok', number}
end

function acts.marked()
  return {'ok', not is_foreign(key, 'string') and redis.call('GET', key) or '0'}
end

-- {group}/name and {key} without the braces.
local function plain(name)
  local group, rest = string.match(name, '^{(.-)}(.*)$')
  return group and group .. rest
end

function acts.walk(cursor, limit, prefix, letter)
  local found = redis.call('SCAN', cursor == '' and '0' or cursor, 'MATCH', prefix .. letter .. ':*', 'COUNT', limit)
  local answer = {'ok', found[1] == '0' and '' or found[1]}
  for _, name in ipairs(found[2]) do
    local short = plain(string.sub(name, #prefix + 3))
    local state, version, format
    if letter == 'd' then
      state, version = document(name, '1000000000')
      format = state == 'ok' and redis.call('HGET', name, 'f')
    elseif not is_foreign(name, 'stream') then
      state, version, format = 'ok', '0', '0'
    end
    if short and state == 'ok' then
      answer[#answer + 1] = short
      answer[#answer + 1] = version
      answer[#answer + 1] = format
      answer[#answer + 1] = text(left_of(name))
    end
  end
  return answer
end

-- The user may not be allowed to call INFO; then the text is empty.
function acts.about()
  local server, memory = redis.pcall('INFO', 'server'), redis.pcall('INFO', 'memory')
  return {'ok', '0', (type(server) == 'string' and server or '') .. (type(memory) == 'string' and memory or '')}
end

function acts.watch()
  if is_foreign(key, 'stream') then
    return {'foreign'}
  end
  return {'ok', last_of(key)}
end

return acts[ARGV[1]](unpack(ARGV, 2))
