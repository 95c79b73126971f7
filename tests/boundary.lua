-- SPDX-License-Identifier: MIT
--
-- Boundary tests of the commands that a module of one's own adds or changes: each argument at its
-- limits and beyond them. Two variables name the module and the folder it is in.
--
--     MODULE=door CATALOGUE=modules attest lua tests/busted.lua tests/boundary.lua

local boundary <const> = require "tests.support.boundary"
local catalogue <const> = require "attest.catalogue"
local folders <const> = require "attest.catalogue.folders"

local name <const> = assert(os.getenv("MODULE"), "MODULE names no module")
local module <const> = assert(catalogue.load(name, folders.list { os.getenv("CATALOGUE") }))

describe("each argument of " .. name, function()
  boundary.declare(it, module)
end)
