-- What every machine begins with. Gets: find, match, gmatch, gsub, loadstring as they are, and the
-- bit library of the engine. Runs before any file of the studio.
local bit, raw_find, raw_match, raw_gmatch, raw_gsub, raw_loadstring, clock, date, difftime, time = ...

-- Patterns with many repetitions can take for ever, and nothing can interrupt them.
local LONGEST_PATTERN, LONGEST_SUBJECT, LONGEST_WITH_MANY = 1024, 8 * 1024 * 1024, 2048

local function check(subject, pattern)
  if type(pattern) ~= "string" or type(subject) ~= "string" then
    return
  end
  if #pattern > LONGEST_PATTERN then
    error("pattern is too long", 3)
  end
  if #subject > LONGEST_SUBJECT then
    error("string is too long for a pattern", 3)
  end
  if #subject > LONGEST_WITH_MANY then
    local _, many = raw_gsub(pattern, "[%*%+%-]", "")
    if many > 4 then
      error("pattern has too many repetitions for so long a string", 3)
    end
  end
end

function string.find(subject, pattern, init, plain)
  if not plain then
    check(subject, pattern)
  end
  return raw_find(subject, pattern, init, plain)
end

function string.match(subject, pattern, init)
  check(subject, pattern)
  return raw_match(subject, pattern, init)
end

function string.gmatch(subject, pattern)
  check(subject, pattern)
  return raw_gmatch(subject, pattern)
end

function string.gsub(subject, pattern, replacement, count)
  check(subject, pattern)
  return raw_gsub(subject, pattern, replacement, count)
end

string.gfind = string.gmatch
string.dump = nil

-- Source text only: bytecode could do anything.
local function text_only(chunk)
  if type(chunk) == "string" and chunk:byte(1) == 27 then
    error("bytecode is not allowed", 3)
  end
end

function loadstring(chunk, name)
  text_only(chunk)
  return raw_loadstring(chunk, name)
end

function load(chunk, name)
  if type(chunk) == "function" then
    local parts = {}
    while true do
      local part = chunk()
      if part == nil or part == "" then
        break
      end
      parts[#parts + 1] = part
    end
    chunk = table.concat(parts)
  end
  text_only(chunk)
  return raw_loadstring(chunk, name)
end

dofile, loadfile = nil, nil
os = { clock = clock, date = date, difftime = difftime, time = time }

local TWO_32 = 4294967296
local function unsigned(n)
  return n % TWO_32
end
local function spread(operation)
  return function(...)
    return unsigned(operation(...))
  end
end

bit32 = {
  band = function(...)
    return select("#", ...) == 0 and 4294967295 or unsigned(bit.band(...))
  end,
  bor = function(...)
    return select("#", ...) == 0 and 0 or unsigned(bit.bor(...))
  end,
  bxor = function(...)
    return select("#", ...) == 0 and 0 or unsigned(bit.bxor(...))
  end,
  bnot = spread(bit.bnot),
  btest = function(...)
    return bit32.band(...) ~= 0
  end,
  lshift = function(x, by)
    if by < 0 then
      return bit32.rshift(x, -by)
    end
    return by > 31 and 0 or unsigned(bit.lshift(x, by))
  end,
  rshift = function(x, by)
    if by < 0 then
      return bit32.lshift(x, -by)
    end
    return by > 31 and 0 or unsigned(bit.rshift(x, by))
  end,
  arshift = function(x, by)
    if by < 0 then
      return bit32.lshift(x, -by)
    end
    return unsigned(bit.arshift(x, by > 31 and 31 or by))
  end,
  lrotate = function(x, by)
    return unsigned(bit.rol(x, by % 32))
  end,
  rrotate = function(x, by)
    return unsigned(bit.ror(x, by % 32))
  end,
  extract = function(x, field, width)
    width = width or 1
    if field < 0 or width < 1 or field + width > 32 then
      error("trying to access non-existent bits", 2)
    end
    return math.floor(unsigned(bit.tobit(x)) / 2 ^ field) % 2 ^ width
  end,
  replace = function(x, value, field, width)
    width = width or 1
    if field < 0 or width < 1 or field + width > 32 then
      error("trying to access non-existent bits", 2)
    end
    local old = bit32.extract(x, field, width)
    return unsigned(unsigned(bit.tobit(x)) + (value % 2 ^ width - old) * 2 ^ field)
  end,
}

-- Calls that begin in the server end here: what a script raises comes back as what it is. Nothing is
-- allocated on the way, for memory may be what is lacking.
local function answered(ok, ...)
  if ok then
    return true, ...
  end
  local e = ...
  if type(e) ~= "table" then
    return false, e
  end
  return false, e[1] == nil and tostring(e) or e[1], e[2]
end

local function run(f, ...)
  return answered(pcall(f, ...))
end

-- What the server has last said no with, and the code: `pcall` answers it besides the text.
local refusal, refusal_code
local raw_pcall, sub = pcall, string.sub

local function caught(ok, ...)
  if ok then
    return true, ...
  end
  local e = ...
  -- The place stands before it.
  if refusal and type(e) == "string" and sub(e, -#refusal) == refusal then
    return false, e, refusal_code
  end
  return false, e
end

function pcall(f, ...)
  refusal = nil
  return caught(raw_pcall(f, ...))
end

-- A host function answers whether it went well first. What it says otherwise is raised where the
-- script called it.
local function host(f)
  local function passed(ok, ...)
    if ok then
      return ...
    end
    refusal, refusal_code = ...
    error(refusal, 2)
  end
  return function(...)
    return passed(f(...))
  end
end

-- Reads, lets the script say what to write, writes; again when somebody else was faster.
local function retrying(read, write)
  return function(ids, update, retries)
    if type(update) ~= "function" then
      error("argument 2, update_fn, must be a function", 2)
    end
    if type(retries) ~= "number" or not (retries >= 0 and retries <= 10) then
      error("expects 0 to 10 retries", 2)
    end
    while true do
      local wanted = update(read(ids))
      local ok, answer = raw_pcall(write, wanted)
      if ok then
        return answer
      end
      if retries < 1 or type(answer) ~= "string" or not raw_find(answer, "version", 1, true) then
        error(answer, 0)
      end
      retries = retries - 1
    end
  end
end

-- Globals are for reading once everything is loaded: they are shared by all calls of a machine.
local function freeze()
  local globals, shared, setmetatable, next = _G, {}, setmetatable, next
  for name, value in next, globals do
    shared[name] = value
  end
  for name in next, shared do
    globals[name] = nil
  end
  setmetatable(globals, {
    __index = shared,
    __newindex = function(_, name)
      error("global " .. tostring(name) .. " cannot be set once the modules are loaded", 2)
    end,
    __metatable = false,
  })
end

return run, host, freeze, retrying
