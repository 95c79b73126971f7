-- SPDX-License-Identifier: MIT
--
-- Notes which catalogue forms went over a wire while tests run. Loaded by
-- tests/busted.lua when ATTEST_COVERAGE names a file; tests/coverage.lua
-- judges what was noted. Production code knows nothing of it: the two places
-- through which every command passes are wrapped from outside.
--
--     host ct12 qisend set OK        the host sent it and understood the answer
--     sim ct12 ota set ERROR=104     the simulated module read it and said this
--     sim ct12 ato bare silence      it did as it was told and answers nothing

local codec <const> = require "attest.codec"
local dialog <const> = require "attest.dialog"
local dispatch <const> = require "attest.sim.dispatch"
local input <const> = require "attest.sim.input"

local coverage = {}

--- How a form is called in the notes: forms of one kind have labels.
-- @tparam table entry of the catalogue
-- @tparam table form
-- @treturn string such as "gpio query"
function coverage.name(entry, form)
  return entry.name .. " " .. (form.label or form.kind)
end

-- Many processes append to one file: each note is one small write.
local function noter(path)
  local seen <const> = {}
  return function(side, module, entry, form, ending)
    local note <const> = ("%s %s %s %s\n"):format(side, module.name, coverage.name(entry, form),
      ending)
    if not seen[note] then
      seen[note] = true
      local file <close> = assert(io.open(path, "a"))
      file:setvbuf("full")
      assert(file:write(note))
    end
  end
end

-- A method of every dialog, so the first one made is the time to wrap it.
local function wrap_host(note)
  local new <const> = dialog.new
  local wrapped
  function dialog.new(...)
    local self <const> = new(...)
    local methods <const> = getmetatable(self).__index
    if methods.run ~= wrapped then
      local run <const> = methods.run
      function wrapped(dialog_itself, plan, ...)
        local answer <const>, err <const> = run(dialog_itself, plan, ...)
        local course <const> = plan.course
        if answer and course.entry and course.form then
          note("host", dialog_itself.module, course.entry, course.form,
            answer.final ~= "" and answer.final or "silence")
        end
        return answer, err
      end
      methods.run = wrapped
    end
    return self
  end
end

-- The line as the module reads it, junk in front or not.
local function read(machine, text)
  for _, command in ipairs(input.commands(text)) do
    local parsed <const> = codec.parse(machine.module, command)
    if parsed then
      return parsed
    end
  end
end

-- Calls `fn`; tells the last line that the machine printed meanwhile.
local function listen(machine, fn, ...)
  local print_line <const>, last = machine.print, nil
  local _ <close> = setmetatable({}, { __close = function()
    rawset(machine, "print", nil)
  end })
  rawset(machine, "print", function(self, line)
    last = line
    return print_line(self, line)
  end)
  fn(machine, ...)
  return last
end

local function wrap_sim(note)
  local execute <const> = dispatch.execute
  function dispatch.execute(machine, text, is_long)
    local parsed <const> = read(machine, text)
    local last <const> = listen(machine, execute, text, is_long)
    local is_bare <const> = parsed ~= nil and parsed.form.kind == "bare"
    if parsed and (last or is_bare) then
      note("sim", machine.module, parsed.entry, parsed.form, last or "silence")
    end
  end
end

--- Starts to note what goes over the wires of this process.
-- @string path file to append to
function coverage.install(path)
  local note <const> = noter(path)
  wrap_host(note)
  wrap_sim(note)
end

return coverage
