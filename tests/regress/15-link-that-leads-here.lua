-- SPDX-License-Identifier: MIT
--
-- A simulator that was killed left its link. When the kernel gave the next one
-- the same PTY number, the link led to the new PTY, was taken for somebody
-- else's, and `--link` was refused.

local core <const> = require "attest.core"
local script_file <const> = require "tests.support.script_file"
local serve <const> = require "attest.cli.serve"
local uv <const> = require "luv"

-- Opens a PTY whose path is known before.
local function open_at(path, link)
  local pty <const> = core.pty
  core.pty = function()
    return { path = function() return path end, close = function() end }
  end
  local place <const>, err <const> = serve.open(link)
  core.pty = pty
  return place, err
end

describe("a link that a killed process left behind", function()
  it("is taken over where it leads to the new PTY", function()
    local files <close> = script_file.new()
    local path <const>, link <const> = files:write("pts", ""), files.folder .. "/link"
    assert(uv.fs_symlink(path, link))
    local place <const> = assert(open_at(path, link))
    assert.equal(link, place.name)
    place:close()
    assert.is_nil(uv.fs_lstat(link))
  end)

  it("is left alone where it leads to another's", function()
    local files <close> = script_file.new()
    local path <const>, link <const> = files:write("pts", ""), files.folder .. "/link"
    assert(uv.fs_symlink(files:write("other", ""), link))
    files:remove_later(link)
    local _, err <const> = open_at(path, link)
    assert.matches("%-%-link .*EEXIST", tostring(err))
    assert.equal(files.folder .. "/other", uv.fs_readlink(link))
  end)
end)
